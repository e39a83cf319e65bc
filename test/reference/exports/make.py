"""The tiny seeded models of test/reference/architectures (and encoders/bert) as they come from the Hub: exported
by both of PyTorch's exporters, then as ONNX Runtime's tools turn them into half precision, 8 and 4 bits.

    python test/reference/exports/make.py [name ...]

Needs torch, transformers, onnx, onnxruntime, onnxscript. Writes <name>-<variant>.onnx.gz (and their external
data) and exports.json: the inputs; transformers' hidden states of every layer; for each file ONNX Runtime's own
hidden states of the same file, read at the values of the plain export that are transformers' (found by their
numbers), and the cosine of the last one to that of the plain export.
"""

import gzip
import json
import logging
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, shape_inference
from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import (
    DefaultWeightOnlyQuantConfig,
    MatMulNBitsQuantizer,
)
from onnxruntime.transformers.float16 import convert_float_to_float16
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModel, DistilBertConfig, DistilBertModel

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
HERE = Path(__file__).parent
ARCHITECTURES = HERE.parent / "architectures"
NAMES = sorted(p.name.removesuffix(".config.json") for p in ARCHITECTURES.glob("*.config.json"))
NAMES += ["bert", "distilbert"]
TOKENS = 9


def build(name):
    if name == "distilbert":
        torch.manual_seed(11)
        config = DistilBertConfig(
            vocab_size=40, dim=16, n_layers=2, n_heads=2, hidden_dim=24, max_position_embeddings=24, pad_token_id=1
        )
        model = DistilBertModel(config)
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                noise = 0.25 * torch.randn_like(parameter)
                parameter.copy_(1 + 0.4 * noise if "orm.weight" in key else noise)
        return model.eval()
    folder = HERE.parent / "encoders" if name == "bert" else ARCHITECTURES
    settings = json.loads((folder / f"{name}.config.json").read_text())
    config = AutoConfig.for_model(**{"model_type": name, **settings})
    config._attn_implementation = "eager"
    kinds = {"add_pooling_layer": False} if name in ("bert", "roberta", "xlm-roberta", "mpnet", "albert") else {}
    model = AutoModel.from_config(config, attn_implementation="eager", **kinds).eval()
    weights = load_file(folder / f"{name}.safetensors")
    prefix = model.base_model_prefix + "."
    weights = {key.removeprefix(prefix): value for key, value in weights.items()}
    missing, _ = model.load_state_dict(weights, strict=False)
    assert all("masked_bias" in key or key.endswith("attn.bias") for key in missing), missing
    return model


class Body(torch.nn.Module):
    """What optimum exports: the encoder with its last hidden state as the only output."""

    def __init__(self, model, types):
        super().__init__()
        self.model, self.types = model, types

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        fed = {"token_type_ids": token_type_ids} if self.types else {}
        if hasattr(self.model.config, "use_cache"):
            fed["use_cache"] = False
        return self.model(input_ids=input_ids, attention_mask=attention_mask, **fed).last_hidden_state


def inputs_for(model):
    generator = torch.Generator().manual_seed(5)
    ids = torch.randint(4, 40, (3, TOKENS), generator=generator)
    mask = torch.ones_like(ids)
    pad = model.config.pad_token_id
    for row, length in enumerate((9, 6, 3)):
        mask[row, length:] = 0
        ids[row, length:] = pad if pad is not None else 0
    return ids, mask


def export(model, path, dynamo):
    types = (getattr(model.config, "type_vocab_size", 0) or 0) > 1
    ids, mask = inputs_for(model)
    names = ["input_ids", "attention_mask"] + (["token_type_ids"] if types else [])
    values = [ids, mask] + ([torch.zeros_like(ids)] if types else [])
    axes = {0: "batch_size", 1: "sequence_length"}
    if dynamo:
        dims = {0: torch.export.Dim("batch_size"), 1: torch.export.Dim("sequence_length", min=2, max=20)}
        given = dict(dynamic_shapes=tuple(dims for _ in names), external_data=False)
    else:
        given = dict(dynamic_axes={n: axes for n in [*names, "last_hidden_state"]}, opset_version=14)
    with torch.no_grad():
        torch.onnx.export(
            Body(model, types).eval(), tuple(values), str(path), input_names=names,
            output_names=["last_hidden_state"], dynamo=dynamo, verbose=False, **given,
        )
    onnx.save(stripped(onnx.load(str(path))), str(path))


def stripped(model):
    """Without stack traces, half of a small file."""
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        del graph.metadata_props[:]
        for value in [*graph.value_info, *graph.input, *graph.output, *graph.initializer]:
            value.doc_string = ""
            del value.metadata_props[:]
        for node in graph.node:
            node.doc_string = ""
            del node.metadata_props[:]
            graphs += [a.g for a in node.attribute if a.type == onnx.AttributeProto.GRAPH]
    for function in model.functions:
        function.doc_string = ""
        del function.metadata_props[:]
        for node in function.node:
            node.doc_string = ""
            del node.metadata_props[:]
    return model


def session_of(model):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(model, feeds, extra=()):
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    known = {o.name for o in copy.graph.output}
    for name in extra:
        if name not in known:
            copy.graph.output.append(helper.make_value_info(name, onnx.TypeProto()))
    session = session_of(copy)
    names = {i.name for i in session.get_inputs()}
    found = session.run(None, {k: v for k, v in feeds.items() if k in names})
    return dict(zip([o.name for o in session.get_outputs()], found))


