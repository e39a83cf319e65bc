"""Golden values of the heads beside logistic regression, from scikit-learn 1.9: several labels, MLP, neighbours.

Run from the repository root: python test/reference/learning/more_heads.py
Writes multi-label.json, mlp.json and neighbours.json beside itself; float arrays are packed as in learning.py.
"""

import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.metrics import precision_recall_curve
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.neural_network import MLPClassifier, _multilayer_perceptron
from sklearn.preprocessing import StandardScaler
from sklearn.utils import shuffle as sklearn_shuffle

from learning import TIGHT, embeddings, packed, write

warnings.filterwarnings("ignore")


def multi_label_data(rng, rows, columns, labels):
    """Unit vectors; each label a half-space at its own quantile, with noise: from frequent to rare."""
    x, _ = embeddings(rng, rows, columns, 3, 1.3)
    directions = rng.normal(size=(columns, labels))
    scores = x @ directions + 0.15 * rng.normal(size=(rows, labels))
    share = np.linspace(0.5, 0.04, labels)
    cut = np.array([np.quantile(scores[:, k], 1 - share[k]) for k in range(labels)])
    return x, (scores > cut).astype(np.int32)


def multi_label():
    rng = np.random.default_rng(17)
    x, y = multi_label_data(rng, 320, 24, 4)
    X = x.astype(np.float64)
    constant = np.column_stack([y[:, :2], np.zeros(len(y), int), np.ones(len(y), int)])
    grid = [0.1, 1, 10, 100]
    cases = []

    def case(name, targets, settings):
        standardize = settings.get("standardize", False)
        design = StandardScaler().fit_transform(X) if standardize else X
        common = dict(class_weight=settings.get("class_weight"), **TIGHT)
        cv = settings["C"] == "cv"
        estimator = (
            LogisticRegressionCV(Cs=grid, cv=settings["folds"], use_legacy_attributes=False, **common)
            if cv
            else LogisticRegression(C=settings["C"], **common)
        )
        model = OneVsRestClassifier(estimator).fit(design, targets)
        known = [hasattr(e, "coef_") for e in model.estimators_]
        result = dict(
            name=name,
            settings={**settings, "Cs": grid},
            targets=targets.ravel().tolist(),
            probabilities=packed(model.predict_proba(design)),
            coef=[packed(e.coef_[0]) if k else None for e, k in zip(model.estimators_, known)],
            intercept=[float(e.intercept_[0]) if k else None for e, k in zip(model.estimators_, known)],
        )
        if cv:
            result["C"] = [float(e.C_) for e in model.estimators_]
        cases.append(result)

    case("C=1", y, dict(C=1))
    case("C=30, balanced", y, dict(C=30, class_weight="balanced"))
    case("standardised", y, dict(C=0.5, standardize=True))
    case("cross-validated, a C for each label", y, dict(C="cv", folds=4))
    case("two labels without examples", constant, dict(C=5))

    thresholds = []
    for name, p, t in [
        ("a model's own", rng.random(60), rng.random(60) < 0.3),
        ("many ties", rng.integers(0, 6, 60) / 5, rng.random(60) < 0.4),
        ("all the same", np.full(20, 0.3), rng.random(20) < 0.5),
        ("always right", np.linspace(0, 1, 20), np.linspace(0, 1, 20) > 0.8),
        ("always wrong", np.linspace(0, 1, 20), np.linspace(0, 1, 20) < 0.2),
        ("one row", np.array([0.1]), np.array([True])),
        ("every row", rng.random(15), np.ones(15, bool)),
    ]:
        precision, recall, _ = precision_recall_curve(t, p)
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-300)
        thresholds.append(
            dict(name=name, probabilities=p.tolist(), targets=t.astype(int).tolist(), best_f1=float(f1.max()))
        )
    write(
        "multi-label.json",
        dict(
            rows=x.shape[0],
            columns=x.shape[1],
            classes=y.shape[1],
            features=packed(x, "<f4"),
            cases=cases,
            thresholds=thresholds,
        ),
    )


def flat(model):
    return np.concatenate([a.ravel() for a in (*model.coefs_, *model.intercepts_)])


