"""PyTorch + transformers: milliseconds a training step at one shape, and the process's peak memory.

    python bench/finetune/peer.py MiniLM|DistilBERT full|lora BATCH TOKENS [cpu|cuda]

Prints one JSON object. AdamW, gradients clipped at 1, dropout 0.1, six classes, fp32, as Headlight's side.
"""
import json
import os
import resource
import sys
import time

os.environ.setdefault('HF_HUB_OFFLINE', '1')
import torch
from transformers import (BertConfig, BertForSequenceClassification, DistilBertConfig,
                          DistilBertForSequenceClassification)

shape, method, batch, tokens = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
device = sys.argv[5] if len(sys.argv) > 5 else 'cpu'
torch.set_num_threads(os.cpu_count() or 1)
torch.manual_seed(0)
SHORT, LONG = 2, 8
if shape == 'MiniLM':
    model = BertForSequenceClassification(BertConfig(
        hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, num_labels=6))
    targets = ['query', 'value']
else:
    model = DistilBertForSequenceClassification(DistilBertConfig(num_labels=6))
    targets = ['q_lin', 'v_lin']
if method == 'lora':
    from peft import LoraConfig, get_peft_model
    model = get_peft_model(model, LoraConfig(task_type='SEQ_CLS', r=8, lora_alpha=16, target_modules=targets))
model.to(device).train()
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=5e-5)
ids = torch.randint(1000, 30522, (batch, tokens), device=device)
mask = torch.ones_like(ids)
labels = torch.arange(batch, device=device) % 6


def steps(count):
    if device == 'cuda':
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(count):
        optimizer.zero_grad()
        model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
    if device == 'cuda':
        torch.cuda.synchronize()
    return time.perf_counter() - start


steps(SHORT)
milliseconds = steps(LONG - SHORT) / (LONG - SHORT) * 1000
print(json.dumps({'milliseconds': milliseconds, 'tokensPerSecond': batch * tokens / milliseconds * 1000,
                  'peakBytes': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
