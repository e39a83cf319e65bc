"""
Which text for a class makes the best prototype: accuracy / macro-F1 of the nearest prototype with all-MiniLM-L6-v2 on
training rows of four public sets. docs/labelling.md has the table; src/learning/labelling/similarity.ts what was chosen.

    HF_HUB_OFFLINE=1 HEADLIGHT_MINILM=<folder> HEADLIGHT_DATA=<folder> python bench/labelling/prompts.py [ROWS]
"""
import csv
import os
import random
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 300
DATA = Path(os.environ.get("HEADLIGHT_DATA", Path(__file__).parents[3] / "shared/data"))
MINILM = os.environ["HEADLIGHT_MINILM"]
tokenizer = AutoTokenizer.from_pretrained(MINILM)
model = AutoModel.from_pretrained(MINILM).eval()


@torch.no_grad()
def embed(texts):
    vectors = []
    for start in range(0, len(texts), 64):
        batch = tokenizer(
            texts[start : start + 64], padding=True, truncation=True, max_length=256, return_tensors="pt"
        )
        states = model(**batch).last_hidden_state
        mask = batch["attention_mask"][..., None].float()
        vectors.append(torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1))
    return torch.cat(vectors).numpy()


def rows_of(name, text, label, delimiter, header, values):
    with open(DATA / name, encoding="utf-8", newline="") as file:
        quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
        rows = list(csv.reader(file, delimiter=delimiter, quoting=quoting))[header:]
    return [(row[text], values.index(row[label])) for row in rows if len(row) > 1]


SETS = {
    "SST-2": (
        rows_of("sst2/train.tsv", 0, 1, "\t", 1, ["0", "1"]),
        ["negative", "positive"],
        [
            "a negative movie review: the film is bad, boring or disappointing",
            "a positive movie review: the film is good, moving or funny",
        ],
    ),
    "TREC": (
        rows_of("trec/train.csv", 0, 1, ",", 1, ["ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM"]),
        ["abbreviation", "description", "entity", "person", "location", "number"],
        [
            "a question about what an abbreviation or acronym stands for",
            "a question asking for a definition, a reason, or how something works",
            "a question about a thing: an animal, a colour, a food, a product, a word",
            "a question about a person or a group of people",
            "a question about a place: a city, a country, a mountain",
            "a question asking for a number: a date, a count, a distance, a price",
        ],
    ),
    "AG News": (
        rows_of("ag_news/train.csv", 0, 1, ",", 1, ["World", "Sports", "Business", "Sci/Tech"]),
        ["World", "Sports", "Business", "Sci/Tech"],
        [
            "world news: politics, war, diplomacy and foreign countries",
            "sports news: games, players, teams and results",
            "business news: companies, markets, the economy and oil",
            "science and technology news: computers, software, the internet and space",
        ],
    ),
    "SMS spam": (
        rows_of("sms_spam/sms.tsv", 1, 0, "\t", 0, ["ham", "spam"]),
        ["ham", "spam"],
        [
            "a personal text message to a friend or family member",
            "spam: an advertisement, a prize or a paid service",
        ],
    ),
}
TEMPLATES = ["{}", "This text is about {}.", "The topic is {}."]


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def figures(rows):
    texts, names, descriptions = rows
    shuffled = random.Random(1).sample(texts, len(texts))
    asked, rest = shuffled[:ROWS], shuffled[ROWS:]
    features = embed([text for text, _ in asked])
    actual = np.array([label for _, label in asked])

    def of(prototypes):
        said = (features @ unit(prototypes).T).argmax(1)
        f1 = [
            2 * ((said == k) & (actual == k)).sum() / max(1, (said == k).sum() + (actual == k).sum())
            for k in range(len(names))
        ]
        return np.array([(said == actual).mean(), np.mean(f1)])

    forms = {template: embed([template.format(name) for name in names]) for template in TEMPLATES}
    described = embed(descriptions)
    both = unit(forms["{}"] + forms["The topic is {}."])
    found = {template: of(form) for template, form in forms.items()}
    found["{} and The topic is {}."] = of(both)
    found["description"] = of(described)
    found["description and both"] = of(unit(described + both))
    bases = {"names": both, "description and both": unit(described + both)}
    for seed in range(3):
        draw = random.Random(seed)
        examples = [
            embed(draw.sample([text for text, label in rest if label == k], 8)) for k in range(len(names))
        ]
        for count in (1, 3, 8):
            means = unit(np.stack([own[:count].mean(0) for own in examples]))
            for base, prototypes in bases.items():
                for share in (0.0, 0.1, 0.2, 0.25, 0.33, 0.4, 0.5, 0.6, 0.67, 1.0):
                    key = f"{base}, {count} examples at {share}"
                    found[key] = found.get(key, 0) + of((1 - share) * prototypes + share * means) / 3
    return found


results = {name: figures(rows) for name, rows in SETS.items()}
print("| what is embedded |", " | ".join(results), "| mean |")
for key in next(iter(results.values())):
    cells = [own[key] for own in results.values()]
    shown = [f"{100 * accuracy:.1f} / {f1:.3f}" for accuracy, f1 in [*cells, np.mean(cells, axis=0)]]
    print(f"| {key} |", " | ".join(shown), "|")
