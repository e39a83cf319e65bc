"""Weights in 16, 8 and 4 bits as numpy and onnxruntime's own quantiser make them, and what onnxruntime multiplies
with the 4-bit ones. Writes golden.json beside this file.

    python test/reference/precision/make.py
"""
import base64
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.capi._pybind_state import quantize_matmul_4bits

BLOCK = 32


def text(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def matrices():
    rng = np.random.default_rng(4)
    yield 'whole blocks', rng.standard_normal((6, 96)) * 0.05
    yield 'blocks that are not whole, and odd in number', rng.standard_normal((5, 70)) * 0.05
    yield 'less than a block', rng.standard_normal((4, 20))
    ties = np.zeros((4, 32))
    ties[0] = np.linspace(0, 15, 32)
    ties[0, :8] = [0.5, 1.5, 2.5, 3.5, 4.5, 0, 15, 14.5]
    ties[1], ties[2], ties[3] = -ties[0], ties[0] - 7.5, ties[0] - 6.5
    yield 'values halfway between two integers', ties
    special = np.zeros((5, 64))
    special[1, 3] = 0.25
    special[2] = 0.3
    special[3] = -1e-30
    special[4, ::2] = 1e-7
    yield 'zeros, one value, the same value, tiny values', special


def blocks(weights):
    """onnxruntime's quantiser, with zero points; it takes [in, out]."""
    rows, columns = weights.shape
    count = -(-columns // BLOCK)
    packed = np.zeros((rows, count, BLOCK // 2), np.uint8)
    scales = np.zeros(rows * count, np.float32)
    zeros = np.zeros(rows * ((count + 1) // 2), np.uint8)
    quantize_matmul_4bits(packed, weights.T.copy(), scales, zeros, BLOCK, rows, columns, False)
    return packed, scales, zeros


def product(values, packed, scales, zeros, rows, columns):
    node = helper.make_node(
        'MatMulNBits', ['x', 'w', 's', 'z'], ['y'], domain='com.microsoft',
        K=columns, N=rows, bits=4, block_size=BLOCK, accuracy_level=1)
    graph = helper.make_graph(
        [node], 'product',
        [helper.make_tensor_value_info('x', TensorProto.FLOAT, list(values.shape))],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, [values.shape[0], rows])],
        [numpy_helper.from_array(a, n) for n, a in (('w', packed), ('s', scales), ('z', zeros))])
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid('', 17), helper.make_opsetid('com.microsoft', 1)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])
    return session.run(None, {'x': values})[0]


def case(name, weights):
    weights = weights.astype(np.float32)
    rows, columns = weights.shape
    packed, scales, zeros = blocks(weights)
    largest = np.abs(weights).max(axis=1)
    row_scales = (largest / np.float32(127)).astype(np.float32)
    safe = np.where(row_scales == 0, 1, row_scales).astype(np.float64)[:, None]
    # JavaScript rounds halves up; so does this.
    integers = np.clip(np.floor(weights.astype(np.float64) / safe + 0.5), -127, 127).astype(np.int8)
    values = np.random.default_rng(5).standard_normal((3, columns)).astype(np.float32)
    return {
        'name': name,
        'rows': rows,
        'columns': columns,
        'weights': text(weights),
        'fp16': text(weights.astype(np.float16)),
        'q8': {'values': text(integers), 'scales': text(row_scales)},
        'q4': {'values': text(packed), 'scales': text(scales), 'zeros': text(zeros)},
        'x': text(values),
        'product': text(product(values, packed, scales, zeros, rows, columns)),
    }


golden = {
    'made': f'numpy {np.__version__}, onnxruntime {onnxruntime.__version__}',
    'cases': [case(name, weights) for name, weights in matrices()],
}
Path(__file__).with_name('golden.json').write_text(json.dumps(golden, indent=1) + '\n')
