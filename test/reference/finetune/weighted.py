"""Golden values of fine-tuning on made labels: row weights and soft targets, by PyTorch.

Losses with their gradients, then ten steps of the tiny BERT of make_trainable.py: from a teacher's probabilities at a
temperature, each row with its weight, and from weighted hard labels.

Run with torch and transformers:  python test/reference/finetune/weighted.py
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch.nn import functional as F
from torch.nn.utils import clip_grad_norm_
from transformers import BertConfig, BertForSequenceClassification, get_scheduler

HERE = Path(__file__).parent
STEPS, RATE = 10, 5e-3


def numbers(tensor):
    return [round(float(x), 9) for x in tensor.detach().double().flatten()]


def softened(p, temperature):
    return torch.softmax(torch.log(p) / temperature, -1)


def kl(z, p, temperature):
    """Of each row, times the square of the temperature."""
    each = F.kl_div(torch.log_softmax(z / temperature, -1), softened(p, temperature), reduction="none")
    return each.sum(-1) * temperature**2


def weighted(each, weights):
    return (each * weights).sum() / weights.sum()


def losses():
    torch.manual_seed(13)
    cases = []

    def add(name, spec, logits, targets, weights, compute, smoothing=0.0):
        z = logits.clone().requires_grad_()
        loss = compute(z)
        loss.backward()
        cases.append(
            {
                "name": name,
                "loss": spec,
                "smoothing": smoothing,
                "task": "text",
                "shape": list(logits.shape),
                "logits": numbers(logits),
                "targets": targets,
                "weights": numbers(weights),
                "value": float(loss),
                "gradient": numbers(z.grad),
            }
        )

    z = torch.randn(5, 4) * 3
    y = torch.tensor([2, 0, 3, 1, 2])
    w = torch.tensor([1.0, 0.3, 0.0, 0.85, 2.0])
    c = torch.tensor([0.5, 2.0, 1.25, 0.75])
    p = torch.softmax(torch.randn(5, 4) * 2, -1)
    p[1] = torch.tensor([0.0, 1.0, 0.0, 0.0])
    b = torch.rand(5, 4)
    b[2] = torch.tensor([0.0, 1.0, 1.0, 0.0])
    ce = {"name": "cross_entropy", "classWeights": None}
    add(
        "cross-entropy",
        ce,
        z,
        y.tolist(),
        w,
        lambda z: weighted(F.cross_entropy(z, y, reduction="none"), w),
    )
    add(
        "class weights and label smoothing",
        {"name": "cross_entropy", "classWeights": c.tolist()},
        z,
        y.tolist(),
        w,
        lambda z: (F.cross_entropy(z, y, weight=c, label_smoothing=0.2, reduction="none") * w).sum()
        / (w * c[y]).sum(),
        0.2,
    )
    for temperature in [1.0, 3.0]:
        add(
            f"distillation at temperature {temperature}",
            {"name": "distillation", "temperature": temperature},
            z,
            p.double().tolist(),
            w,
            lambda z: weighted(kl(z, p, temperature), w),
        )
    add(
        "probabilities of several labels",
        {"name": "binary_cross_entropy"},
        z,
        b.double().tolist(),
        w,
        lambda z: weighted(F.binary_cross_entropy_with_logits(z, b, reduction="none").mean(-1), w),
    )
    two = torch.sigmoid(torch.logit(b.double()) / 2.5).float()
    add(
        "probabilities of several labels at temperature 2.5",
        {"name": "binary_cross_entropy", "temperature": 2.5},
        z,
        b.double().tolist(),
        w,
        lambda z: weighted(
            F.binary_cross_entropy_with_logits(z / 2.5, two, reduction="none").mean(-1), w
        )
        * 2.5**2,
    )
    return cases


def formula(shape, number, size):
    """As in minilm_steps.py."""
    count = torch.Size(shape).numel()
    values = [((i * 7919 + number * 104729) % 10007 / 10007 - 0.5) * size for i in range(count)]
    return torch.tensor(values, dtype=torch.float64).float().reshape(shape)


def steps():
    ids = [
        [2, 7, 11, 29, 5, 3],
        [2, 8, 9, 9, 4, 14, 3],
        [2, 15, 3],
        [2, 21, 22, 6, 3],
        [2, 11, 12, 13, 27, 10, 18, 3],
        [2, 24, 25, 3],
    ]
    longest = max(map(len, ids))
    fed = {
        "input_ids": torch.tensor([row + [0] * (longest - len(row)) for row in ids]),
        "attention_mask": torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids]),
    }
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    torch.manual_seed(17)
    p = torch.softmax(torch.randn(6, 3) + 2 * F.one_hot(labels, 3), -1)
    p[2] = F.one_hot(labels[2], 3)
    w = torch.tensor([0.9, 0.4, 1.0, 0.75, 0.55, 1.0])
    found = {}
    for name, compute in [
        ("soft", lambda z: weighted(kl(z, p, 2.0), w)),
        ("hard", lambda z: weighted(F.cross_entropy(z, labels, reduction="none"), w)),
    ]:
        config = BertConfig.from_json_file(HERE / "bert.config.json")
        config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
        config.num_labels = 3
        model = BertForSequenceClassification(config)
        model.load_state_dict(load_file(HERE / "bert.safetensors"))
        with torch.no_grad():
            model.classifier.weight.copy_(formula(model.classifier.weight.shape, 1, 0.5))
            model.classifier.bias.zero_()
        model.train()
        parameters = list(model.parameters())
        optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=0.0)
        scheduler = get_scheduler("linear", optimizer, 0, STEPS)
        values, norms = [], []
        for _ in range(STEPS):
            loss = compute(model(**fed).logits)
            loss.backward()
            norms.append(round(float(clip_grad_norm_(parameters, 1.0)), 7))
            values.append(round(loss.item(), 8))
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
        model.eval()
        with torch.no_grad():
            logits = model(**fed).logits
        found[name] = {"losses": values, "norms": norms, "logits": numbers(logits)}
        print(name, values)
    return {
        "ids": ids,
        "labels": labels.tolist(),
        "targets": p.double().tolist(),
        "weights": numbers(w),
        "temperature": 2.0,
        "learning_rate": RATE,
        **found,
    }


golden = {"losses": losses(), "steps": steps()}
(HERE / "weighted.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
