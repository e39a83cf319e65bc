"""Golden values of a logistic regression of forty classes, few rows each, by scikit-learn.

Run from the repository root with scikit-learn 1.9:
    python test/reference/learning/many_classes.py
Writes many-classes.json beside itself: features, labels, coefficients, intercepts and the probabilities of the first rows.
"""

import base64
import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

ROWS, COLUMNS, CLASSES, SHOWN = 300, 16, 40, 50
C = 10


def packed(values, kind):
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode()


def main():
    rng = np.random.default_rng(5)
    # The first rows have every class once; around their centres classes overlap.
    labels = np.concatenate([rng.permutation(CLASSES), rng.integers(CLASSES, size=ROWS - CLASSES)])
    centres = rng.normal(size=(CLASSES, COLUMNS))
    features = 0.9 * centres[labels] + rng.normal(size=(ROWS, COLUMNS)) + 0.3
    features = (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)
    head = LogisticRegression(C=C, tol=1e-8, max_iter=10_000).fit(features.astype(np.float64), labels)
    out = dict(
        rows=ROWS,
        columns=COLUMNS,
        classes=CLASSES,
        C=C,
        features=packed(features, "<f4"),
        labels=labels.tolist(),
        coef=packed(head.coef_, "<f8"),
        intercept=packed(head.intercept_, "<f8"),
        probabilities=packed(head.predict_proba(features[:SHOWN].astype(np.float64)), "<f8"),
    )
    Path(__file__).with_name("many-classes.json").write_text(json.dumps(out) + "\n")


main()
