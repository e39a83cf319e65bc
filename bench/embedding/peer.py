"""Times sentence-transformers on the texts of a JSON file: fp32 on all cores, sorted by length as it does.

    python bench/embedding/peer.py MODEL_FOLDER TEXTS.json
"""
import json, os, sys, time

os.environ.setdefault('HF_HUB_OFFLINE', '1')
import torch
from sentence_transformers import SentenceTransformer

torch.set_num_threads(os.cpu_count() or 1)
texts = json.load(open(sys.argv[2]))
model = SentenceTransformer(sys.argv[1], device='cpu')
model.encode(texts[:64], show_progress_bar=False)
best = []
for _ in range(3):
    start = time.perf_counter()
    model.encode(texts, batch_size=32, show_progress_bar=False)
    best.append(time.perf_counter() - start)
print(json.dumps({'seconds': sorted(best)[1]}))
