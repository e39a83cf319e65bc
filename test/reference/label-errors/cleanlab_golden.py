"""Golden values of the room learning/label-errors, from cleanlab 2.9.0.

Run from the repository root: python test/reference/label-errors/cleanlab_golden.py
(pip install cleanlab==2.9.0). Writes golden.json beside itself; float arrays are base64 of little-endian float64.

cleanlab sorts with numpy's unstable sort, so that among equals the order depends on the processor; here it sorts
stably, which is one of the orders it may have.
"""

import base64
import json
import os
import warnings

import numpy as np

plain_argsort = np.argsort


def stable(a, *args, **kw):
    return plain_argsort(a, *args, **{**kw, "kind": "stable"})


np.argsort = stable
warnings.filterwarnings("ignore")

from cleanlab.count import compute_confident_joint, estimate_latent, get_confident_thresholds  # noqa: E402
from cleanlab.filter import find_label_issues  # noqa: E402
from cleanlab.multilabel_classification.filter import find_label_issues as find_several  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


def packed(array):
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f8").tobytes()).decode()


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def one_class(seed, rows, classes, flipped=0.1, sharp=3.0, shares=None, digits=None, shy=None, empty=None):
    """Labels of which some are flipped, and probabilities that mostly know the true ones."""
    rng = np.random.default_rng(seed)
    true = rng.choice(classes, size=rows, p=shares)
    if empty is not None:
        true[true == empty] = (empty + 1) % classes
    logits = rng.normal(size=(rows, classes))
    logits[np.arange(rows), true] += sharp
    if shy is not None:
        logits[:, shy] -= 8
    probabilities = softmax(logits)
    if digits is not None:
        probabilities = np.round(probabilities, digits)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
    labels = true.copy()
    flips = rng.random(rows) < flipped
    labels[flips] = (labels[flips] + rng.integers(1, classes, flips.sum())) % classes
    if empty is not None:
        labels[labels == empty] = true[labels == empty]
    return labels, probabilities


def case(name, labels, probabilities):
    joint = compute_confident_joint(labels, probabilities)
    _, noise, inverse = estimate_latent(joint, labels)
    ranked = {
        by: find_label_issues(labels, probabilities, return_indices_ranked_by=by, n_jobs=1).tolist()
        for by in ("normalized_margin", "self_confidence")
    }
    return {
        "name": name,
        "classes": probabilities.shape[1],
        "labels": labels.tolist(),
        "probabilities": packed(probabilities),
        "thresholds": packed(get_confident_thresholds(labels, probabilities)),
        "joint": joint.tolist(),
        "noise": packed(noise),
        "inverse": packed(inverse),
        **ranked,
    }


def several(name, seed, rows, classes, never=None):
    rng = np.random.default_rng(seed)
    true = rng.random((rows, classes)) < rng.uniform(0.15, 0.6, classes)
    if never is not None:
        true[:, never] = False
    logits = rng.normal(size=(rows, classes)) + np.where(true, 2.0, -2.0)
    probabilities = 1 / (1 + np.exp(-logits))
    given = true ^ (rng.random((rows, classes)) < 0.05)
    if never is not None:
        given[:, never] = False
    lists = [np.flatnonzero(row).tolist() for row in given]
    return {
        "name": name,
        "classes": classes,
        "targets": given.astype(int).ravel().tolist(),
        "probabilities": packed(probabilities),
        "joint": compute_confident_joint(lists, probabilities, multi_label=True).tolist(),
        "ranked": find_several(
            lists, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1
        ).tolist(),
    }


few = np.array([0, 0, 1, 1, 2, 0, 1])
few_probabilities = np.array(
    [
        [0.8, 0.1, 0.1],
        [0.1, 0.8, 0.1],
        [0.2, 0.7, 0.1],
        [0.6, 0.3, 0.1],
        [0.3, 0.3, 0.4],
        [0.7, 0.2, 0.1],
        [0.05, 0.9, 0.05],
    ]
)
golden = {
    "one": [
        case("three classes", *one_class(1, 240, 3)),
        case("two classes, many flipped", *one_class(2, 160, 2, flipped=0.25, sharp=2.0)),
        case(
            "twelve classes of very different size",
            *one_class(3, 420, 12, shares=np.arange(1, 13) / np.arange(1, 13).sum()),
        ),
        case("forty classes, unsure", *one_class(4, 400, 40, flipped=0.08, sharp=4.0)),
        case("a class that is never predicted", *one_class(5, 200, 4, shy=2)),
        case("a class without rows", *one_class(6, 150, 4, empty=3)),
        case("many equal probabilities", *one_class(7, 300, 5, digits=1)),
        case("rows that are likely of several classes", *one_class(9, 200, 5, sharp=0.6)),
        case("nothing is wrong", *one_class(8, 120, 3, flipped=0.0, sharp=9.0)),
        case("seven rows, one class with one", few, few_probabilities),
    ],
    "several": [
        several("four labels", 11, 200, 4),
        several("six labels, one that no row has", 12, 260, 6, never=4),
    ],
}

with open(os.path.join(HERE, "golden.json"), "w") as file:
    json.dump(golden, file, separators=(",", ":"))
    file.write("\n")
for one in golden["one"]:
    print(one["name"], len(one["normalized_margin"]), "of", len(one["labels"]))
for one in golden["several"]:
    print(one["name"], len(one["ranked"]))
