"""Losses of 50 training steps of all-MiniLM-L6-v2 by PyTorch, transformers and PEFT: full and LoRA.

The weights are those that ship with Headlight (8 bits a value, a scale a row), made float32. Head and adapters
start from a formula that the test has too; dropout is 0; the order of the rows is Headlight's (PCG32).

Run with torch, transformers and peft:  python test/reference/finetune/minilm_steps.py
"""

import csv
import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from torch.nn.utils import clip_grad_norm_
from transformers import AutoConfig, AutoTokenizer, BertForSequenceClassification, get_scheduler

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SHIPPED = ROOT / "public/models/all-MiniLM-L6-v2"
STEPS, BATCH, LENGTH, SEED, WARMUP = 50, 8, 32, 42, 5
RATES = {"full": 2e-4, "lora": 2e-3}
MASK = (1 << 64) - 1


class Pcg32:
    """XSH RR, seeded through splitmix64 (src/base/random.ts)."""

    def __init__(self, seed):
        z = (seed + 0x9E3779B97F4A7C15) & MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        self.state = z ^ (z >> 31)

    def next(self):
        old = self.state
        self.state = (old * 0x5851F42D4C957F2D + 0x14057B7EF767814F) & MASK
        shifted = (((old >> 18) ^ old) >> 27) & 0xFFFFFFFF
        turn = old >> 59
        return ((shifted >> turn) | (shifted << ((32 - turn) & 31))) & 0xFFFFFFFF

    def integer(self, below):
        limit = (1 << 32) - ((1 << 32) % below)
        while True:
            value = self.next()
            if value < limit:
                return value % below


def order_of(epoch, rows):
    random = Pcg32((SEED * 0x9E3779B97F4A7C15 + epoch) & ((1 << 53) - 1))
    order = list(range(rows))
    for i in range(rows - 1, 0, -1):
        j = random.integer(i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def formula(shape, number, size):
    """Spread evenly over [-size / 2, size / 2), without any library's randomness."""
    count = torch.Size(shape).numel()
    values = [((i * 7919 + number * 104729) % 10007 / 10007 - 0.5) * size for i in range(count)]
    return torch.tensor(values, dtype=torch.float64).float().reshape(shape)


def dequantised():
    stored = load_file(SHIPPED / "model_q8.safetensors")
    weights = {}
    for name, tensor in stored.items():
        if name.endswith(".scale") or name.endswith("position_ids"):
            continue
        if tensor.dtype == torch.int8:
            tensor = tensor.float() * stored[f"{name}.scale"][:, None]
        weights[f"bert.{name}"] = tensor
    return weights


def build(method, classes):
    config = AutoConfig.from_pretrained(SHIPPED)
    config.num_labels = classes
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    config.classifier_dropout = 0.0
    model = BertForSequenceClassification(config)
    missing, unexpected = model.load_state_dict(dequantised(), strict=False)
    assert set(missing) == {"classifier.weight", "classifier.bias"}, missing
    assert not unexpected, unexpected
    with torch.no_grad():
        model.classifier.weight.copy_(formula(model.classifier.weight.shape, 1, 0.05))
        model.classifier.bias.zero_()
    if method == "lora":
        lora = LoraConfig(r=8, lora_alpha=16, lora_dropout=0.0, target_modules=["query", "value"])
        model = get_peft_model(model, lora)
        number = 1
        for name, parameter in model.named_parameters():
            if "lora_A" in name:
                number += 1
                with torch.no_grad():
                    parameter.copy_(formula(parameter.shape, number, 0.1))
            if "lora_B" in name:
                assert not parameter.any()
            # The whole head is trained beside the adapters.
            if "classifier" in name or "pooler" in name:
                parameter.requires_grad_(True)
    return model.train()


def main():
    torch.set_num_threads(2)
    with open(ROOT / "public/samples/support-inbox.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    classes = sorted({row["topic"] for row in rows})
    tokenizer = AutoTokenizer.from_pretrained(SHIPPED)
    texts = [row["message"] for row in rows]
    ids = tokenizer(texts, truncation=True, max_length=LENGTH)["input_ids"]
    labels = [classes.index(row["topic"]) for row in rows]
    golden = {"classes": classes, "rows": len(rows), "methods": {}}
    for method, rate in RATES.items():
        model = build(method, len(classes))
        decayed, kept = [], []
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                plain = name.endswith("bias") or "LayerNorm" in name
                (kept if plain else decayed).append(parameter)
        groups = [
            {"params": decayed, "weight_decay": 0.01},
            {"params": kept, "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.999), eps=1e-8)
        scheduler = get_scheduler("linear", optimizer, WARMUP, STEPS)
        losses, norms = [], []
        epoch, at, order = 0, 0, order_of(0, len(rows))
        for _ in range(STEPS):
            if at >= len(rows):
                epoch, at = epoch + 1, 0
                order = order_of(epoch, len(rows))
            batch = order[at : at + BATCH]
            at += BATCH
            padded = tokenizer.pad({"input_ids": [ids[i] for i in batch]}, return_tensors="pt")
            loss = model(**padded, labels=torch.tensor([labels[i] for i in batch])).loss
            loss.backward()
            norms.append(round(float(clip_grad_norm_(decayed + kept, 1.0)), 6))
            losses.append(round(loss.item(), 7))
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
        golden["methods"][method] = {"learning_rate": rate, "losses": losses, "norms": norms}
        print(method, losses[:3], losses[-3:], file=sys.stderr)
    (HERE / "minilm-steps.json").write_text(json.dumps(golden, indent=1) + "\n")


main()