def mlp():
    """The first epochs from given weights and a given order; then whole trainings over 5 seeds."""
    rng = np.random.default_rng(19)
    cases = []
    several, labels = embeddings(rng, 230, 16, 4, 0.9)
    two, binary = embeddings(rng, 150, 16, 2, 0.9)
    multi, targets = multi_label_data(rng, 150, 16, 3)
    for name, x, y, settings in [
        ("four classes", several, labels, dict(hidden=12, alpha=1e-4, learning_rate=1e-2, batch_size="auto")),
        ("four classes, strong penalty", several, labels, dict(hidden=8, alpha=3.0, learning_rate=5e-3, batch_size=32)),
        ("two classes", two, binary, dict(hidden=12, alpha=1e-2, learning_rate=1e-2, batch_size=64)),
        ("several labels a row", multi, targets, dict(hidden=12, alpha=1e-3, learning_rate=1e-2, batch_size=50)),
    ]:
        X = x.astype(np.float64)
        n = len(X)
        model = MLPClassifier(
            hidden_layer_sizes=(settings["hidden"],),
            alpha=settings["alpha"],
            learning_rate_init=settings["learning_rate"],
            batch_size=settings["batch_size"],
            max_iter=4,
            random_state=3,
        )
        # scikit-learn shuffles at the start of each epoch: there its order, and once its weights, are seen.
        start, orders = [], []

        def shuffle(indices, random_state):
            if not start:
                start.append(flat(model))
            orders.append(sklearn_shuffle(indices, random_state=random_state))
            return orders[-1]

        _multilayer_perceptron.shuffle = shuffle
        model.fit(X, y)
        _multilayer_perceptron.shuffle = sklearn_shuffle
        curve = model.loss_curve_
        p = model.predict_proba(X)
        cases.append(
            dict(
                name=name,
                rows=n,
                columns=X.shape[1],
                classes=p.shape[1],
                multi_label=y.ndim == 2,
                settings=settings,
                features=packed(x, "<f4"),
                targets=np.asarray(y).ravel().tolist(),
                start=packed(start[0]),
                orders=[order.tolist() for order in orders],
                loss_curve=curve,
                end=packed(flat(model)),
                probabilities=packed(p),
            )
        )
    x, labels = embeddings(np.random.default_rng(23), 700, 24, 4, 1.9)
    train, test = slice(0, 400), slice(400, 700)
    scaler = StandardScaler().fit(x[train].astype(np.float64))
    X = scaler.transform(x.astype(np.float64))
    scores, epochs, fixed = [], [], []
    for seed in range(5):
        model = MLPClassifier((32,), random_state=seed, learning_rate_init=3e-3, max_iter=60, tol=0.0)
        model.fit(X[train], labels[train])
        fixed.append(dict(accuracy=float(model.score(X[test], labels[test])), loss=float(model.loss_)))
        model = MLPClassifier((32,), early_stopping=True, random_state=seed, learning_rate_init=3e-3)
        model.fit(X[train], labels[train])
        scores.append(float(model.score(X[test], labels[test])))
        epochs.append(int(model.n_iter_))
    write(
        "mlp.json",
        dict(
            cases=cases,
            whole=dict(
                rows=700,
                train=400,
                columns=24,
                classes=4,
                features=packed(x, "<f4"),
                labels=labels.tolist(),
                settings=dict(hidden=32, learning_rate=3e-3),
                accuracy=scores,
                epochs=epochs,
                sixty_epochs=fixed,
            ),
        ),
    )
    print("mlp accuracy over seeds", scores, epochs)


def neighbours():
    rng = np.random.default_rng(29)
    x, labels = embeddings(rng, 260, 12, 4, 1.2)
    train, test = slice(0, 200), slice(200, 260)
    X = x.astype(np.float64)
    targets = np.column_stack([labels == 1, (labels == 2) | (x[:, 0] > 0), rng.random(260) < 0.1]).astype(int)
    knn = []
    for metric in ("cosine", "euclidean"):
        for weights in ("uniform", "distance"):
            for k in (1, 5, 12):
                model = KNeighborsClassifier(k, weights=weights, metric=metric, algorithm="brute")
                model.fit(X[train], labels[train])
                many = KNeighborsClassifier(k, weights=weights, metric=metric, algorithm="brute")
                many.fit(X[train], targets[train])
                knn.append(
                    dict(
                        n_neighbors=k,
                        weights=weights,
                        metric=metric,
                        probabilities=packed(model.predict_proba(X[test])),
                        multi_label=packed(
                            np.column_stack([p[:, 1] for p in many.predict_proba(X[test])])
                        ),
                    )
                )
    euclidean = NearestCentroid().fit(X[train], labels[train])
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    from sklearn.metrics.pairwise import cosine_distances, euclidean_distances

    centroids = [
        dict(
            metric="euclidean",
            predictions=euclidean.predict(X[test]).tolist(),
            distances=packed(euclidean_distances(X[test], euclidean.centroids_)),
        ),
        dict(
            metric="cosine",
            distances=packed(
                cosine_distances(X[test], NearestCentroid().fit(unit[train], labels[train]).centroids_)
            ),
        ),
    ]
    centroids[1]["predictions"] = cosine_distances(
        X[test], NearestCentroid().fit(unit[train], labels[train]).centroids_
    ).argmin(axis=1).tolist()
    write(
        "neighbours.json",
        dict(
            rows=260,
            train=200,
            columns=12,
            classes=4,
            features=packed(x, "<f4"),
            labels=labels.tolist(),
            targets=targets.ravel().tolist(),
            knn=knn,
            centroids=centroids,
        ),
    )


if __name__ == "__main__":
    multi_label()
    mlp()
    neighbours()
