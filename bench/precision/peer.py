"""onnxruntime's own ways to make a graph smaller, beside Headlight's: bytes, cosine to fp32, time a text.

    python bench/precision/peer.py FP32.onnx IDS.json [NAME=FILE.onnx ...]
"""
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper
from onnxruntime.capi._pybind_state import quantize_matmul_4bits
from onnxruntime.quantization import QuantType, quantize_dynamic

graph, ids = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
given = [one.split('=', 1) for one in sys.argv[3:]]
scratch = graph.parent


def run(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry('session.disable_quant_qdq', '1')
    session = ort.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
    rows, best = [], float('inf')
    for _ in range(2):
        rows = []
        started = time.perf_counter()
        for text in ids:
            fed = np.array([text], np.int64)
            rows.append(session.run(None, {'input_ids': fed, 'attention_mask': np.ones_like(fed)})[0][0])
        best = min(best, time.perf_counter() - started)
    return np.stack(rows), 1000 * best / len(ids)


def four_bits(target, symmetric):
    """Every product with a constant, as onnxruntime's MatMulNBitsQuantizer does it (which asks for more packages)."""
    model = onnx.load(str(graph))
    constants = {one.name: one for one in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type != 'MatMul' or node.input[1] not in constants:
            continue
        name = node.input[1]
        weight = numpy_helper.to_array(constants[name])
        inner, outer = weight.shape
        blocks = -(-inner // 32)
        packed = np.zeros((outer, blocks, 16), np.uint8)
        scales = np.zeros(outer * blocks, np.float32)
        zeros = np.zeros(outer * ((blocks + 1) // 2), np.uint8)
        quantize_matmul_4bits(packed, weight, scales, zeros, 32, outer, inner, symmetric)
        parts = {'': packed, '_scales': scales, **({} if symmetric else {'_zeros': zeros})}
        model.graph.initializer.remove(constants.pop(name))
        model.graph.initializer.extend(
            numpy_helper.from_array(part, name + end) for end, part in parts.items())
        node.op_type, node.domain = 'MatMulNBits', 'com.microsoft'
        del node.input[1:]
        node.input.extend(name + end for end in parts)
        for key, value in dict(K=inner, N=outer, bits=4, block_size=32, accuracy_level=1).items():
            node.attribute.append(helper.make_attribute(key, value))
    onnx.save(model, str(target))


made = [('onnxruntime fp32', graph)]
eight = scratch / 'ort-q8.onnx'
quantize_dynamic(str(graph), str(eight), weight_type=QuantType.QUInt8, per_channel=True,
                 extra_options={'DefaultTensorType': onnx.TensorProto.FLOAT})
made.append(('onnxruntime quantize_dynamic, 8 bits a channel', eight))
for symmetric in (False, True):
    kind = 'symmetric' if symmetric else 'with zero points'
    target = scratch / f'ort-q4-{int(symmetric)}.onnx'
    four_bits(target, symmetric)
    made.append((f'onnxruntime MatMulNBits, blocks of 32, {kind}; words in fp32', target))
made += [(name, Path(path)) for name, path in given]

exact, rows = None, []
for name, path in made:
    found, milliseconds = run(path)
    exact = found if exact is None else exact
    cosines = (found * exact).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(exact, axis=1)
    rows.append({
        'name': name,
        'bytes': os.path.getsize(path),
        'mean_cosine': float(cosines.mean()),
        'least_cosine': float(cosines.min()),
        'milliseconds': milliseconds,
    })
print(json.dumps({'rows': rows}))
