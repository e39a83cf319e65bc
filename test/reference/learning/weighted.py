"""Golden values of heads with row weights and soft labels, from scikit-learn 1.9.

Weights are `sample_weight`. A soft label is a row of every class with the weight of its probability: rows are expanded.

Run from the repository root: python test/reference/learning/weighted.py
Writes weighted.json beside itself; float arrays are packed as in learning.py.
"""

import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier, _multilayer_perceptron
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils import shuffle as sklearn_shuffle

from learning import TIGHT, embeddings, packed, write
from more_heads import flat, multi_label_data

warnings.filterwarnings("ignore")
GRID = [0.01, 0.1, 1, 10, 100]


def teacher(rng, labels, classes, sharpness=2.0):
    """Probabilities of a teacher that is often right: [rows, classes]."""
    logits = rng.normal(size=(len(labels), classes))
    logits[np.arange(len(labels)), labels] += sharpness
    p = np.exp(logits)
    return (p / p.sum(1, keepdims=True)).astype(np.float32)


def normalised(soft):
    """As float32 shares are read: made to add up to 1."""
    p = soft.astype(np.float64)
    return p / p.sum(1, keepdims=True)


def expanded(X, soft, weights):
    """Each row once a class: features, labels, weights, and which row each came from."""
    rows, classes = soft.shape
    p = normalised(soft) * weights[:, None]
    return (
        np.repeat(X, classes, axis=0),
        np.tile(np.arange(classes), rows),
        p.ravel(),
        np.repeat(np.arange(rows), classes),
    )


def logistic():
    rng = np.random.default_rng(41)
    cases = []
    data = {}
    for name, rows, columns, classes, overlap in [("two", 150, 12, 2, 1.2), ("four", 220, 16, 4, 1.1)]:
        x, labels = embeddings(rng, rows, columns, classes, overlap)
        weights = rng.random(rows).astype(np.float32)
        weights[::11] = 0
        weights[5] = 7
        soft = teacher(rng, labels, classes)
        soft[3] = np.eye(classes)[labels[3]]
        data[name] = dict(x=x, labels=soft.argmax(1), weights=weights, soft=soft, classes=classes)

    def case(name, on, weighted, soft, **settings):
        d = data[on]
        X = d["x"].astype(np.float64)
        y = d["labels"]
        w = d["weights"].astype(np.float64) if weighted else np.ones(len(y))
        scaler = StandardScaler().fit(X, sample_weight=w) if settings.get("standardize") else None
        Z = X if scaler is None else scaler.transform(X)
        common = dict(class_weight=settings.get("class_weight"), **TIGHT)
        folds = settings.get("folds", 4)
        if soft:
            F, t, s, of = expanded(Z, d["soft"], w)
        else:
            F, t, s, of = Z, y, w, np.arange(len(y))
        if settings["C"] == "cv":
            # Folds of whole rows, by the likeliest class: the copies of a row stay together.
            pairs = [
                (np.flatnonzero(np.isin(of, train)), np.flatnonzero(np.isin(of, test)))
                for train, test in StratifiedKFold(folds).split(X, y)
            ]
            model = LogisticRegressionCV(Cs=GRID, cv=pairs, use_legacy_attributes=False, **common)
        else:
            model = LogisticRegression(C=settings["C"], **common)
        model.fit(F, t, sample_weight=s)
        result = dict(
            name=name,
            data=on,
            weighted=weighted,
            soft=soft,
            settings={**settings, "Cs": GRID, "folds": folds},
            coef=packed(model.coef_),
            intercept=packed(model.intercept_),
            probabilities=packed(model.predict_proba(Z)),
        )
        if scaler is not None:
            result["scaler"] = dict(mean=packed(scaler.mean_), scale=packed(scaler.scale_))
        if settings["C"] == "cv":
            result["C"] = float(model.C_)
            result["scores"] = np.asarray(model.scores_).reshape(folds, -1).tolist()
        cases.append(result)

    case("weights, two classes", "two", True, False, C=10)
    case("weights, four classes", "four", True, False, C=3)
    case("weights, balanced", "four", True, False, C=1, class_weight="balanced")
    case("weights, standardised", "two", True, False, C=1, standardize=True)
    case("weights, cross-validated", "four", True, False, C="cv")
    case("soft labels, two classes", "two", False, True, C=10)
    case("soft labels, four classes", "four", False, True, C=3)
    case("soft labels with weights, balanced", "four", True, True, C=5, class_weight="balanced")
    case("soft labels with weights, two classes, balanced", "two", True, True, C=5, class_weight="balanced")
    case("soft labels with weights, standardised", "four", True, True, C=1, standardize=True)
    case("soft labels with weights, cross-validated", "four", True, True, C="cv")
    case("soft labels, cross-validated, two classes", "two", False, True, C="cv", folds=5)
    return dict(
        datasets={
            name: dict(
                rows=len(d["labels"]),
                columns=d["x"].shape[1],
                classes=d["classes"],
                features=packed(d["x"], "<f4"),
                labels=d["labels"].tolist(),
                weights=packed(d["weights"], "<f4"),
                soft=packed(d["soft"], "<f4"),
            )
            for name, d in data.items()
        },
        cases=cases,
    )


