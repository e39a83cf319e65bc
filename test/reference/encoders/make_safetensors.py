"""Golden files of test/unit/encoders/safetensors.test.ts: every type, and the values in it.

    python test/reference/encoders/make_safetensors.py               writes types.safetensors, types.json
    python test/reference/encoders/make_safetensors.py check FILE    FILE (written by Headlight) must hold
                                                                     what types.safetensors holds

Needs torch and safetensors.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

here = Path(__file__).parent
FLOATS = [0.0, -0.0, 1.0, -2.5, 65504.0, 6e-8, 1 / 3, float("inf"), float("-inf")]
TENSORS = {
    "f32": torch.tensor(FLOATS, dtype=torch.float32).reshape(3, 3),
    "f64": torch.tensor(FLOATS, dtype=torch.float64),
    "f16": torch.tensor(FLOATS, dtype=torch.float16),
    "bf16": torch.tensor(FLOATS, dtype=torch.bfloat16),
    "i8": torch.tensor([-128, 0, 127], dtype=torch.int8),
    "i32": torch.tensor([-(2**31), 5], dtype=torch.int32),
    "i64": torch.tensor([[-5], [2**40]], dtype=torch.int64),
    "bool": torch.tensor([True, False]),
    "scalar": torch.tensor(3.0),
    "empty": torch.zeros(0, 4),
}

if len(sys.argv) > 2:
    found = load_file(sys.argv[2])
    with safe_open(sys.argv[2], "pt") as file:
        assert file.metadata() == {"format": "pt"}, file.metadata()
    assert found.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor), name
    print("the same")
else:
    save_file(TENSORS, here / "types.safetensors", metadata={"format": "pt"})
    values = {
        name: [str(value) for value in tensor.double().flatten().tolist()]
        for name, tensor in TENSORS.items()
    }
    shapes = {name: list(tensor.shape) for name, tensor in TENSORS.items()}
    (here / "types.json").write_text(json.dumps({"values": values, "shapes": shapes}))
