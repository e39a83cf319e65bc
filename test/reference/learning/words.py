"""Golden values of the words baseline, from scikit-learn 1.9: TfidfVectorizer and LogisticRegression.

Run from the repository root: python test/reference/learning/words.py
Writes words.json beside itself. Its own small texts are in the file; of TREC and of the SMS collection (when
../shared/data is there) only the probabilities of the rows that are not trained on.
"""

import csv
import os
import warnings

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.multiclass import OneVsRestClassifier

from learning import TIGHT, packed, write

warnings.filterwarnings("ignore")
SHARED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../../shared/data")

TOKENS = [
    "It's a dog-eat-dog world: 42 dogs, 3.14 pies!",
    "snake_case __init__ x _ __ a1 1a",
    "Straße ÜBER naïve cafe\u0301 e\u0301a",
    "ΟΔΟΣ Σίσυφος İstanbul I\u0307",
    "自然言語処理 の 東京 です。한국어 텍스트",
    "हिन्दी भाषा ไทย ภาษา",
    "½ ²³ Ⅷ ① ٣٤ a² x½",
    "😀 ok👍good co\u00adop zero\u200bwidth",
    "tab\tnew\nline\r\nend\u2028sep",
    "",
    "a b c",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16") + "𝐀𝐁 𠮷野家",
]

WORDS = {
    "sport": "match goal team player score league coach win season ball",
    "food": "soup bread cheese oven salt recipe dinner sauce butter taste",
    "money": "bank rate price market share profit trade cost fund loan",
    "weather": "rain snow wind storm cloud sunny cold degree forecast frost",
}
COMMON = "the and of to in it is was for on with as at by from this that we you they".split()


def small_texts(rng, rows):
    names = list(WORDS)
    labels = rng.choice(4, size=rows, p=[0.4, 0.3, 0.2, 0.1])
    labels[:4] = range(4)
    texts, targets = [], np.zeros((rows, 4), int)
    for row, label in enumerate(labels):
        other = rng.integers(4)
        words = []
        for _ in range(rng.integers(4, 14)):
            pick = rng.random()
            source = label if pick < 0.25 else other if pick < 0.35 else None
            vocabulary = COMMON if source is None else WORDS[names[source]].split()
            word = vocabulary[rng.integers(len(vocabulary))]
            words.append(word.upper() if rng.random() < 0.1 else word)
            if source is not None:
                targets[row, source] = 1
        texts.append(" ".join(words) + rng.choice([".", "!", "", " :)"]))
    return texts, labels, targets


def fitted(train, targets, test, vectorizer, settings):
    vector = TfidfVectorizer(**vectorizer)
    x = vector.fit_transform(train)
    common = dict(class_weight=settings.get("class_weight"), **TIGHT)
    if settings["C"] == "cv":
        model = LogisticRegressionCV(
            Cs=settings["Cs"], cv=settings["folds"], use_legacy_attributes=False, **common
        )
    else:
        model = LogisticRegression(C=settings["C"], **common)
    if targets.ndim == 2:
        model = OneVsRestClassifier(model)
    model.fit(x, targets)
    return vector, model, model.predict_proba(vector.transform(test))


def main():
    rng = np.random.default_rng(31)
    analyzers = {
        name: TfidfVectorizer(**options).build_analyzer()
        for name, options in [("words", {}), ("pairs", dict(ngram_range=(1, 2))), ("as_is", dict(lowercase=False))]
    }
    tokens = [dict(text=t, **{name: analyze(t) for name, analyze in analyzers.items()}) for t in TOKENS]
    texts, labels, targets = small_texts(rng, 240)
    texts[7] = "?"
    train, test = slice(0, 180), slice(180, 240)
    cases = []

    def case(name, which, vectorizer, settings):
        y = dict(labels=labels, two=(labels == 0).astype(int), targets=targets)[which]
        vector, model, p = fitted(texts[train], y[train], texts[test], vectorizer, settings)
        result = dict(name=name, which=which, vectorizer=vectorizer, settings=settings, probabilities=packed(p))
        result["terms"] = vector.get_feature_names_out().tolist()
        result["idf"] = packed(vector.idf_)
        if settings["C"] == "cv":
            result["C"] = (
                [float(e.C_) for e in model.estimators_] if which == "targets" else [float(model.C_)]
            )
        cases.append(result)

    grid = [0.1, 1, 10, 100]
    case("four classes", "labels", {}, dict(C=1.0))
    case("two classes, C=100", "two", {}, dict(C=100.0))
    case("words and pairs, min_df=2", "labels", dict(ngram_range=(1, 2), min_df=2), dict(C=10.0))
    case("min_df a share, sublinear", "labels", dict(min_df=0.03, sublinear_tf=True), dict(C=10.0))
    case("balanced", "labels", dict(lowercase=False), dict(C=1.0, class_weight="balanced"))
    case("cross-validated", "labels", {}, dict(C="cv", Cs=grid, folds=4))
    case("several labels a text", "targets", {}, dict(C=5.0))
    case("several labels, cross-validated", "targets", {}, dict(C="cv", Cs=grid, folds=3))
    shared = []
    if os.path.isdir(SHARED):
        with open(os.path.join(SHARED, "trec/train.csv"), newline="") as file:
            rows = list(csv.DictReader(file))
        with open(os.path.join(SHARED, "trec/test.csv"), newline="") as file:
            held = list(csv.DictReader(file))
        label = "coarse" if "coarse" in rows[0] else list(rows[0])[0]
        text = "text" if "text" in rows[0] else list(rows[0])[-1]
        names = sorted({row[label] for row in rows})
        y = np.array([names.index(row[label]) for row in rows])
        _, model, p = fitted([r[text] for r in rows], y, [r[text] for r in held], {}, dict(C=10.0))
        accuracy = np.mean([names[k] == r[label] for k, r in zip(p.argmax(1), held)])
        shared.append(dict(name="trec", text=text, label=label, C=10.0, accuracy=accuracy, probabilities=packed(p, "<f4")))
        with open(os.path.join(SHARED, "sms_spam/sms.tsv"), encoding="utf-8", newline="") as file:
            rows = [line.rstrip("\r\n").split("\t", 1) for line in file if line.strip()]
        y = np.array([row[0] == "spam" for row in rows]).astype(int)
        cut = len(rows) - 600
        _, model, p = fitted([r[1] for r in rows[:cut]], y[:cut], [r[1] for r in rows[cut:]], {}, dict(C=1.0))
        shared.append(
            dict(name="sms", C=1.0, held=600, accuracy=float(np.mean(p.argmax(1) == y[cut:])), probabilities=packed(p, "<f4"))
        )
        for one in shared:
            print(one["name"], one["accuracy"])
    write(
        "words.json",
        dict(
            tokens=tokens,
            texts=texts,
            train=180,
            labels=labels.tolist(),
            targets=targets.ravel().tolist(),
            cases=cases,
            shared=shared,
        ),
    )


if __name__ == "__main__":
    main()
