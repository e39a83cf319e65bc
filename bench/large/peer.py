"""PyTorch + transformers + PEFT with the same files: time to load, rows a second, seconds a LoRA step, peak memory.

    python bench/large/peer.py MODEL_FOLDER BATCH TOKENS

Prints one JSON object, as bench/large/node.ts. The texts are random ids of 45 tokens: rows of 40 words have as many.
"""
import json
import os
import resource
import sys
import time

os.environ.setdefault('HF_HUB_OFFLINE', '1')
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModel, AutoModelForSequenceClassification

folder, batch, tokens = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(2)
torch.manual_seed(0)


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


start = time.perf_counter()
model = AutoModel.from_pretrained(folder).eval()
load = time.perf_counter() - start
ids = torch.randint(300, 30000, (32, 45))
with torch.no_grad():
    start = time.perf_counter()
    model(input_ids=ids[:1], attention_mask=torch.ones_like(ids[:1]))
    first = time.perf_counter() - start
    start = time.perf_counter()
    model(input_ids=ids, attention_mask=torch.ones_like(ids))
    rate = len(ids) / (time.perf_counter() - start)
embed_peak = peak()
del model
model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
model.config.pad_token_id = 0
# PEFT knows no defaults for DistilBERT.
targets = ['q_lin', 'v_lin'] if model.config.model_type == 'distilbert' else None
model = get_peft_model(
    model, LoraConfig(task_type='SEQ_CLS', r=8, lora_alpha=16, target_modules=targets)).train()
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-3)
ids = torch.randint(300, 30000, (batch, tokens))
labels = torch.arange(batch) % 2
times = []
for _ in range(4):
    start = time.perf_counter()
    optimizer.zero_grad()
    loss = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    times.append(time.perf_counter() - start)
print(json.dumps({'load': load, 'open': first, 'rowsPerSecond': rate, 'embedPeak': embed_peak,
                  'secondsPerStep': sum(times[1:]) / len(times[1:]), 'trainPeak': peak(), 'promised': None}))