def states_by_number(model, feeds, states):
    """Names of the values that are transformers' hidden states, the earliest of those that are."""
    everything = [name for node in model.graph.node for name in node.output if name]
    values = run(model, feeds, everything)
    found = []
    for state in states:
        like = [n for n in everything if values[n].shape == state.shape and values[n].dtype == np.float32
                and np.abs(values[n] - state).max() < 1e-4]
        assert like, "a hidden state is not in the export"
        found.append(like)
    return found


def nbits(model, block, symmetric):
    config = DefaultWeightOnlyQuantConfig(
        block_size=block, is_symmetric=symmetric, bits=4, quant_format=QuantFormat.QOperator,
        op_types_to_quantize=("MatMul",),
    )
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    quantizer = MatMulNBitsQuantizer(copy, algo_config=config)
    quantizer.process()
    return quantizer.model.model


def gathered(model, block):
    """q4 with the word table in 4 bits too (GatherBlockQuantized)."""
    config = DefaultWeightOnlyQuantConfig(
        block_size=block, is_symmetric=False, bits=4, quant_format=QuantFormat.QOperator,
        op_types_to_quantize=("MatMul", "Gather"), quant_axes=(("MatMul", 0), ("Gather", 1)),
    )
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    quantizer = MatMulNBitsQuantizer(copy, algo_config=config)
    quantizer.process()
    return quantizer.model.model


def half(model):
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    try:
        copy = shape_inference.infer_shapes(copy)
    except Exception:
        pass
    return convert_float_to_float16(copy, keep_io_types=True, disable_shape_infer=True)


def dynamic(path, kind):
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "q8.onnx"
        quantize_dynamic(str(path), str(target), weight_type=kind, extra_options={"DefaultTensorType": TensorProto.FLOAT})
        return onnx.load(str(target))


def pooled(states, mask):
    """[layers + 1][mean and first][texts][hidden]."""
    weights = mask[..., None].astype(np.float64)
    both = [[(s * weights).sum(1) / weights.sum(1), s[:, 0]] for s in states]
    return [[[[float(f"{v:.6g}") for v in row] for row in part] for part in pair] for pair in both]


def cosine(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def make(name):
    model = build(name)
    ids, mask = inputs_for(model)
    fed = {"input_ids": ids.numpy(), "attention_mask": mask.numpy(), "token_type_ids": np.zeros_like(ids.numpy())}
    keywords = {"use_cache": False} if hasattr(model.config, "use_cache") else {}
    with torch.no_grad():
        states = model(input_ids=ids, attention_mask=mask, output_hidden_states=True, **keywords).hidden_states
    states = [state.numpy() for state in states]
    config = model.config.to_dict()
    entry = {"config": config, "input_ids": ids.tolist(), "attention_mask": mask.tolist(),
             "states": pooled(states, mask.numpy()), "files": {}}

    def keep(variant, exported, names, precision):
        if exported is None:
            return
        data = exported.SerializeToString()
        (HERE / f"{name}-{variant}.onnx.gz").write_bytes(gzip.compress(data, 9, mtime=0))
        made = {o for node in exported.graph.node for o in node.output}
        chosen = [next((n for n in like if n in made), None) for like in names]
        values = run(exported, fed, [n for n in chosen if n])
        own = [values[n].astype(np.float32) if n else None for n in chosen]
        last = own[-1] if own[-1] is not None else values["last_hidden_state"].astype(np.float32)
        seen = mask.numpy()[..., None]
        entry["files"][variant] = {
            "precision": precision, "bytes": len(data),
            "states": [None if s is None else pooled([s], mask.numpy())[0] for s in own],
            "cosine": round(cosine(last * seen, states[-1] * seen), 6),
        }
        print(name, variant, len(data), entry["files"][variant]["cosine"], [n for n in chosen], file=sys.stderr)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        for variant, dynamo in (("torchscript", False), ("dynamo", True)):
            try:
                export(build(name), path, dynamo)
            except Exception as error:
                print(name, variant, "is not exported:", str(error)[:300], file=sys.stderr)
                continue
            plain = onnx.load(str(path))
            names = states_by_number(plain, fed, states)
            keep(variant, plain, names, "fp32")
            if variant == "torchscript":
                first, first_names, data = plain, names, Path(folder) / "first.onnx"
                onnx.save(plain, str(data))
            elif name in ("bert", "modernbert", "roberta"):
                # The tool asks for a newer opset, whose sums take their axes otherwise than opset 14's.
                keep("q4-gather", gathered(plain, 16), names, "q4")
        keep("fp16", half(first), first_names, "fp16")
        keep("q8", dynamic(data, QuantType.QInt8), first_names, "q8")
        if name != "gpt2":  # all of its products are Gemm, which the tool leaves as they are
            keep("q4", nbits(first, 32, True), first_names, "q4")
        if name in ("bert", "modernbert", "roberta"):
            keep("uint8", dynamic(data, QuantType.QUInt8), first_names, "q8")
            keep("q4-16", nbits(first, 16, False), first_names, "q4")
            keep("q4f16", half(nbits(first, 32, False)), first_names, "q4")
    return entry


def main():
    torch.set_num_threads(1)
    path = HERE / "exports.json"
    golden = json.loads(path.read_text()) if path.exists() else {}
    for name in sys.argv[1:] or NAMES:
        golden[name] = make(name)
        path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


main()
