"""Golden values of the pieces of fine-tuning: schedules, losses with gradients, AdamW, entities, paired tests.

Run with torch, transformers, seqeval and scipy:  python test/reference/finetune/pieces.py
"""

import json
import math
import random
from pathlib import Path

import torch
from scipy.stats import binomtest
from seqeval.metrics import classification_report
from torch.nn import functional as F
from transformers import TrainingArguments, get_scheduler

HERE = Path(__file__).parent


def numbers(tensor):
    return [round(float(x), 9) for x in tensor.detach().double().flatten()]


def schedules():
    cases = []
    for name in ["linear", "cosine", "constant"]:
        for warmup, steps in [(0, 7), (3, 10), (0.1, 25), (500, 12), (0.25, 10)]:
            arguments = TrainingArguments(warmup_steps=warmup, report_to=[], use_cpu=True)
            warm = arguments.get_warmup_steps(steps)
            optimizer = torch.optim.SGD([torch.zeros(1)], lr=3e-5)
            scheduler = get_scheduler(name, optimizer, warm, steps)
            rates = []
            for _ in range(steps):
                rates.append(scheduler.get_last_lr()[0])
                optimizer.step()
                scheduler.step()
            cases.append(
                {"lr_scheduler_type": name, "warmup_steps": warmup, "steps": steps, "rates": rates}
            )
    return cases


def losses():
    torch.manual_seed(3)
    cases = []

    def add(name, spec, logits, targets, compute, smoothing=0.0, task="text"):
        z = logits.clone().requires_grad_()
        loss = compute(z)
        loss.backward()
        cases.append(
            {
                "name": name,
                "loss": spec,
                "smoothing": smoothing,
                "task": task,
                "shape": list(logits.shape),
                "logits": numbers(logits),
                "targets": targets,
                "value": float(loss),
                "gradient": numbers(z.grad),
            }
        )

    z = torch.randn(5, 4) * 3
    y = torch.tensor([2, 0, 3, 1, 2])
    w = torch.tensor([0.5, 2.0, 1.25, 0.75])
    ce = {"name": "cross_entropy", "classWeights": None}
    weighted = {"name": "cross_entropy", "classWeights": w.tolist()}
    add("cross-entropy", ce, z, y.tolist(), lambda z: F.cross_entropy(z, y))
    add("class weights", weighted, z, y.tolist(), lambda z: F.cross_entropy(z, y, weight=w))
    add(
        "label smoothing",
        ce,
        z,
        y.tolist(),
        lambda z: F.cross_entropy(z, y, label_smoothing=0.1),
        0.1,
    )
    add(
        "class weights and label smoothing",
        weighted,
        z,
        y.tolist(),
        lambda z: F.cross_entropy(z, y, weight=w, label_smoothing=0.2),
        0.2,
    )
    huge = z * 300
    add("logits that overflow exp", ce, huge, y.tolist(), lambda z: F.cross_entropy(z, y))

    t = torch.randn(3, 6, 4) * 2
    ty = torch.randint(0, 4, (3, 6))
    ty[:, 0] = -100
    ty[0, 4:] = -100
    ty[2, 1:3] = -100
    add(
        "tokens, -100 ignored",
        ce,
        t,
        ty.tolist(),
        lambda z: F.cross_entropy(z.view(-1, 4), ty.view(-1)),
        task="token",
    )
    add(
        "tokens with class weights",
        weighted,
        t,
        ty.tolist(),
        lambda z: F.cross_entropy(z.view(-1, 4), ty.view(-1), weight=w),
        task="token",
    )
    b = (torch.rand(5, 4) > 0.6).float()
    add(
        "several labels a text",
        {"name": "binary_cross_entropy"},
        z * 20,
        b.tolist(),
        lambda z: F.binary_cross_entropy_with_logits(z, b),
    )
    for temperature in [1.0, 2.5]:
        p = torch.softmax(torch.randn(5, 4) * 2, -1)
        p[1] = torch.tensor([0.0, 1.0, 0.0, 0.0])
        cooled = torch.softmax(torch.log(p) / temperature, -1)
        add(
            f"distillation at temperature {temperature}",
            {"name": "distillation", "temperature": temperature},
            z,
            p.double().tolist(),
            lambda z: F.kl_div(
                torch.log_softmax(z / temperature, -1), cooled, reduction="batchmean"
            )
            * temperature**2,
        )
    v = torch.randn(8, 6)
    labels = torch.tensor([1.0, 0.0, 0.3, 0.8])
    add(
        "cosine of pairs",
        {"name": "cosine_similarity"},
        v,
        labels.double().tolist(),
        lambda v: F.mse_loss(torch.cosine_similarity(v[0::2], v[1::2]), labels),
        task="embedding",
    )
    return cases