def several():
    """Each label against the rest, weights and probabilities of its own."""
    rng = np.random.default_rng(43)
    x, y = multi_label_data(rng, 200, 14, 3)
    X = x.astype(np.float64)
    weights = (rng.random(200) + 0.1).astype(np.float32)
    soft = np.clip(0.15 + 0.7 * y + 0.15 * rng.normal(size=y.shape), 0, 1).astype(np.float32)
    cases = []
    for name, weighted, is_soft, class_weight in [
        ("weights", True, False, None),
        ("weights, balanced", True, False, "balanced"),
        ("soft labels", False, True, None),
        ("soft labels with weights, balanced", True, True, "balanced"),
    ]:
        coef, intercept = [], []
        w = weights.astype(np.float64) if weighted else np.ones(len(X))
        for k in range(y.shape[1]):
            model = LogisticRegression(C=4, class_weight=class_weight, **TIGHT)
            if is_soft:
                p = soft[:, k].astype(np.float64)
                F, t, s, _ = expanded(X, np.column_stack([1 - p, p]), w)
            else:
                F, t, s = X, y[:, k], w
            model.fit(F, t, sample_weight=s)
            coef.append(model.coef_[0])
            intercept.append(model.intercept_[0])
        cases.append(
            dict(
                name=name,
                weighted=weighted,
                soft=is_soft,
                settings=dict(C=4, class_weight=class_weight),
                coef=packed(np.array(coef)),
                intercept=packed(np.array(intercept)),
            )
        )
    return dict(
        rows=200,
        columns=14,
        classes=3,
        features=packed(x, "<f4"),
        targets=y.ravel().tolist(),
        weights=packed(weights, "<f4"),
        soft=packed(soft, "<f4"),
        cases=cases,
    )


def mlp():
    """Epochs from given weights: `sample_weight` in batches; soft labels, expanded, in one batch an epoch."""
    rng = np.random.default_rng(47)
    cases = []
    for name, classes, soft in [
        ("weights, four classes", 4, False),
        ("weights, two classes", 2, False),
        ("soft labels with weights, four classes", 4, True),
        ("soft labels with weights, two classes", 2, True),
    ]:
        x, labels = embeddings(rng, 120, 12, classes, 0.9)
        X = x.astype(np.float64)
        weights = (rng.random(120) + 0.05).astype(np.float32)
        shares = teacher(rng, labels, classes)
        w = weights.astype(np.float64)
        F, t, s = expanded(X, shares, w)[:3] if soft else (X, labels, w)
        settings = dict(hidden=10, alpha=0.01, learning_rate=1e-2, batch_size=120 if soft else 32)
        model = MLPClassifier(
            hidden_layer_sizes=(10,),
            alpha=0.01,
            learning_rate_init=1e-2,
            batch_size=len(F) if soft else 32,
            max_iter=4,
            random_state=3,
        )
        start, orders = [], []

        def shuffle(indices, random_state):
            if not start:
                start.append(flat(model))
            orders.append(sklearn_shuffle(indices, random_state=random_state))
            return orders[-1]

        _multilayer_perceptron.shuffle = shuffle
        model.fit(F, t, sample_weight=s)
        _multilayer_perceptron.shuffle = sklearn_shuffle
        cases.append(
            dict(
                name=name,
                rows=120,
                columns=12,
                classes=classes,
                soft=packed(shares, "<f4") if soft else None,
                settings=settings,
                features=packed(x, "<f4"),
                targets=labels.tolist(),
                weights=packed(weights, "<f4"),
                start=packed(start[0]),
                orders=[list(range(120)) if soft else order.tolist() for order in orders],
                # The mean over the rows of a batch, which of expanded rows is over their number alike.
                loss_curve=model.loss_curve_,
                end=packed(flat(model)),
            )
        )
    return cases


def self_training():
    """One round of SelfTrainingClassifier: which rows join with which label, and the estimator fitted to them."""
    rng = np.random.default_rng(53)
    x, labels = embeddings(rng, 260, 12, 3, 1.0)
    X = x.astype(np.float64)
    given = labels.copy()
    given[60:] = -1
    model = SelfTrainingClassifier(LogisticRegression(C=20, **TIGHT), threshold=0.8, max_iter=1)
    model.fit(X, given)
    return dict(
        rows=260,
        columns=12,
        classes=3,
        features=packed(x, "<f4"),
        labels=labels[:60].tolist(),
        threshold=0.8,
        C=20,
        joined=[[int(row), int(model.transduction_[row])] for row in np.flatnonzero(model.labeled_iter_ == 1)],
        coef=packed(model.estimator_.coef_),
        intercept=packed(model.estimator_.intercept_),
    )


if __name__ == "__main__":
    write(
        "weighted.json",
        dict(logistic=logistic(), several=several(), mlp=mlp(), self_training=self_training()),
    )
