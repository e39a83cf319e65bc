"""
Checkpoints as Python writes them, and what must be read of them.

    HF_HUB_OFFLINE=1 python test/reference/checkpoints/make.py

`tensors.json` has, for each file, every tensor's type, shape and bytes (row-major, little-endian, base64). The
`bert-*` files hold the weights of ../encoders/bert.safetensors, so that what is embedded with them is known.
"""

import base64
import json
import shutil
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertModel

HERE = Path(__file__).parent
BERT = HERE.parent / "encoders"
TYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.uint16: "U16",
    torch.float8_e4m3fn: "F8_E4M3",
}
golden = {}


def described(tensor):
    rows = tensor.detach().contiguous()
    data = rows.reshape(-1).view(torch.uint8) if rows.dim() else rows.reshape(1).view(torch.uint8)
    return {
        "dtype": TYPES[tensor.dtype],
        "shape": list(tensor.shape),
        "bytes": base64.b64encode(bytes(data.tolist())).decode(),
    }


def save(name, state, **options):
    torch.save(state, HERE / name, **options)
    golden[name] = {key: described(value) for key, value in state.items()}


torch.manual_seed(5)
base = torch.randn(4, 6)
types = {
    str(dtype).removeprefix("torch."): torch.randn(5).mul(9).to(dtype)
    for dtype in TYPES
    if dtype not in (torch.uint8, torch.uint16, torch.bool)
}
types["uint8"] = torch.arange(250, 256, dtype=torch.uint8)
types["uint16"] = torch.tensor([1, 65535, 300]).to(torch.uint16)
types["bool"] = torch.tensor([True, False, True])
types["scalar"] = torch.tensor(3.5)
types["empty"] = torch.empty(0, 3)
types["__proto__"] = torch.tensor([1.0, 2.0])
save("types.bin", types)

strided = {
    "whole": base,
    "tied": base,
    "transposed": base.t(),
    "rows": base[1:3],
    "columns": base[:, ::2],
    "one_column": base[:, 3:4],
    "deep": torch.randn(2, 3, 4).permute(2, 0, 1),
    "positions": torch.arange(7).expand((1, -1)),
    "parameter": torch.nn.Parameter(torch.randn(2, 2).t()),
}
save("strided.bin", strided)
save("strided-legacy.bin", strided, _use_new_zipfile_serialization=False)
for protocol in (3, 4, 5):
    save(f"strided-protocol{protocol}.bin", strided, pickle_protocol=protocol)
# With the attribute `_metadata`, as the state of a module has it.
module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4))
save("module.bin", module.state_dict())

# The BERT of ../encoders, as its repository might have it.
config = BertConfig.from_dict(json.loads((BERT / "bert.config.json").read_text()))
model = BertModel(config).eval()
state = load_file(BERT / "bert.safetensors")
# A pooler is not in it.
model.load_state_dict(state, strict=False)
torch.save(state, HERE / "bert.bin")
torch.save(state, HERE / "bert-legacy.bin", _use_new_zipfile_serialization=False)
# Linear layers kept the other way round in memory, as a checkpoint of TensorFlow leaves them.
turned = {
    name: value.t().contiguous().t() if value.dim() == 2 else value for name, value in state.items()
}
torch.save(turned, HERE / "bert-turned.bin")
names = sorted(state)
parts = [names[i::3] for i in range(3)]
weight_map = {}
for number, part in enumerate(parts, 1):
    shard = f"pytorch_model-{number:05}-of-00003.bin"
    torch.save({name: state[name] for name in part}, HERE / f"bert-{shard}")
    weight_map.update({name: shard for name in part})
total = sum(value.numel() * value.element_size() for value in state.values())
index = {"metadata": {"total_size": total}, "weight_map": weight_map}
(HERE / "bert-pytorch_model.bin.index.json").write_text(json.dumps(index, indent=1) + "\n")
# As transformers itself splits it.
with tempfile.TemporaryDirectory() as folder:
    model.save_pretrained(folder, max_shard_size="45KB", state_dict=state)
    for file in sorted(Path(folder).glob("model*safetensors*")):
        shutil.copy(file, HERE / f"bert-{file.name}")
# And its export.
ids = torch.tensor([[1, 2, 3], [4, 5, 0]])
mask = torch.tensor([[1, 1, 1], [1, 1, 0]])


class Encoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids, attention_mask, token_type_ids).last_hidden_state


torch.onnx.export(
    Encoder(),
    (ids, mask, torch.zeros_like(ids)),
    str(HERE / "bert.onnx"),
    input_names=["input_ids", "attention_mask", "token_type_ids"],
    output_names=["last_hidden_state"],
    dynamic_axes={
        name: {0: "batch", 1: "tokens"}
        for name in ("input_ids", "attention_mask", "token_type_ids", "last_hidden_state")
    },
    opset_version=17,
    dynamo=False,
)
(HERE / "tensors.json").write_text(json.dumps(golden, indent=1) + "\n")
