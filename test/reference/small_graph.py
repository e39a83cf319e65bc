"""A small graph with an int8 weight, layer normalisation and softmax, and what numpy makes of it in float64.

Writes test/reference/golden/small-graph.json: the ModelProto in base64, the input and the outputs.
Run: python test/reference/small_graph.py
"""

import base64
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(7)
quantised = rng.integers(-127, 128, size=(8, 4), dtype=np.int8)
scale = np.float32(0.013)
weights = {
    "w_q": quantised,
    "w_scale": np.array(scale, np.float32),
    "w_zero": np.array(0, np.int8),
    "bias": rng.normal(size=4).astype(np.float32),
    "gamma": rng.normal(1, 0.1, size=8).astype(np.float32),
    "beta": rng.normal(0, 0.1, size=8).astype(np.float32),
}
nodes = [
    helper.make_node("LayerNormalization", ["x", "gamma", "beta"], ["normal"], axis=-1, epsilon=1e-12),
    helper.make_node("DequantizeLinear", ["w_q", "w_scale", "w_zero"], ["w"]),
    helper.make_node("MatMul", ["normal", "w"], ["product"]),
    helper.make_node("Add", ["product", "bias"], ["logits"]),
    helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
]
graph = helper.make_graph(
    nodes,
    "small",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8])],
    [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 4]),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 4]),
    ],
    [numpy_helper.from_array(value, name) for name, value in weights.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model, full_check=True)
data = model.SerializeToString()

x = rng.normal(size=(3, 8)).astype(np.float32)
wide = {name: value.astype(np.float64) for name, value in weights.items()}
centred = x.astype(np.float64) - x.astype(np.float64).mean(-1, keepdims=True)
normal = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12) * wide["gamma"] + wide["beta"]
logits = normal @ (wide["w_q"] * wide["w_scale"]) + wide["bias"]
probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)

# By default onnxruntime also quantises the input of a MatMul whose weight is quantised: 3e-3 off here.
# Headlight asks it not to, and so does this check of the script itself.
options = onnxruntime.SessionOptions()
options.add_session_config_entry("session.disable_quant_qdq", "1")
found = onnxruntime.InferenceSession(data, options).run(None, {"x": x})
assert np.abs(found[0] - logits).max() < 1e-5 and np.abs(found[1] - probabilities).max() < 1e-6

golden = {
    "model": base64.b64encode(data).decode(),
    "x": {"dims": list(x.shape), "data": x.ravel().tolist()},
    "logits": {"dims": list(logits.shape), "data": logits.ravel().tolist()},
    "probabilities": {"dims": list(probabilities.shape), "data": probabilities.ravel().tolist()},
}
path = Path(__file__).parent / "golden" / "small-graph.json"
path.write_text(json.dumps(golden, indent=1) + "\n")