def adamw():
    torch.manual_seed(5)
    cases = []
    for decay, max_norm, schedule in [(0.0, 0.0, 1e-3), (0.01, 1.0, 5e-2), (0.3, 0.05, 1e-2)]:
        weight = torch.nn.Parameter(torch.randn(4, 3))
        bias = torch.nn.Parameter(torch.randn(3))
        start = {"weight": numbers(weight), "bias": numbers(bias)}
        groups = [
            {"params": [weight], "weight_decay": decay},
            {"params": [bias], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=schedule, betas=(0.9, 0.999), eps=1e-8)
        steps = []
        for step in range(12):
            rate = schedule * (1 - step / 12)
            for group in optimizer.param_groups:
                group["lr"] = rate
            weight.grad = torch.randn(4, 3) * 10 ** (step % 4 - 2)
            bias.grad = torch.randn(3)
            entry = {"rate": rate, "weight": numbers(weight.grad), "bias": numbers(bias.grad)}
            if max_norm > 0:
                norm = torch.nn.utils.clip_grad_norm_([weight, bias], max_norm)
                entry["norm"] = float(norm)
            optimizer.step()
            steps.append(entry)
        cases.append(
            {
                "weight_decay": decay,
                "max_grad_norm": max_norm,
                "start": start,
                "steps": steps,
                "end": {"weight": numbers(weight), "bias": numbers(bias)},
            }
        )
    # An embedding table of which few rows are used, dense AdamW over all of it.
    table = torch.nn.Embedding(12, 3, padding_idx=0)
    with torch.no_grad():
        table.weight.copy_(torch.randn(12, 3))
    start = numbers(table.weight)
    optimizer = torch.optim.AdamW(table.parameters(), lr=0.02, weight_decay=0.1)
    steps = []
    for step in range(8):
        ids = torch.randint(0, 7, (5,)) if step else torch.tensor([1, 2, 2, 0, 3])
        factor = torch.randn(5, 3)
        optimizer.zero_grad()
        (table(ids) * factor).sum().backward()
        optimizer.step()
        steps.append({"ids": ids.tolist(), "gradient": numbers(factor)})
    return {
        "cases": cases,
        "table": {"start": start, "steps": steps, "end": numbers(table.weight)},
    }


def entities():
    generator = random.Random(11)
    tags = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-MISC-X", "I-MISC-X", "I-ORG"]
    more = tags + ["E-PER", "S-LOC", "B", "I"]
    cases = []
    for case in range(12):
        pool = tags if case < 8 else more
        actual, predicted = [], []
        for _ in range(generator.randint(1, 8)):
            length = generator.randint(1, 12)
            sequence = [generator.choice(pool) for _ in range(length)]
            actual.append(sequence)
            predicted.append(
                [t if generator.random() < 0.7 else generator.choice(pool) for t in sequence]
            )
        report = classification_report(actual, predicted, output_dict=True, zero_division=0)
        clean = {
            key: {
                "precision": float(value["precision"]),
                "recall": float(value["recall"]),
                "f1_score": float(value["f1-score"]),
                "support": int(value["support"]),
            }
            for key, value in report.items()
            if key not in ["macro avg", "weighted avg"]
        }
        cases.append({"actual": actual, "predicted": predicted, "report": clean})
    return cases


def wilson(count, n):
    interval = binomtest(count, n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def newcombe(both, first, second, neither):
    """Method 10, as Newcombe (1998) writes it: e, f, g, h."""
    n = both + first + second + neither
    p1, p2 = (both + first) / n, (both + second) / n
    l1, u1 = wilson(both + first, n)
    l2, u2 = wilson(both + second, n)
    product = (both + first) * (second + neither) * (both + second) * (first + neither)
    cross = both * neither - first * second
    if cross > n / 2:
        phi = (cross - n / 2) / math.sqrt(product) if product else 0
    elif cross >= 0:
        phi = 0
    else:
        phi = cross / math.sqrt(product) if product else 0
    dl1, du1, dl2, du2 = p1 - l1, u1 - p1, p2 - l2, u2 - p2
    delta = math.sqrt(dl1**2 - 2 * phi * dl1 * du2 + du2**2)
    epsilon = math.sqrt(du1**2 - 2 * phi * du1 * dl2 + dl2**2)
    return [p1 - p2 - delta, p1 - p2 + epsilon]


def paired():
    cases = []
    tables = [(36, 12, 2, 0), (14, 5, 0, 22), (50, 0, 0, 7), (30, 4, 9, 17), (0, 3, 3, 0)]
    tables += [(800, 61, 40, 99), (5, 1, 0, 0), (900, 700, 640, 60)]
    for both, first, second, neither in tables:
        discordant = first + second
        p = binomtest(first, discordant, 0.5).pvalue if discordant else 1.0
        cases.append(
            {
                "table": [both, first, second, neither],
                "p_value": float(p),
                "interval": newcombe(both, first, second, neither),
            }
        )
    return cases


golden = {
    "schedules": schedules(),
    "losses": losses(),
    "adamw": adamw(),
    "entities": entities(),
    "paired": paired(),
}
(HERE / "pieces.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
