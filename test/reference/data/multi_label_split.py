"""Targets of eight labels, and how far from their shares the parts of Sechidis et al.'s algorithm are in the
`iterative-stratification` package (MultilabelStratifiedShuffleSplit, 20 seeds), and those of chance.
Run: pip install iterative-stratification==0.1.9 && python multi_label_split.py > multi_label_split.json"""

import json
import sys

import numpy as np
from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit

SHARE = 0.2
random = np.random.default_rng(8)
base = random.random((600, 1))
rates = np.array([0.5, 0.3, 0.2, 0.1, 0.06, 0.04, 0.03, 0.02])
# Labels that come together: a row's first draw is shared by half of its labels.
draws = np.where(np.arange(8) % 2 == 0, base, random.random((600, 8)))
targets = (draws < rates).astype(int)
totals = targets.sum(axis=0)


def distance(rows):
    """Mean over labels of the rows too many or too few in the test part."""
    return float(np.abs(targets[rows].sum(axis=0) - SHARE * totals).mean())


package, chance = [], []
for seed in range(20):
    split = MultilabelStratifiedShuffleSplit(n_splits=1, test_size=SHARE, random_state=seed)
    package.append(distance(next(split.split(np.zeros(600), targets))[1]))
    chance.append(distance(np.random.default_rng(seed).permutation(600)[:120]))
json.dump(
    {
        "share": SHARE,
        "targets": ["".join(map(str, row)) for row in targets],
        "package_mean": round(float(np.mean(package)), 4),
        "package_worst": round(max(package), 4),
        "chance_mean": round(float(np.mean(chance)), 4),
    },
    sys.stdout,
    separators=(",", ":"),
)
