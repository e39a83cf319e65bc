"""Holds what Headlight exports to Python: the classifier as its own README says, the head as docs/formats.md says.

Not part of `npm test`: it needs the checkpoint of all-MiniLM-L6-v2, and onnxruntime, tokenizers and
sentence-transformers. From the root of the repository, after `npm ci`:

    HEADLIGHT_MINILM=<folder of all-MiniLM-L6-v2> python test/reference/export/check_export.py

Trains with `headlight train --out` (32-bit floats), labels new texts with `headlight predict`, and compares
those probabilities with
  - onnxruntime + tokenizers, by running the Python of the exported README.md for each text;
  - head.json, by running the Python of docs/formats.md on sentence-transformers' embeddings.
Prints the largest difference of each; ends with an error beyond 1e-4.
"""

import csv
import os
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
import onnxruntime as ort
from sentence_transformers import SentenceTransformer

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "public/samples/support-inbox.csv"
MOST = 1e-4
LONG = "I have waited for my parcel for three weeks, and nobody answers my letters. "


def headlight(*args: str | Path) -> None:
    command = [ROOT / "node_modules/.bin/tsx", ROOT / "companion/main.ts", *args, "--quiet"]
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


def python_of(markdown: Path, containing: str) -> str:
    blocks = re.findall(r"```python\n(.*?)```", markdown.read_text("utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if containing in block]
    return block


def write_csv(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def by_readme(folder: Path, texts: list[str]) -> np.ndarray:
    """Softmax of the logits that the README's Python computes, run as it stands but for the text."""
    code = python_of(folder / "README.md", "onnxruntime")
    assert "'a text'" in code
    ort.InferenceSession = cache(ort.InferenceSession)  # one session for all texts
    before = Path.cwd()
    os.chdir(folder)
    rows = []
    for text in texts:
        scope: dict = {"print": lambda *_: None}
        exec(code.replace("'a text'", repr(text)), scope)
        rows.append(scope["logits"][0])
    os.chdir(before)
    ort.InferenceSession = ort.InferenceSession.__wrapped__
    z = np.array(rows, np.float64)
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def by_head(head: Path, embeddings: np.ndarray) -> np.ndarray:
    scope: dict = {}
    code = python_of(ROOT / "docs/formats.md", "my-head.json")
    exec(code.replace("my-head.json", str(head)), scope)
    return scope["predict_proba"](embeddings.astype(np.float64))


def check(name: str, rows: list[list[str]], texts: list[str], minilm: str, *options: str) -> float:
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        os.environ["HEADLIGHT_HOME"] = str(home / "home")
        write_csv(home / "train.csv", ["message", "label"], rows)
        write_csv(home / "new.csv", ["message"], [[text] for text in texts])
        out = home / "classifier"
        columns = ["--text", "message", "--label", "label"]
        headlight("train", home / "train.csv", "--encoder", minilm, *columns, *options, "--out", out)
        headlight("predict", out, home / "new.csv", "--out", home / "predicted.csv")
        with (home / "predicted.csv").open(newline="", encoding="utf-8-sig") as file:
            predicted = list(csv.DictReader(file))
        columns = [key for key in predicted[0] if key.startswith("probability: ")]
        expected = np.array([[float(row[key]) for key in columns] for row in predicted])
        assert len(expected) == len(texts)

        model = SentenceTransformer(minilm, device="cpu")
        lengths = [len(model.tokenizer(text)["input_ids"]) for text in texts]
        cut = sum(length > model.max_seq_length for length in lengths)
        embeddings = model.encode(texts, batch_size=16)
        onnx = np.abs(by_readme(out, texts) - expected).max()
        head = np.abs(by_head(out / "head.json", embeddings) - expected).max()
        print(
            f"{name}: {len(texts)} texts ({cut} cut), {len(columns)} classes; largest difference "
            f"README.md {onnx:.1e}, head.json {head:.1e}; probabilities from "
            f"{expected.min():.4f} to {expected.max():.4f}"
        )
        return max(onnx, head)


def main() -> None:
    minilm = os.environ["HEADLIGHT_MINILM"]
    with SAMPLE.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        next(reader)
        rows = [row[:2] for row in reader]
    texts = [row[0] for row in rows[:30]] + [
        "Straße, naïve café: 送料は? 😀",
        "x",
        LONG * 12,
        LONG * 40,
        f"Please pay me back. {LONG * 25}",
    ]
    labels = sorted({row[1] for row in rows})[:2]
    two = [row for row in rows if row[1] in labels]
    worst = max(
        check("all classes", rows, texts, minilm),
        check("two classes, standardized", two, texts, minilm, "--standardize", "--C", "0.1"),
    )
    if not worst <= MOST:
        sys.exit(f"beyond {MOST:g}")


if __name__ == "__main__":
    main()
