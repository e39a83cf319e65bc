"""The scikit-learn side of bench/probe-fit.ts: same features, same settings; prints one JSON line a case.

Arguments: folder with NAME.f32 / NAME.i32, NAME, columns, C ('cv' or a number), folds, grid as JSON.
"""

import json
import sys
import time
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

warnings.filterwarnings("ignore")
folder, name, columns, C, folds, grid = sys.argv[1:7]
y = np.fromfile(f"{folder}/{name}.i32", "<i4")
X = np.fromfile(f"{folder}/{name}.f32", "<f4").reshape(len(y), int(columns))


def fit(X):
    if C == "cv":
        model = LogisticRegressionCV(
            Cs=json.loads(grid), cv=int(folds), max_iter=1000, use_legacy_attributes=False
        )
    else:
        model = LogisticRegression(C=float(C), max_iter=1000)
    started = time.perf_counter()
    model.fit(X, y)
    return model, time.perf_counter() - started


_, narrow = fit(X)  # float32 features, as the page has them
model, wide = fit(X.astype(np.float64)) if C != "cv" else (_, narrow)
print(
    json.dumps(
        dict(
            seconds=min(narrow, wide),
            C=float(np.ravel(model.C_ if C == "cv" else model.C)[0]),
            predictions=model.predict(X).tolist(),
        )
    )
)
