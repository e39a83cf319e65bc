"""Loads what Headlight exports with the libraries it is made for, and holds their logits against each other.

Not part of `npm test`: it needs torch, transformers, peft, sentence-transformers, onnxruntime. From the root:

    npx tsx test/reference/export/write_folders.ts /tmp/folders
    python test/reference/export/load_huggingface.py /tmp/folders [--write test/reference/export/logits.json]

For each folder: `AutoModelForSequenceClassification` / `AutoModelForTokenClassification` (or
sentence-transformers, for a mean-pooling head; or `PeftModel` on the base beside it), and onnxruntime on
onnx/model.onnx, model_fp16.onnx, model_quantized.onnx. Prints the largest differences of a logit; ends
with an error when one in float32 is beyond 1e-4. The Python of each model card is run as well. With --write: the goldens of test/unit/project. Also takes one
folder of a trained model, with texts of its own: `load_huggingface.py FOLDER --texts 'one' 'two'`.
"""

import argparse
import hashlib
import json
import os
import re
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
import onnxruntime as ort
import torch
import transformers
from huggingface_hub import ModelCard
from peft import PeftModel
from sentence_transformers import SentenceTransformer
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

transformers.logging.set_verbosity_error()
MOST = 1e-4
ONNX = {"fp32": "model.onnx", "fp16": "model_fp16.onnx", "quantized": "model_quantized.onnx"}


def load(folder: Path) -> torch.nn.Module | None:
    """The model, every weight of it from the folder; None for a mean-pooling head."""
    config = json.loads((folder / "config.json").read_text())
    if not (folder / "model.safetensors").exists():
        return None
    token = config["architectures"][0].endswith("ForTokenClassification")
    auto = AutoModelForTokenClassification if token else AutoModelForSequenceClassification
    model, report = auto.from_pretrained(folder, output_loading_info=True)
    for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not report[key], (folder.name, key, report[key])
    assert type(model).__name__ == config["architectures"][0]
    assert model.config.id2label == {int(k): v for k, v in config["id2label"].items()}
    assert model.dtype == torch.float32
    return model.eval()


def load_adapter(folder: Path, base: Path, classes: int) -> torch.nn.Module:
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=classes, dtype="float32")
    return PeftModel.from_pretrained(model, folder).eval()


def check_card(folder: Path) -> None:
    card = ModelCard.load(folder / "README.md")
    data = card.data
    assert data.library_name and data.pipeline_tag and data.tags and data.metrics, folder
    accuracy = [r for r in data.eval_results if r.metric_type == "accuracy"]
    assert accuracy and 0 <= accuracy[0].metric_value <= 1, folder


def run_card(folder: Path, base: Path) -> int:
    """Runs every Python of the card as it stands, but for where folder and base lie."""
    blocks = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text("utf-8"), re.DOTALL)
    before = Path.cwd()
    os.chdir(folder)
    for code in blocks:
        code = code.replace("'THIS_FOLDER'", repr(str(folder))).replace("'ada/tiny-bert'", repr(str(base)))
        said: list = []
        exec(code, {"print": said.append})
        assert len(said) == 1 and len(said[0]) > 0, folder
    os.chdir(before)
    return len(blocks)


def encode(tokenizer, text: str) -> dict:
    return dict(tokenizer(text, truncation=True, return_tensors="np"))


@torch.no_grad()
def torch_logits(model, encoded: dict) -> np.ndarray:
    return model(**{k: torch.tensor(v) for k, v in encoded.items()}).logits[0].numpy()


def onnx_logits(session: ort.InferenceSession, encoded: dict) -> np.ndarray:
    feeds = {i.name: encoded[i.name] for i in session.get_inputs()}
    return session.run(["logits"], feeds)[0][0]


def largest(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    return max(float(np.abs(x - y).max()) for x, y in zip(a, b, strict=True))


def check(folder: Path, texts: list[str], others: Path) -> tuple[dict, float]:
    """Logits of every text by PyTorch, and the largest difference in float32."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = [encode(tokenizer, text) for text in texts]
    worst = 0.0
    check_card(folder)
    base = others / folder.name.replace("-adapter", "-base")
    blocks = run_card(folder.resolve(), base.resolve())
    if (folder / "adapter_config.json").exists():
        classes = 3
        merged = load(others / folder.name.replace("-adapter", "-merged"))
        model = load_adapter(folder, base, classes)
        logits = [torch_logits(model, row) for row in rows]
        worst = largest(logits, [torch_logits(merged, row) for row in rows])
        print(f"{folder.name}: PeftModel to the merged model {worst:.1e}")
        assert any("lora" in name for name, _ in model.named_parameters())
    elif (model := load(folder)) is not None:
        logits = [torch_logits(model, row) for row in rows]
    else:
        try:
            AutoModelForSequenceClassification.from_pretrained(folder)
            raise AssertionError("a mean-pooling head was loaded with a random one")
        except OSError:
            pass
        sentences = SentenceTransformer(str(folder), device="cpu")
        logits = [sentences.encode(text) for text in texts]
    differences = []
    for name, file in ONNX.items():
        path = folder / "onnx" / file
        if not path.exists():
            continue
        session = ort.InferenceSession(path)
        found = [onnx_logits(session, row) for row in rows]
        difference = largest(found, logits)
        same = np.mean([(x.argmax(-1) == y.argmax(-1)).mean() for x, y in zip(found, logits)])
        differences.append(f"{name} {difference:.1e} ({path.stat().st_size} bytes, {same:.0%} same class)")
        if name == "fp32":
            worst = max(worst, difference)
    span = max(float(np.abs(row).max()) for row in logits)
    print(f"{folder.name}: logits to {span:.2f}; onnxruntime {', '.join(differences) or 'none'}; {blocks} Pythons of the card ran")
    weights = folder / ("adapter_model.safetensors" if (folder / "adapter_config.json").exists() else "model.safetensors")
    if not weights.exists():
        weights = folder / "2_Dense/model.safetensors"
    golden = {
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "input_ids": [row["input_ids"][0].tolist() for row in rows],
        "logits": [np.round(row.astype(np.float64), 7).tolist() for row in logits],
    }
    return golden, worst


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--texts", nargs="*")
    parser.add_argument("--write", type=Path)
    args = parser.parse_args()
    if args.texts:
        folders, texts = [args.folder], args.texts
    else:
        texts = json.loads((args.folder / "texts.json").read_text())["texts"]
        folders = sorted(p for p in args.folder.iterdir() if p.is_dir() and not p.name.endswith("-base"))
    goldens, worst = {}, 0.0
    for folder in folders:
        goldens[folder.name], difference = check(folder, texts, args.folder)
        worst = max(worst, difference)
    print(f"largest difference in float32: {worst:.1e}")
    if args.write:
        made_by = {m.__name__: m.__version__ for m in (torch, transformers)}
        args.write.write_text(json.dumps({"made_by": made_by, "texts": texts, "folders": goldens}) + "\n")
    if not worst <= MOST:
        sys.exit(f"beyond {MOST:g}")


if __name__ == "__main__":
    main()
