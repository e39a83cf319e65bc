"""transformers' zero-shot pipeline on a folder with model.safetensors: seconds a round, scores.

    python bench/labelling/peer.py FOLDER '{"texts": […], "labels": […], "template": "…", "rounds": 3}'
"""

import json
import sys
import time

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

folder, asked = sys.argv[1], json.loads(sys.argv[2])
torch.set_grad_enabled(False)
classify = pipeline(
    "zero-shot-classification",
    model=AutoModelForSequenceClassification.from_pretrained(folder),
    tokenizer=AutoTokenizer.from_pretrained(folder),
    device="cpu",
    batch_size=len(asked["labels"]),
)


def ask(texts):
    return classify(texts, asked["labels"], hypothesis_template=asked["template"])


ask(asked["texts"][:2])
seconds = []
for _ in range(asked["rounds"]):
    started = time.perf_counter()
    found = ask(asked["texts"])
    seconds.append(time.perf_counter() - started)
scores = [[dict(zip(one["labels"], one["scores"]))[label] for label in asked["labels"]] for one in found]
print(json.dumps({"seconds": seconds, "scores": scores}))
