"""The Python peers of few labels: setfit, and sentence-transformers + scikit-learn, on rows that they are given.

    python bench/few/setfit_peer.py --model FOLDER [--method setfit|loop|probe] [--iterations 20] [--rate 2e-5] \
        [--seeds 0,1,2] TRAIN.csv TEST.csv [TRAIN.csv TEST.csv ...]

CSV: columns `text,label`, a header, one label a row. Pairs of files are run one after another, each with its seed;
without --seeds that is its place. Methods:

    setfit  the package itself (1.1.3 with transformers 4, sentence-transformers 3 or later), its defaults but for
            num_iterations (0: none, so that its sampling strategy decides) and the rate of the encoder
    loop    the same training written with sentence-transformers' CosineSimilarityLoss, setfit's pairs and defaults
    probe   embeddings of sentence-transformers as they are, scikit-learn's logistic regression (C chosen by
            cross-validation where every class has five rows, else 1)

Prints on its last line a JSON array, one object a pair of files:
{accuracy, accuracy_mean_head, train_rows, test_rows, pairs, steps, seconds, method, seed, versions}.
`accuracy_mean_head`: the same tuned encoder, its head on the mean of the tokens divided by their average length, as
Headlight has it, and not on embeddings of length 1; null for a probe.
"""

import argparse
import json
import os
import random
import tempfile
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import pandas as pd
import sentence_transformers
import sklearn
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

BATCH, WARMUP, DECAY = 16, 0.1, 0.01


def read(path):
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return list(table.text), list(table.label)


def encode(body, texts):
    return body.encode(texts, batch_size=32, show_progress_bar=False)


def mean_head(body, train, labels, test):
    """A head on the mean of the tokens: what `body` gives without its last module, where that normalises."""
    parts = [part for part in body if "Normalize" not in type(part).__name__]
    plain = SentenceTransformer(modules=parts, device="cpu")
    x, y = encode(plain, train), encode(plain, test)
    length = np.linalg.norm(x, axis=1).mean()
    head = LogisticRegression().fit(x / length, labels)
    return head.predict(y / length)


def pairs_of(labels, iterations):
    """As setfit.sampler.ContrastiveDataset makes them: (first, second, 1.0 or 0.0)."""
    n = len(labels)
    index = np.stack(np.triu_indices(n, 0), axis=-1)
    positive, negative = [], []
    for place in np.random.RandomState(seed=42).permutation(len(index)):
        i, j = index[place]
        (positive if labels[i] == labels[j] else negative).append((i, j))
    count = iterations * n if iterations > 0 else max(len(positive), len(negative))
    pairs = []
    for turn in range(count):
        pairs.append((*positive[turn % len(positive)], 1.0))
        pairs.append((*negative[turn % len(negative)], 0.0))
    return pairs


def loop(folder, train, labels, iterations, rate, seed):
    transformers.set_seed(seed)
    body = SentenceTransformer(folder, device="cpu")
    loss = sentence_transformers.losses.CosineSimilarityLoss(body)
    pairs = pairs_of(labels, iterations)
    random.Random(seed).shuffle(pairs)
    batches = [pairs[at : at + BATCH] for at in range(0, len(pairs), BATCH)]
    plain = [p for n, p in body.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    kept = {id(p) for p in plain}
    groups = [
        {"params": [p for p in body.parameters() if id(p) not in kept], "weight_decay": DECAY},
        {"params": plain, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.999), eps=1e-8)
    warm = int(np.ceil(WARMUP * len(batches)))
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, warm, len(batches))
    tokenized = getattr(body, "preprocess", None) or body.tokenize
    body.train()
    for batch in batches:
        sides = [tokenized([train[pair[side]] for pair in batch]) for side in (0, 1)]
        value = loss(sides, torch.tensor([pair[2] for pair in batch]))
        value.backward()
        torch.nn.utils.clip_grad_norm_(body.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    body.eval()
    return body, len(pairs), len(batches)


def tuned_by_loop(options, train, labels, test, seed):
    body, pairs, steps = loop(options.model, train, labels, options.iterations, options.rate, seed)
    head = LogisticRegression().fit(encode(body, train), labels)
    return head.predict(encode(body, test)), body, pairs, steps


def tuned_by_setfit(options, train, labels, test, seed):
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    with tempfile.TemporaryDirectory() as scratch:
        model = SetFitModel.from_pretrained(options.model)
        model.model_body.to("cpu")
        arguments = TrainingArguments(
            output_dir=scratch,
            num_iterations=options.iterations or None,
            body_learning_rate=options.rate,
            seed=seed,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            show_progress_bar=False,
        )
        data = Dataset.from_dict({"text": train, "label": labels})
        trainer = Trainer(model=model, args=arguments, train_dataset=data)
        trainer.train()
        found = [str(label) for label in model.predict(test)]
        steps = trainer.st_trainer.state.global_step
        return found, model.model_body, len(trainer.st_trainer.train_dataset), steps


def probe(options, train, labels, test):
    body = SentenceTransformer(options.model, device="cpu")
    x, y = encode(body, train), encode(body, test)
    fewest = min(labels.count(label) for label in set(labels))
    if fewest < 5:
        return LogisticRegression(max_iter=1000).fit(x, labels).predict(y)
    head = LogisticRegressionCV(Cs=[0.01, 0.1, 1, 10, 100], cv=5, max_iter=1000, scoring="accuracy")
    return head.fit(x, labels).predict(y)


def run(options, train_path, test_path, seed):
    train, labels = read(train_path)
    test, wanted = read(test_path)
    start = time.perf_counter()
    pairs = steps = of_mean = None
    if options.method == "probe":
        found = probe(options, train, labels, test)
    else:
        tuned = tuned_by_setfit if options.method == "setfit" else tuned_by_loop
        found, body, pairs, steps = tuned(options, train, labels, test, seed)
    seconds = time.perf_counter() - start
    if options.method != "probe":
        of_mean = mean_head(body, train, labels, test)
    right = lambda answers: float(np.mean([a == b for a, b in zip(answers, wanted)]))
    versions = {m.__name__: m.__version__ for m in (torch, transformers, sentence_transformers, sklearn)}
    if options.method == "setfit":
        import setfit

        versions["setfit"] = setfit.__version__
    return {
        "accuracy": right(found),
        "accuracy_mean_head": None if of_mean is None else right(of_mean),
        "train_rows": len(train),
        "test_rows": len(test),
        "pairs": pairs,
        "steps": steps,
        "seconds": seconds,
        "method": options.method,
        "seed": seed,
        "versions": versions,
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--method", choices=["setfit", "loop", "probe"], default="setfit")
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--rate", type=float, default=2e-5)
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")])
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    if len(options.files) % 2:
        parser.error("files come in pairs: TRAIN.csv TEST.csv")
    files = list(zip(options.files[0::2], options.files[1::2]))
    seeds = options.seeds or range(len(files))
    if len(seeds) != len(files):
        parser.error("--seeds names one for each pair of files")
    results = [run(options, train, test, seed) for seed, (train, test) in zip(seeds, files)]
    print(json.dumps(results))


main()
