"""Golden values of the rooms learning/heads and learning/evaluate, from scikit-learn 1.9 and scipy.

Run from the repository root: python test/reference/learning/learning.py
Writes heads.json, folds.json and metrics.json beside itself. Float arrays are base64 of little-endian data.
"""

import base64
import json
import os
import warnings

import numpy as np
from scipy.stats import binomtest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    classification_report,
    confusion_matrix,
    f1_score,
    log_loss,
    matthews_corrcoef,
    roc_auc_score,
)
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
TIGHT = dict(tol=1e-8, max_iter=100_000)


def packed(array, dtype="<f8"):
    return base64.b64encode(np.ascontiguousarray(array, dtype=dtype).tobytes()).decode()


def write(name, value):
    with open(os.path.join(HERE, name), "w") as file:
        json.dump(value, file, separators=(",", ":"))
        file.write("\n")


def embeddings(rng, rows, columns, classes, overlap, shares=None):
    """Unit vectors with a decaying spectrum and a common offset, as sentence embeddings have."""
    labels = rng.choice(classes, size=rows, p=shares).astype(np.int32)
    labels[:classes] = np.arange(classes)
    spectrum = np.arange(1, columns + 1) ** -0.7
    centres = rng.normal(size=(classes, columns)) * spectrum
    offset = rng.normal(size=columns)
    offset *= 0.5 / np.linalg.norm(offset)
    features = offset + centres[labels] + overlap * rng.normal(size=(rows, columns)) * spectrum
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return features.astype(np.float32), labels


def head_case(name, data, settings):
    features, labels = data["features"], data["labels"]
    standardize = settings["standardize"]
    X = features.astype(np.float64)
    common = dict(class_weight=settings["class_weight"], **TIGHT)
    if settings["C"] == "cv":
        model = LogisticRegressionCV(
            Cs=settings["Cs"], cv=settings["folds"], use_legacy_attributes=False, **common
        )
    else:
        model = LogisticRegression(C=settings["C"], **common)
    pipeline = make_pipeline(StandardScaler(), model) if standardize else make_pipeline(model)
    pipeline.fit(X, labels)
    case = dict(
        name=name,
        data=data["name"],
        settings=settings,
        coef=packed(model.coef_),
        intercept=packed(model.intercept_),
        probabilities=packed(pipeline.predict_proba(X)),
        predictions=pipeline.predict(X).tolist(),
    )
    if standardize:
        scaler = pipeline[0]
        case["scaler"] = dict(mean=packed(scaler.mean_), scale=packed(scaler.scale_))
    if settings["C"] == "cv":
        case["C"] = float(model.C_)
        # [folds, grid]
        case["scores"] = np.asarray(model.scores_).reshape(settings["folds"], -1).tolist()
    return case


def heads():
    rng = np.random.default_rng(7)
    grid = [0.01, 0.1, 1, 10, 100]

    def settings(C, class_weight=None, standardize=False, folds=5):
        return dict(C=C, Cs=grid, folds=folds, class_weight=class_weight, standardize=standardize)

    datasets = []

    def dataset(name, features, labels):
        datasets.append(dict(name=name, features=features, labels=labels))
        return datasets[-1]

    binary = embeddings(rng, 300, 24, 2, 1.2, [0.8, 0.2])
    several = embeddings(rng, 500, 32, 4, 1.3, [0.5, 0.3, 0.15, 0.05])
    wide = embeddings(rng, 60, 96, 3, 1.5)
    constant = (several[0].copy(), several[1])
    constant[0][:, 3] = 0.25
    binary = dataset("two classes", *binary)
    several = dataset("four classes", *several)
    wide = dataset("more columns than rows", *wide)
    constant = dataset("one column constant", *constant)
    cases = [head_case(f"two classes, C={C}", binary, settings(C)) for C in (0.01, 1, 10)]
    cases += [head_case(f"four classes, C={C}", several, settings(C)) for C in (0.01, 1, 10)]
    cases += [
        head_case("two classes, balanced", binary, settings(1, "balanced")),
        head_case("four classes, balanced", several, settings(10, "balanced")),
        head_case("more columns than rows", wide, settings(10)),
        head_case("standardised, one column constant", constant, settings(1, None, True)),
        head_case("cross-validated, two classes", binary, settings("cv")),
        head_case("cross-validated, four classes", several, settings("cv")),
        head_case("cross-validated, balanced", several, settings("cv", "balanced", False, 3)),
        head_case("cross-validated, standardised", several, settings("cv", None, True)),
    ]
    packed_datasets = {
        data["name"]: dict(
            rows=data["features"].shape[0],
            columns=data["features"].shape[1],
            classes=int(data["labels"].max()) + 1,
            features=packed(data["features"], "<f4"),
            labels=data["labels"].tolist(),
        )
        for data in datasets
    }
    write("heads.json", dict(datasets=packed_datasets, cases=cases))


