"""Tiny seeded encoders as exporters and ONNX Runtime's tools write them, with the outputs that the import
must keep. Needs torch, transformers, onnx, onnxruntime, onnxscript (for the dynamo exporter).

    python test/reference/graph/export_encoders.py

Writes golden/import-*.onnx and golden/import.json: inputs; for each file PyTorch's (or, for quantised
files, PyTorch's with the dequantised weights) logits and hidden states, and the gradient of a loss.
"""
import json, os, warnings
import numpy as np
import onnx
import torch
from onnx import numpy_helper
from transformers import BertConfig, BertForSequenceClassification
from transformers import DistilBertConfig, DistilBertForSequenceClassification

warnings.filterwarnings("ignore")
OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
SHAPE = dict(vocab_size=40, max_position_embeddings=16, num_labels=3)


def bert(attention="eager"):
    torch.manual_seed(1)
    config = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
                        initializer_range=0.2, attn_implementation=attention, **SHAPE)
    return shaken(BertForSequenceClassification(config).eval())


def distilbert(attention="eager"):
    torch.manual_seed(2)
    config = DistilBertConfig(dim=32, n_layers=2, n_heads=4, hidden_dim=64, initializer_range=0.2,
                              attn_implementation=attention, **SHAPE)
    return shaken(DistilBertForSequenceClassification(config).eval())


