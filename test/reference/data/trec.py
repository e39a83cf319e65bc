"""Counts for test/unit/data: two files of questions by Python's csv module and unicodedata alone.

Run: python trec.py TREC/train.csv TREC/test.csv > trec.json
     python trec.py ../../fixtures/data/asked-train.csv ../../fixtures/data/asked-test.csv > asked.json
"""

import csv
import json
import sys
import unicodedata
from collections import Counter

parts = {}
for name, path in zip(("train", "test"), sys.argv[1:], strict=True):
    with open(path, encoding="utf-8", newline="") as file:
        parts[name] = list(csv.DictReader(file))


def normal(text):
    """NFKC, case folded, runs of white space and punctuation as one space."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    plain = "".join(" " if unicodedata.category(c)[0] in "PZC" else c for c in folded)
    return " ".join(plain.split())


exact = {row["text"].strip() for row in parts["test"]}
tested = {normal(row["text"]) for row in parts["test"]}
kept = [row for row in parts["train"] if normal(row["text"]) not in tested]
json.dump(
    {
        "train_rows": len(kept),
        "test_rows": len(parts["test"]),
        "dropped": len(parts["train"]) - len(kept),
        "dropped_exact": sum(row["text"].strip() in exact for row in parts["train"]),
        "classes": sorted({row["coarse"] for part in parts.values() for row in part}),
        "train_counts": dict(sorted(Counter(row["coarse"] for row in kept).items())),
        "test_counts": dict(sorted(Counter(row["coarse"] for row in parts["test"]).items())),
    },
    sys.stdout,
    indent=2,
)
