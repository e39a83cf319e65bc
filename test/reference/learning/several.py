"""Golden values of several labels a row beyond single figures: intervals, two classifiers, the best fixed answer.

Run from the repository root with scikit-learn 1.9 and scipy 1.15 or later:
    python test/reference/learning/several.py
Writes several.json beside itself.

Micro-F1 is scikit-learn's, its interval and that of the paired difference scipy's bootstrap of many draws, so that
a bootstrap of fewer draws must come near. The Brier score and the calibration curve are scikit-learn's on every
cell as one. The best fixed answer is found by trying every set of labels.
"""

import itertools
import json
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn import metrics as m
from sklearn.calibration import calibration_curve

DRAWS = 40_000


def micro(y, guess):
    return m.f1_score(y, guess, average="micro", zero_division=0)


def counted(y, guess):
    """Right, given, actual of each row, of which micro-F1 is made."""
    return (y & guess).sum(axis=1), guess.sum(axis=1), y.sum(axis=1)


def of_counts(right, given, actual, axis=-1):
    return 2 * right.sum(axis=axis) / np.maximum(1, (given + actual).sum(axis=axis))


def case(rng, rows, rates, noise):
    y = (rng.random((rows, len(rates))) < rates).astype(int)
    scores = [np.round(np.clip(0.45 * y + 0.25 + s * rng.normal(size=y.shape), 0, 1), 3) for s in noise]
    thresholds = np.round(rng.uniform(0.4, 0.6, len(rates)), 2)
    first, second = ((p >= thresholds).astype(int) for p in scores)
    a, b = counted(y, first), counted(y, second)
    assert abs(of_counts(*a) - micro(y, first)) < 1e-12
    bca = stats.bootstrap(a, of_counts, paired=True, vectorized=True, n_resamples=DRAWS, method="BCa", rng=rng)
    difference = stats.bootstrap(
        (*a, *b),
        lambda *x, axis=-1: of_counts(*x[:3], axis=axis) - of_counts(*x[3:], axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=DRAWS,
        method="percentile",
        rng=rng,
    )
    drawn = difference.bootstrap_distribution
    tail = min((drawn <= 0).sum(), (drawn >= 0).sum())
    flat_y, flat_p = y.ravel(), scores[0].ravel()
    bins = np.clip(np.ceil(flat_p * 15).astype(int) - 1, 0, 14)
    true, predicted = calibration_curve(flat_y, flat_p, n_bins=15)
    sizes = np.bincount(bins, minlength=15)
    return dict(
        rows=rows,
        labels=len(rates),
        targets=flat_y.tolist(),
        first=scores[0].ravel().tolist(),
        second=scores[1].ravel().tolist(),
        thresholds=thresholds.tolist(),
        micro=[micro(y, first), micro(y, second)],
        interval=list(bca.confidence_interval),
        difference_interval=list(difference.confidence_interval),
        p_value=float(min(1, 2 * (tail + 1) / (DRAWS + 1))),
        brier=float(m.brier_score_loss(flat_y, flat_p)),
        calibration_error=float((np.abs(true - predicted) * sizes[sizes > 0]).sum() / sizes.sum()),
        samples=m.f1_score(y, first, average="samples", zero_division=0),
        subset_accuracy=m.accuracy_score(y, first),
    )


def best_fixed(rng, rates, rows):
    train, test = ((rng.random((n, len(rates))) < rates).astype(int) for n in rows)
    best = None
    for size in range(len(rates) + 1):
        for chosen in itertools.combinations(range(len(rates)), size):
            guess = np.zeros_like(train)
            guess[:, chosen] = 1
            value = micro(train, guess)
            if best is None or value > best[0] + 1e-12:
                best = (value, chosen)
    guess = np.zeros_like(test)
    guess[:, best[1]] = 1
    return dict(
        train=dict(rows=rows[0], support=train.sum(axis=0).tolist()),
        test=dict(rows=rows[1], support=test.sum(axis=0).tolist()),
        chosen=sorted(best[1]),
        micro=[
            float(f(test, guess, average="micro", zero_division=0))
            for f in (m.precision_score, m.recall_score, m.f1_score)
        ],
        macro=float(m.f1_score(test, guess, average="macro", zero_division=0)),
        hamming_loss=float(m.hamming_loss(test, guess)),
    )


def main():
    rng = np.random.default_rng(7)
    value = dict(
        pairs=[
            case(rng, 160, [0.5, 0.3, 0.15, 0.6], (0.22, 0.3)),
            case(rng, 160, [0.5, 0.3, 0.15, 0.6], (0.3, 0.31)),
            case(rng, 90, [0.08, 0.1, 0.2], (0.35, 0.2)),
        ],
        fixed=[
            best_fixed(rng, [0.9, 0.5, 0.3, 0.1, 0.05], (400, 100)),
            best_fixed(rng, [0.05, 0.02, 0.04], (300, 80)),
            best_fixed(rng, [0.7, 0.7, 0.65, 0.6], (200, 50)),
            best_fixed(rng, [0.0, 0.0], (20, 10)),
        ],
    )
    (Path(__file__).parent / "several.json").write_text(json.dumps(value, separators=(",", ":")) + "\n")


main()