def shaken(model):
    """Biases and norms that are not 0 and 1, so that leaving one out shows."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model


torch.manual_seed(3)
IDS = torch.randint(5, 40, (2, 7))
MASK = torch.ones(2, 7, dtype=torch.long)
MASK[1, 4:] = 0
TYPES = torch.zeros_like(IDS)
TYPES[0, 3:] = 1


def inputs_of(model):
    kind = model.config.model_type
    return {"input_ids": IDS, "attention_mask": MASK} | ({"token_type_ids": TYPES} if kind == "bert" else {})


def export(model, path, opset, dynamo):
    feeds = inputs_of(model)
    names = list(feeds)
    keywords = {} if dynamo else {"dynamic_axes": {name: {0: "batch", 1: "sequence"} for name in names}}
    if dynamo:
        dims = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence")}
        keywords["dynamic_shapes"] = {name: dims for name in names}
        keywords["external_data"] = False
    kwargs = dict(feeds)
    torch.onnx.export(model, (), path, kwargs=kwargs, input_names=names, output_names=["logits"],
                      opset_version=opset, dynamo=dynamo, **keywords)
    stripped = onnx.load(path)
    for node in stripped.graph.node:  # stack traces, half of a small file
        node.doc_string = ""
        del node.metadata_props[:]
    onnx.save(stripped, path)


def expected(model):
    model.zero_grad()
    result = model(**inputs_of(model), output_hidden_states=True)
    loss = torch.nn.functional.cross_entropy(result.logits, torch.tensor([2, 0]))
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    chosen = [n for n in gradients if "word_embeddings" in n or "LayerNorm.weight" in n
              or "layer_norm.weight" in n or "query.bias" in n or "q_lin.bias" in n or "classifier" in n]
    return {
        "logits": flat(result.logits),
        "hidden": [flat(state) for state in result.hidden_states],
        "loss": float(loss),
        "gradients": {n: flat(gradients[n]) for n in chosen if "word" not in n and "0" in n or n.startswith("classifier")},
    }


def flat(tensor):
    return {"dims": list(tensor.shape), "values": [float(f"{v:.7g}") for v in tensor.detach().double().flatten().tolist()]}


def dequantised(model, path):
    """The model with the weights that the quantised file holds: what its import must compute."""
    file = onnx.load(path)
    tensors = {t.name: numpy_helper.to_array(t) for t in file.graph.initializer}
    makers = {o: n for n in file.graph.node for o in n.output}
    state = {name: value.detach().clone() for name, value in model.state_dict().items()}
    todo = {name: value for name, value in state.items() if value.ndim == 2}
    changed = 0
    for name, array in tensors.items():
        if not name.endswith("_quantized") or array.ndim != 2:
            continue
        base = name[: -len("_quantized")]
        scale, zero = tensors[base + "_scale"], tensors[base + "_zero_point"]
        values = (array.astype(np.float32) - zero.astype(np.float32)) * scale
        match = nearest(todo, values)
        state[match] = torch.tensor(values if values.shape == todo[match].shape and
                                    np.abs(values - todo[match].numpy()).max() < 0.1 else values.T)
        changed += 1
    assert changed >= 12, changed
    model.load_state_dict(state)
    return model


def nearest(candidates, values):
    def distance(value):
        array = value.numpy()
        found = [np.abs(form - values).max() for form in (array, array.T) if form.shape == values.shape]
        return min(found, default=np.inf)
    return min(candidates, key=lambda name: distance(candidates[name]))


def few_bits(path, target, bits):
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer, DefaultWeightOnlyQuantConfig
    from onnxruntime.quantization import QuantFormat
    config = DefaultWeightOnlyQuantConfig(block_size=16, is_symmetric=False, bits=bits, quant_format=QuantFormat.QOperator)
    quantizer = MatMulNBitsQuantizer(onnx.load(path), algo_config=config)
    quantizer.process()
    onnx.save(quantizer.model.model, target)


def run(path):
    import onnxruntime
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    feeds = {}
    for info in session.get_inputs():
        array = {"input_ids": IDS, "attention_mask": MASK, "token_type_ids": TYPES}[info.name].numpy()
        feeds[info.name] = array.astype(np.int32) if "int32" in info.type else array
    return session.run(None, feeds)[0]


def main():
    os.makedirs(OUT, exist_ok=True)
    golden = {"inputs": {"input_ids": IDS.tolist(), "attention_mask": MASK.tolist(), "token_type_ids": TYPES.tolist()},
              "expected": {}, "files": {}}
    models = {"bert": bert(), "distilbert": distilbert()}
    for name, model in models.items():
        golden["expected"][name] = expected(model)

    def keep(name, of, tolerance, why):
        golden["files"][name] = {"of": of, "tolerance": tolerance, "why": why,
                                 "onnxruntime": flat(torch.tensor(run(path(name)).astype(np.float32)))}
        print(name, os.path.getsize(path(name)))

    def path(name):
        return os.path.join(OUT, f"import-{name}.onnx")

    for kind, opset, dynamo, attention in (
        ("bert", 11, False, "eager"), ("bert", 14, False, "sdpa"), ("bert", 17, False, "eager"),
        ("bert", 18, True, "sdpa"), ("distilbert", 11, False, "eager"), ("distilbert", 18, True, "eager"),
    ):
        name = f"{kind}-{'dynamo' if dynamo else 'torchscript'}-{opset}"
        export({"bert": bert, "distilbert": distilbert}[kind](attention), path(name), opset, dynamo)
        keep(name, kind, 1e-5, "the same numbers")

    from onnxruntime.transformers.optimizer import optimize_model
    fused = optimize_model(path("bert-torchscript-11"), model_type="bert", num_heads=4, hidden_size=32,
                           opt_level=0)
    fused.save_model_to_file(path("bert-fused"))
    keep("bert-fused", "bert", 1e-5, "the same numbers")
    fused.convert_float_to_float16(keep_io_types=False)
    fused.save_model_to_file(path("bert-fused-fp16"))
    keep("bert-fused-fp16", "bert", 5e-3, "weights rounded to half precision")

    from onnxruntime.quantization import quantize_dynamic, QuantType
    quantize_dynamic(path("bert-torchscript-17"), path("bert-dynamic-int8"), weight_type=QuantType.QInt8)
    model = dequantised(bert(), path("bert-dynamic-int8"))
    golden["expected"]["bert-int8"] = expected(model)
    keep("bert-dynamic-int8", "bert-int8", 1e-4, "PyTorch with the dequantised weights")
    quantize_dynamic(path("bert-fused"), path("bert-fused-int8"), weight_type=QuantType.QUInt8,
                     extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})
    keep("bert-fused-int8", "bert", 0.2, "weights rounded to 8 bits, one scale a matrix")
    for bits in (4, 8):
        few_bits(path("bert-torchscript-17"), path(f"bert-nbits-{bits}"), bits)
        keep(f"bert-nbits-{bits}", None, 1e-3, "as ONNX Runtime computes it, which does not round activations")
    with open(os.path.join(OUT, "import.json"), "w") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")


main()
