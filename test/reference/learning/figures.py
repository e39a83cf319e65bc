"""Golden values of the full report's figures (learning/evaluate), from scikit-learn 1.9 and scipy.

Run from the repository root: python test/reference/learning/figures.py
Writes figures.json beside itself. null stands where scikit-learn refuses or gives NaN.
With --coverage it writes nothing and prints how often 95 % bootstrap intervals hold the true value instead.
"""

import json
import os
import sys
import warnings

import numpy as np
import scipy
import sklearn
from scipy import stats
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn import metrics as m
from sklearn.calibration import calibration_curve

warnings.filterwarnings("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, (bool, np.bool_, str)) or value is None:
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    return float(value) if np.isfinite(value) else None


def attempt(f, *args, **kw):
    try:
        return f(*args, **kw)
    except ValueError:
        return None


def binary_figures(y, s):
    """Of scores in [0, 1] and 0/1 outcomes."""
    both = len(np.unique(y)) == 2 and np.isfinite(s).all()
    curves = {}
    for drop in (True, False):
        pr = attempt(m.precision_recall_curve, y, s, drop_intermediate=drop)
        roc = m.roc_curve(y, s, drop_intermediate=drop) if both else None
        curves[str(drop).lower()] = dict(
            roc=roc and dict(fpr=roc[0], tpr=roc[1], thresholds=roc[2]),
            pr=pr and dict(precision=pr[0], recall=pr[1], thresholds=[*pr[2], None]),
        )
    reliability = []
    for strategy in ("uniform", "quantile"):
        for bins in (5, 15):
            found = attempt(calibration_curve, y, s, n_bins=bins, strategy=strategy)
            if found and not np.isfinite(np.concatenate(found)).all():
                found = None
            reliability.append(
                dict(
                    n_bins=bins,
                    strategy=strategy,
                    prob_true=found and found[0],
                    prob_pred=found and found[1],
                    ece=own_ece(y, s, bins, strategy) if found else None,
                )
            )
    thresholds = []
    if np.isfinite(s).all():
        for t in (0, 0.2, 0.5, 0.55, 0.9, 1):
            p = (s >= t).astype(int)
            (tn, fp), (fn, tp) = m.confusion_matrix(y, p, labels=[0, 1])
            precision, recall, f1, _ = m.precision_recall_fscore_support(
                y, p, labels=[1], average="macro", zero_division=0
            )
            thresholds.append(
                dict(threshold=t, tp=tp, fp=fp, fn=fn, tn=tn, precision=precision, recall=recall,
                     f1_score=f1, cost=fp * 1.0 + fn * 5.0)
            )
        candidates = [np.inf, *sorted(set(s), reverse=True)]
        costs = [((s >= t) & (y == 0)).sum() + 5 * ((s < t) & (y == 1)).sum() for t in candidates]
        f1s = [m.f1_score(y, s >= t, zero_division=0) for t in candidates]
        best = dict(
            cost=min(costs),
            cost_threshold=candidates[int(np.argmin(costs))],
            f1=max(f1s),
            f1_threshold=candidates[int(np.argmax(f1s))],
        )
    return dict(
        roc_auc=attempt(m.roc_auc_score, y, s) if both else None,
        average_precision=attempt(m.average_precision_score, y, s),
        curves=curves,
        reliability=reliability,
        thresholds=thresholds,
        best=best if thresholds else None,
    )


def own_ece(y, s, bins, strategy):
    """Naeini 2015: the bins of calibration_curve, weighted by how many rows each holds."""
    share = np.linspace(0, 1, bins + 1)
    edges = share if strategy == "uniform" else np.percentile(s, share * 100)
    place = np.searchsorted(edges[1:-1], s)
    return sum(
        (place == b).mean() * abs(s[place == b].mean() - y[place == b].mean())
        for b in range(bins)
        if (place == b).any()
    )


def multiclass_figures(y, p):
    k = p.shape[1]
    finite = np.isfinite(p).all()
    guess = np.argmax(np.where(np.isnan(p), -1, p), axis=1)
    named = dict(zero_division=0)
    all_classes = list(range(k))
    target = np.eye(k, dtype=int)[y]
    known = np.isfinite(p).all(axis=0)
    auc = [
        m.roc_auc_score(target[:, c], p[:, c]) if known[c] and len(np.unique(target[:, c])) == 2 else None
        for c in range(k)
    ]
    if not finite:
        ap = None
    elif k == 2:
        ap = m.average_precision_score(y, p[:, 1])
    else:
        ap = attempt(m.average_precision_score, y, p) if len(np.unique(y)) == k else None
    if not finite:
        area = None
    elif k == 2:
        area = m.roc_auc_score(y, p[:, 1])
    else:
        area = attempt(m.roc_auc_score, y, p, multi_class="ovr", labels=all_classes)
    confidence = p[np.arange(len(y)), guess]
    return dict(
        precision_macro=m.precision_score(y, guess, average="macro", **named),
        recall_macro=m.recall_score(y, guess, average="macro", **named),
        precision_weighted=m.precision_score(y, guess, average="weighted", **named),
        recall_weighted=m.recall_score(y, guess, average="weighted", **named),
        f1_weighted=m.f1_score(y, guess, average="weighted", **named),
        cohen_kappa_score=m.cohen_kappa_score(y, guess, labels=all_classes),
        roc_auc_ovr_macro=area,
        average_precision=ap,
        brier_score_loss=(
            attempt(m.brier_score_loss, y, p[:, 1] if k == 2 else p, labels=all_classes) if finite else None
        ),
        expected_calibration_error=own_ece(guess == y, confidence, 15, "uniform") if finite else None,
        top_k_accuracy=[
            dict(
                k=top,
                score=attempt(m.top_k_accuracy_score, y, p[:, 1] if k == 2 else p, k=top, labels=all_classes),
            )
            for top in (1, 2, 3, 5, 10)
            if top < k
        ],
        per_class=[
            dict(
                label=f"class {c}",
                roc_auc=auc[c],
                average_precision=m.average_precision_score(target[:, c], p[:, c]) if known[c] else None,
            )
            for c in all_classes
        ],
    )


def multilabel_figures(y, p, thresholds):
    guess = (p >= thresholds).astype(int)
    finite = np.isfinite(p).all()

    def prf(average):
        values = m.precision_recall_fscore_support(y, guess, average=average, zero_division=0)
        return dict(precision=values[0], recall=values[1], f1_score=values[2])

    def ranked(average):
        if not finite:
            return dict(roc_auc=None, average_precision=None)
        return dict(
            roc_auc=attempt(m.roc_auc_score, y, p, average=average),
            average_precision=m.average_precision_score(y, p, average=average),
        )

    label = m.precision_recall_fscore_support(y, guess, average=None, zero_division=0)
    table = m.multilabel_confusion_matrix(y, guess)
    return dict(
        rows=len(y),
        per_label=[
            dict(
                label=f"label {c}",
                precision=label[0][c],
                recall=label[1][c],
                f1_score=label[2][c],
                support=label[3][c],
                threshold=thresholds[c],
                roc_auc=m.roc_auc_score(y[:, c], p[:, c]) if np.isfinite(p[:, c]).all() else None,
                average_precision=(
                    m.average_precision_score(y[:, c], p[:, c]) if np.isfinite(p[:, c]).all() else None
                ),
                confusion_matrix=table[c],
            )
            for c in range(y.shape[1])
        ],
        micro={**prf("micro"), **ranked("micro")},
        macro={**prf("macro"), **ranked("macro")},
        weighted={**prf("weighted"), **ranked("weighted")},
        samples=prf("samples"),
        subset_accuracy=m.accuracy_score(y, guess),
        hamming_loss=m.hamming_loss(y, guess),
        label_ranking_average_precision=m.label_ranking_average_precision_score(y, p) if finite else None,
        coverage_error=m.coverage_error(y, p) if finite else None,
    )


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cases(rng):
    binary, multi, multilabel = [], [], []

    def add_binary(name, y, s):
        y, s = np.asarray(y), np.asarray(s, dtype=float)
        binary.append(dict(name=name, outcomes=y, scores=s, figures=binary_figures(y, s)))

    y = rng.integers(0, 2, 150)
    s = np.clip(0.5 + 0.25 * (y - 0.5) + 0.2 * rng.normal(size=150), 0, 1)
    add_binary("random", y, np.round(s, 4))
    add_binary("many ties", y, np.round(s, 1))
    add_binary("imbalanced", (rng.random(150) < 0.04).astype(int), np.round(rng.random(150) ** 3, 4))
    add_binary("all ties", y[:20], np.full(20, 0.5))
    add_binary("no positive", np.zeros(9, int), np.round(rng.random(9), 3))
    add_binary("no negative", np.ones(9, int), np.round(rng.random(9), 3))
    add_binary("one row", [1], [0.7])
    add_binary("perfect", [0, 0, 1, 1], [0, 0.2, 0.8, 1])
    add_binary("upside down", [1, 1, 0, 0], [0, 0.2, 0.8, 1])
    add_binary("not a number", [0, 1, 1], [0.2, np.nan, 0.9])

    def add_multi(name, y, p):
        y = np.asarray(y)
        figures = multiclass_figures(y, p)
        multi.append(dict(name=name, classes=p.shape[1], labels=y, probabilities=p.ravel(), figures=figures))

    for name, k, n in (("two classes", 2, 80), ("four classes", 4, 90), ("twelve classes", 12, 120)):
        y = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
        add_multi(name, y, softmax(rng.normal(size=(n, k)) + 1.5 * np.eye(k)[y]))
    add_multi("a class without rows", rng.integers(0, 3, 40), softmax(rng.normal(size=(40, 4))))
    add_multi("one class only", np.ones(12, int), softmax(rng.normal(size=(12, 3))))
    add_multi("one class only, always answered", np.zeros(3, int), np.tile([0.8, 0.1, 0.1], (3, 1)))
    add_multi("all ties", np.arange(12) % 4, np.full((12, 4), 0.25))
    add_multi("all ties of two", np.arange(6) % 2, np.full((6, 2), 0.5))
    add_multi("one row", [2], np.array([[0.2, 0.3, 0.5]]))
    broken = softmax(rng.normal(size=(10, 3)))
    broken[4, 1] = np.nan
    add_multi("not a number", np.arange(10) % 3, broken)

    def add_multilabel(name, y, p, thresholds):
        y = np.asarray(y)
        figures = multilabel_figures(y, p, np.asarray(thresholds))
        multilabel.append(
            dict(name=name, classes=y.shape[1], targets=y.ravel(), probabilities=p.ravel(),
                 thresholds=thresholds, figures=figures)
        )

    y = (rng.random((60, 5)) < [0.5, 0.3, 0.2, 0.1, 0.7]).astype(int)
    p = np.clip(0.4 * y + 0.3 + 0.25 * rng.normal(size=y.shape), 0, 1)
    add_multilabel("random", y, np.round(p, 3), [0.5, 0.45, 0.6, 0.3, 0.5])
    add_multilabel("ties", y, np.round(p, 1), [0.5] * 5)
    rare = y.copy()
    rare[:, 1] = 0
    rare[:, 4] = 1
    add_multilabel("a label nowhere, one everywhere", rare, np.round(p, 3), [0.5] * 5)
    add_multilabel("no label at all", np.zeros((4, 3), int), np.round(rng.random((4, 3)), 3), [0.5] * 3)
    broken = np.round(rng.random((6, 3)), 3)
    broken[2, 0] = np.nan
    add_multilabel("not a number", rng.integers(0, 2, (6, 3)), broken, [0.5] * 3)
    add_multilabel("one row", [[1, 0, 1]], np.array([[0.9, 0.2, 0.4]]), [0.5] * 3)
    # Its weight is 0, so the weighted area is that of the others.
    nowhere = np.array([[1, 0, 0], [0, 0, 1], [1, 0, 1], [0, 0, 0]])
    scores = np.array([[0.9, 0.2, 0.4], [0.3, 0.1, 0.35], [0.2, 0.6, 0.8], [0.5, 0.5, 0.5]])
    add_multilabel("a label nowhere beside others", nowhere, scores, [0.5] * 3)
    return binary, multi, multilabel


def temperatures(rng):
    found = []
    for name, k, scale in (("too sure", 4, 5.0), ("not sure enough", 3, 0.3)):
        z = rng.normal(size=(80, k))
        y = np.array([rng.choice(k, p=row) for row in softmax(1.4 * z)])
        found.append((name, k, scale * z, y))
    z = rng.normal(size=(80, 1))
    y = (rng.random(80) < 1 / (1 + np.exp(-z[:, 0]))).astype(int)
    found.append(("two classes, one column", 1, 3 * z, y))
    result = []
    for name, k, z, y in found:
        full = np.column_stack([np.zeros(len(y)), z]) if k == 1 else z

        def nll(log_t):
            return -log_softmax(full / np.exp(log_t), axis=1)[np.arange(len(y)), y].mean()

        best = minimize_scalar(nll, bounds=(-4, 4), method="bounded", options=dict(xatol=1e-12))
        result.append(
            dict(name=name, classes=k, logits=z.ravel(), labels=y, temperature=np.exp(best.x),
                 nll_before=nll(0), nll_after=best.fun)
        )
    return result


def bootstraps(rng):
    result = []
    for name, sample in (
        ("skewed mean", rng.exponential(size=25)),
        ("share", (rng.random(40) < 0.85).astype(float)),
        ("all the same", np.ones(10)),
    ):
        sets = {}
        for method in ("percentile", "BCa"):
            found = stats.bootstrap(
                (sample,), np.mean, n_resamples=399, method=method, rng=np.random.default_rng(5), vectorized=True
            )
            sets[method.lower()] = list(found.confidence_interval)
            distribution = found.bootstrap_distribution
        jackknife = [np.delete(sample, i).mean() for i in range(len(sample))]
        result.append(
            dict(name=name, value=sample.mean(), distribution=distribution, jackknife=jackknife, **sets)
        )
    return result


def repeats(rng):
    values = 0.8 + 0.03 * rng.normal(size=7)
    mean, sd, n = values.mean(), values.std(ddof=1), len(values)
    corrected = stats.t.interval(0.95, n - 1, loc=mean, scale=np.sqrt(sd**2 * (1 / n + 100 / 400)))
    return dict(
        values=values, train=400, test=100, mean=mean, standard_deviation=sd,
        t_interval=stats.t.interval(0.95, n - 1, loc=mean, scale=sd / np.sqrt(n)), corrected_interval=corrected,
        welch=stats.ttest_ind(values + 0.05, values[:4], equal_var=False).confidence_interval(0.95),
    )


def coverage():
    """How often the intervals of an accuracy hold the true one, with few and with many rows."""
    rng = np.random.default_rng(1)
    for rows in (30, 100, 300):
        held = {"percentile": 0, "BCa": 0}
        rounds = 500
        for _ in range(rounds):
            sample = (rng.random(rows) < 0.85).astype(float)
            for method in held:
                ci = stats.bootstrap(
                    (sample,), np.mean, n_resamples=999, method=method, rng=rng, vectorized=True
                ).confidence_interval
                held[method] += ci.low <= 0.85 <= ci.high
        print("accuracy 0.85,", rows, "rows:", {k: v / rounds for k, v in held.items()})


def main():
    if "--coverage" in sys.argv:
        return coverage()
    rng = np.random.default_rng(41)
    binary, multi, multilabel = cases(rng)
    value = dict(
        versions=dict(sklearn=sklearn.__version__, scipy=scipy.__version__, numpy=np.__version__),
        binary=binary,
        multiclass=multi,
        multilabel=multilabel,
        temperatures=temperatures(rng),
        bootstraps=bootstraps(rng),
        repeats=repeats(rng),
        normal=[[p, stats.norm.ppf(p)] for p in (1e-12, 0.001, 0.025, 0.3, 0.5, 0.8, 0.975, 1 - 1e-9)],
        student=[
            [p, df, stats.t.ppf(p, df)]
            for p in (0.01, 0.3, 0.9, 0.975, 0.9995)
            for df in (1, 2, 4.7, 9, 60, 1000)
        ],
    )
    with open(os.path.join(HERE, "figures.json"), "w") as file:
        json.dump(plain(value), file, separators=(",", ":"))
        file.write("\n")


main()
