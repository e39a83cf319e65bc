"""scikit-learn's side of the bench: the same probes of one cell, one after the other.

Arguments: features (.f32), columns, a JSON file of labels and draws, C's that Headlight chose as JSON ([] to leave out
the fits at the optimum), a solver. Prints one JSON line: of each draw what LogisticRegression gives with its default tolerance (the
C of the best validation accuracy, the first among equals, as SentEval), the seconds of all of them by the clock and of
the processors, and untimed of
each draw the fit at its optimum (float64, tol 1e-6) at the C that Headlight chose.
"""

import json
import pathlib
import sys
import time
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression

warnings.filterwarnings("ignore")
features, columns, study, chosen, solver = sys.argv[1:6]
study = json.loads(pathlib.Path(study).read_text())
y = np.array(study["labels"])
X = np.fromfile(features, "<f4").reshape(len(y), int(columns))
if solver != "lbfgs":
    X = X.astype(np.float64)
draws = [{part: np.array(rows) for part, rows in draw.items()} for draw in study["draws"]]
LogisticRegression(solver=solver).fit(X[:200], y[:200])  # loads what it loads at its first fit

results = []
started, used = time.perf_counter(), time.process_time()
for draw in draws:
    best = None
    for C in study["Cs"]:
        model = LogisticRegression(C=C, solver=solver, max_iter=1000).fit(X[draw["train"]], y[draw["train"]])
        score = model.score(X[draw["validation"]], y[draw["validation"]])
        if best is None or score > best[0]:
            best = (score, C, model)
    score, C, model = best
    results.append(dict(C=C, validation=score, test=model.score(X[draw["test"]], y[draw["test"]])))
seconds, used = time.perf_counter() - started, time.process_time() - used

optimum = []
for draw, C in zip(draws, json.loads(chosen)):
    model = LogisticRegression(C=C, tol=1e-6, max_iter=5000)
    model.fit(X[draw["train"]].astype(np.float64), y[draw["train"]])
    x, labels = X[draw["test"]].astype(np.float64), y[draw["test"]]
    log_p = model.predict_log_proba(x)[np.arange(len(labels)), np.searchsorted(model.classes_, labels)]
    optimum.append(dict(test=model.score(x, labels), bits=float(-log_p.sum() / np.log(2))))
print(json.dumps(dict(seconds=seconds, processor=used, draws=results, optimum=optimum)))