def folds():
    rng = np.random.default_rng(11)
    cases = []
    for rows, classes, n in [(20, 2, 5), (53, 3, 5), (31, 4, 3), (17, 2, 2), (101, 7, 4)]:
        labels = rng.integers(0, classes, rows)
        test = np.empty(rows, int)
        for fold, (_, held_out) in enumerate(
            StratifiedKFold(n).split(np.zeros((rows, 1)), labels)
        ):
            test[held_out] = fold
        cases.append(dict(labels=labels.tolist(), classes=classes, folds=n, held_out=test.tolist()))
    write("folds.json", cases)


def metrics_of(probabilities, labels, names):
    k = len(names)
    every = list(range(k))
    predicted = probabilities.argmax(axis=1)
    correct = int((predicted == labels).sum())
    interval = binomtest(correct, len(labels)).proportion_ci(0.95, method="wilson")
    auc = None
    if len(np.unique(labels)) == k:
        auc = (
            roc_auc_score(labels, probabilities[:, 1])
            if k == 2
            else roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
        )
    report = classification_report(
        labels, predicted, labels=every, target_names=names, output_dict=True, zero_division=0
    )
    return dict(
        rows=len(labels),
        accuracy=accuracy_score(labels, predicted),
        accuracy_interval=[float(interval.low), float(interval.high)],
        balanced_accuracy=balanced_accuracy_score(labels, predicted),
        f1_macro=f1_score(labels, predicted, average="macro", zero_division=0),
        matthews_corrcoef=matthews_corrcoef(labels, predicted),
        roc_auc=None if auc is None else float(auc),
        log_loss=log_loss(labels, probabilities, labels=every),
        per_class=[
            dict(
                label=name,
                precision=report[name]["precision"],
                recall=report[name]["recall"],
                f1_score=report[name]["f1-score"],
                support=int(report[name]["support"]),
            )
            for name in names
        ],
        confusion_matrix=confusion_matrix(labels, predicted, labels=every).tolist(),
    )


def metrics():
    rng = np.random.default_rng(13)
    cases = []

    def case(name, probabilities, labels):
        probabilities = np.asarray(probabilities, float)
        labels = np.asarray(labels)
        names = [f"class {c}" for c in range(probabilities.shape[1])]
        cases.append(
            dict(
                name=name,
                classes=names,
                labels=labels.tolist(),
                probabilities=probabilities.ravel().tolist(),
                metrics=metrics_of(probabilities, labels, names),
            )
        )

    def random(rows, k, sharpness=1.0):
        labels = rng.integers(0, k, rows)
        logits = sharpness * (rng.normal(size=(rows, k)) + np.eye(k)[labels])
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True), labels

    case("two classes", *random(120, 2))
    case("five classes", *random(150, 5, 2.0))
    labels = rng.integers(0, 3, 80)
    case("probabilities tied", np.array([0.25, 0.5, 0.25])[
        rng.permuted(np.tile(np.arange(3), (80, 1)), axis=1)], labels)
    case("every probability equal", np.full((12, 3), 1 / 3), rng.integers(0, 3, 12))
    probabilities, labels = random(60, 4)
    case("a class never actual", probabilities, np.where(labels == 2, 1, labels))
    probabilities, labels = random(60, 4)
    probabilities[:, 3] = 0
    case("a class never predicted", probabilities / probabilities.sum(1, keepdims=True), labels)
    probabilities, labels = random(40, 4)
    probabilities[:, 3] = 0
    case(
        "a class neither actual nor predicted",
        probabilities / probabilities.sum(1, keepdims=True),
        np.where(labels == 3, 0, labels),
    )
    case("one row", [[0.3, 0.7]], [1])
    case("one row, wrong", [[0.2, 0.3, 0.5]], [0])
    case("all right and sure", np.eye(3)[[0, 1, 2, 1]], [0, 1, 2, 1])
    case("all wrong and sure", np.eye(3)[[1, 2, 0, 2]], [0, 1, 2, 1])
    case("two classes, one actual", random(10, 2)[0], np.zeros(10, int))

    baselines = []
    for name, train, test, k in [
        ("clear majority", rng.choice(3, 90, p=[0.2, 0.5, 0.3]), rng.integers(0, 3, 40), 3),
        ("equally frequent", np.tile([1, 0], 30), rng.integers(0, 2, 21), 2),
    ]:
        names = [f"class {c}" for c in range(k)]
        dummy = DummyClassifier(strategy="prior").fit(np.zeros((len(train), 1)), train)
        parts = {
            part: metrics_of(dummy.predict_proba(np.zeros((len(rows), 1))), rows, names)
            for part, rows in (("train", train), ("test", test))
        }
        baselines.append(
            dict(
                name=name,
                classes=names,
                train_labels=train.tolist(),
                test_labels=test.tolist(),
                label=names[int(dummy.predict([[0]])[0])],
                **parts,
            )
        )
    write("metrics.json", dict(cases=cases, baselines=baselines))


if __name__ == "__main__":
    heads()
    folds()
    metrics()
