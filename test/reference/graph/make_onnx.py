"""Golden files of test/unit/graph: a small ONNX model with something of everything, and what is in it.

    python test/reference/graph/make_onnx.py               writes everything.onnx, everything.json, external.onnx
    python test/reference/graph/make_onnx.py check FILE..  FILE (written by Headlight) must hold what
                                                           everything.onnx holds

Needs onnx, numpy and onnxruntime.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

here = Path(__file__).parent


def values(tensor):
    if tensor.data_type == TensorProto.STRING:
        return [item.decode() for item in tensor.string_data]
    array = numpy_helper.to_array(tensor)
    if tensor.data_type in (TensorProto.BFLOAT16, TensorProto.FLOAT16):
        return array.view(np.uint16).ravel().tolist()
    return [str(item) if array.dtype in (np.int64, np.uint64) else item for item in array.ravel().tolist()]


def make():
    typed = [
        helper.make_tensor("t_float32", TensorProto.FLOAT, [2, 2], [1.5, -2.25, 3e-8, 7e30]),
        helper.make_tensor("t_float64", TensorProto.DOUBLE, [2], [0.1, -1e300]),
        helper.make_tensor("t_int8", TensorProto.INT8, [3], [-128, 0, 127]),
        helper.make_tensor("t_uint8", TensorProto.UINT8, [3], [0, 200, 255]),
        helper.make_tensor("t_int16", TensorProto.INT16, [2], [-32768, 5]),
        helper.make_tensor("t_uint16", TensorProto.UINT16, [2], [65535, 5]),
        helper.make_tensor("t_int32", TensorProto.INT32, [2], [-2147483648, 5]),
        helper.make_tensor("t_uint32", TensorProto.UINT32, [2], [4294967295, 5]),
        helper.make_tensor("t_int64", TensorProto.INT64, [2], [-(2**63), 2**63 - 1]),
        helper.make_tensor("t_uint64", TensorProto.UINT64, [1], [2**64 - 1]),
        helper.make_tensor("t_bool", TensorProto.BOOL, [3], [True, False, True]),
        helper.make_tensor("t_float16", TensorProto.FLOAT16, [3], [1.0, -0.5, 65504.0]),
        helper.make_tensor("t_bfloat16", TensorProto.BFLOAT16, [2], [1.0, -3.0]),
        helper.make_tensor("t_string", TensorProto.STRING, [2], [b"plain", "gr\u00fcn".encode()]),
        helper.make_tensor("t_empty", TensorProto.FLOAT, [0, 4], []),
    ]
    # The same values again as raw bytes; a one-letter name moves them off every alignment.
    raw = [
        numpy_helper.from_array(np.arange(5, dtype=np.float32), "r"),
        numpy_helper.from_array(np.arange(5, dtype=np.int64) - 2, "raw_int64"),
        numpy_helper.from_array(np.arange(5, dtype=np.float16), "raw_float16"),
    ]
    then = helper.make_graph(
        [helper.make_node("Add", ["x", "r"], ["then_out"])],
        "then",
        [],
        [helper.make_tensor_value_info("then_out", TensorProto.FLOAT, None)],
    )
    other = helper.make_graph(
        [helper.make_node("Sub", ["x", "r"], ["else_out"])],
        "else",
        [],
        [helper.make_tensor_value_info("else_out", TensorProto.FLOAT, None)],
    )
    function = helper.make_function(
        "local", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])],
        [helper.make_opsetid("", 17)],
    )
    nodes = [
        helper.make_node("If", ["choice"], ["chosen"], name="branch", then_branch=then, else_branch=other),
        helper.make_node("Twice", ["chosen"], ["y"], name="call", domain="local"),
        helper.make_node("Constant", [], ["unused"], name="c", value=numpy_helper.from_array(np.eye(2, dtype=np.float32))),
        helper.make_node("Constant", [], ["unused2"], name="c2", value_floats=[0.5, -1.0]),
        helper.make_node("Constant", [], ["unused3"], name="c3", value_ints=[-1, 2**63 - 1]),
        helper.make_node("Constant", [], ["unused4"], name="c4", value_strings=["a", "\u00fc"]),
        helper.make_node("LeakyRelu", ["x"], ["unused5"], name="leaky", alpha=0.125),
        helper.make_node("Clip", ["x", "", ""], ["unused6"], name="clip", doc_string="optional inputs left out"),
        helper.make_node("Gather", ["x", "raw_index"], ["unused7"], name="gather", axis=-1),
    ]
    graph = helper.make_graph(
        nodes,
        "everything",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 5]),
            helper.make_tensor_value_info("choice", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 5])],
        initializer=typed + raw + [helper.make_tensor("raw_index", TensorProto.INT64, [], [0])],
        value_info=[helper.make_tensor_value_info("chosen", TensorProto.FLOAT, [None, 5])],
        doc_string="Kept, though Headlight does not read it.",
    )
    model = helper.make_model(
        graph,
        producer_name="make_onnx",
        producer_version="1",
        ir_version=8,
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("local", 1)],
        functions=[function],
    )
    helper.set_model_props(model, {"licence": "none", "empty": ""})
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, here / "everything.onnx")
    (here / "everything.json").write_text(
        json.dumps({
            "initializers": {
                tensor.name: {
                    "dims": list(tensor.dims),
                    "values": values(tensor),
                }
                for tensor in graph.initializer
            },
            "nodes": [[node.op_type, node.domain, node.name, list(node.input), list(node.output)] for node in graph.node],
        })
    )
    weight = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    weight.ClearField("float_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="weights.bin")
    outside = helper.make_graph(
        [helper.make_node("Identity", ["w"], ["y"])], "external", [],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])], initializer=[weight],
    )
    (here / "external.onnx").write_bytes(
        helper.make_model(outside, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    )


def canonical(model):
    """The same model with every tensor as raw bytes, so that two ways to write one are equal."""

    def tensor(proto):
        if proto.data_type != TensorProto.STRING and not proto.raw_data:
            fresh = numpy_helper.from_array(numpy_helper.to_array(proto), proto.name)
            proto.CopyFrom(fresh)
        # An empty tensor may say "no bytes" or nothing.
        if not proto.raw_data:
            proto.ClearField("raw_data")

    def graph(proto):
        for item in proto.initializer:
            tensor(item)
        for node in proto.node:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    tensor(attribute.t)
                if attribute.HasField("g"):
                    graph(attribute.g)

    graph(model.graph)
    for item in model.opset_import:
        # ONNX's own domain is '' or left out.
        item.domain = item.domain
    model.metadata_props.sort(key=lambda item: item.key)
    return model


if len(sys.argv) > 2 and sys.argv[1] == "check":
    for name in sys.argv[2:]:
        source, written = name.split("=")
        ours = onnx.load(written)
        domains = {item.domain for item in ours.opset_import}
        if "com.microsoft" not in domains:
            onnx.checker.check_model(ours, full_check=True)
        assert canonical(ours) == canonical(onnx.load(source)), f"{written} differs from {source}"
        print(f"{written}: the same as {source}")
else:
    make()
