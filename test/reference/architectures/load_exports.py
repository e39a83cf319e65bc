"""Loads what write_exports.ts wrote, as a user does: transformers, onnxruntime and PEFT give the same logits.

Not part of `npm test`: it needs torch, transformers, peft and onnxruntime. From the root:

    npx tsx test/reference/architectures/write_exports.ts /tmp/exports
    python test/reference/architectures/load_exports.py /tmp/exports
"""

import json
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
import onnxruntime as ort
import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification

HERE = Path(__file__).parent
out = Path(sys.argv[1])
worst = 0.0
for path in sorted(HERE.glob("*.config.json")):
    name = path.name.removesuffix(".config.json")
    golden = json.loads((HERE / f"{name}.json").read_text())
    rows = {"input_ids": golden["right"]["input_ids"], "attention_mask": golden["right"]["mask"]}
    fed = {key: torch.tensor(value) for key, value in rows.items()}

    def load(folder):
        model, report = AutoModelForSequenceClassification.from_pretrained(
            out / folder, output_loading_info=True
        )
        for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
            assert not report[key], (folder, key, report[key])
        return model.eval()

    def logits(model):
        with torch.no_grad():
            return model(**fed).logits.numpy()

    expected = np.array(golden["right"]["logits"])
    session = ort.InferenceSession(out / name / "onnx/model.onnx")
    feeds = {
        one.name: np.array(rows.get(one.name, np.zeros_like(rows["input_ids"])), dtype=np.int64)
        for one in session.get_inputs()
    }
    adapted = PeftModel.from_pretrained(load(name), out / f"{name}-adapter").eval()
    merged = logits(load(f"{name}-merged"))
    apart = {
        "transformers": np.abs(logits(load(name)) - expected).max(),
        "onnx": np.abs(session.run(["logits"], feeds)[0] - expected).max(),
        "adapter": np.abs(logits(adapted) - merged).max(),
    }
    assert np.abs(merged - expected).max() > 1e-2, "the adapter changes nothing"
    print(name, {key: f"{value:.1e}" for key, value in apart.items()})
    worst = max(worst, *apart.values())
assert worst < 1e-4, worst
