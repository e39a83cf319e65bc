"""The Python peer: sentence-transformers + scikit-learn on one pair of files.

    python bench/quality/peers.py MODEL_FOLDER TRAIN.csv TEST.csv

Prints one JSON object: accuracies (with scikit-learn's default tol, and converged, tol=1e-8), the chosen C, seconds, texts a second. Training rows whose text also
stands in the test file are dropped, as Headlight does.
"""
import json, os, sys, time

os.environ.setdefault('HF_HUB_OFFLINE', '1')
import pandas as pd
import torch
from sentence_transformers import SentenceTransformer
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

folder, train_path, test_path = sys.argv[1:4]
torch.set_num_threads(os.cpu_count() or 1)
train, test = (pd.read_csv(p, keep_default_na=False, dtype=str) for p in (train_path, test_path))
train = train[~train.text.isin(set(test.text))]
encoder = SentenceTransformer(folder, device='cpu')
texts = list(dict.fromkeys([*train.text, *test.text]))
start = time.perf_counter()
vectors = dict(zip(texts, encoder.encode(texts, batch_size=32, show_progress_bar=False)))
embed_seconds = time.perf_counter() - start
x_train, x_test = ([vectors[t] for t in part.text] for part in (train, test))
start = time.perf_counter()
head = LogisticRegressionCV(Cs=[0.01, 0.1, 1, 10, 100], cv=5, max_iter=1000, use_legacy_attributes=False,
                            l1_ratios=(0.0,), scoring='accuracy').fit(x_train, train.label)
fit_seconds = time.perf_counter() - start
# scikit-learn's default tol stops well before the optimum where C is large; Headlight does not.
converged = LogisticRegression(C=float(head.C_), tol=1e-8, max_iter=10000).fit(x_train, train.label)
print(json.dumps({
    'test_accuracy_converged': converged.score(x_test, test.label),
    'train_accuracy': head.score(x_train, train.label), 'test_accuracy': head.score(x_test, test.label),
    'C': float(head.C_), 'train_rows': len(train), 'test_rows': len(test),
    'embed_seconds': embed_seconds, 'fit_seconds': fit_seconds, 'texts_per_second': len(texts) / embed_seconds}))
