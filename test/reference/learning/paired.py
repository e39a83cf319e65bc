"""Golden values of two classifiers on the same rows: McNemar's exact test, and the interval of the difference.

Run from the repository root with statsmodels 0.14 or later:  python test/reference/learning/paired.py
Writes paired.json beside itself.

p-values: statsmodels' exact McNemar test. Intervals: Newcombe 1998, method 10, put together of statsmodels'
Wilson intervals and numpy's correlation of the rows. Before anything is written both are held to the published
example below, to the digits in which it is printed.
"""

import json
from pathlib import Path

import numpy as np
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

# Cavo et al. 2012, as the R package `contingencytables` prints it (Fagerland, Lydersen & Laake, Statistical
# Analysis of Contingency Tables, 2017, chapter 8): exact conditional P = 0.052479, Newcombe's square-and-add
# interval -0.1186 to -0.0046.
PUBLISHED = {"table": [59, 6, 16, 80], "p_value": 0.052479, "interval": [-0.1186, -0.0046]}

TABLES = [
    (59, 6, 16, 80),
    (36, 12, 2, 0),
    (1, 1, 7, 12),
    (14, 5, 0, 22),
    (30, 4, 9, 17),
    (0, 3, 3, 0),
    (5, 1, 0, 3),
    (800, 61, 40, 99),
    (900, 700, 640, 60),
    (2, 30, 11, 1),
]


def interval(both, first, second, neither):
    rows = both + first + second + neither
    a = np.repeat([1, 1, 0, 0], [both, first, second, neither])
    b = np.repeat([1, 0, 1, 0], [both, first, second, neither])
    phi = np.corrcoef(a, b)[0, 1] if 0 < a.sum() < rows and 0 < b.sum() < rows else 0.0
    cross = both * neither - first * second
    if cross > 0:  # the correction for continuity
        phi *= max(cross - rows / 2, 0) / cross
    (low1, high1), (low2, high2) = (proportion_confint(x.sum(), rows, method="wilson") for x in (a, b))
    down = np.array([a.mean() - low1, high2 - b.mean()])
    up = np.array([high1 - a.mean(), b.mean() - low2])
    joined = np.array([[1, -phi], [-phi, 1]])
    difference = a.mean() - b.mean()
    return [float(difference - np.sqrt(down @ joined @ down)), float(difference + np.sqrt(up @ joined @ up))]


def case(both, first, second, neither):
    test = mcnemar([[both, first], [second, neither]], exact=True)
    return {
        "table": [both, first, second, neither],
        "p_value": float(test.pvalue),
        "interval": interval(both, first, second, neither),
    }


published = case(*PUBLISHED["table"])
assert round(published["p_value"], 6) == PUBLISHED["p_value"], published
assert [round(x, 4) for x in published["interval"]] == PUBLISHED["interval"], published

golden = {"published": PUBLISHED, "cases": [case(*table) for table in TABLES]}
(Path(__file__).parent / "paired.json").write_text(json.dumps(golden, indent=1) + "\n")
