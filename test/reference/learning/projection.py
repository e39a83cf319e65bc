"""Golden values for maps of rows: scikit-learn's PCA, and how well PCA and t-SNE keep neighbours (trustworthiness too).

    python test/reference/learning/projection.py

Twelve clusters in 32 dimensions on the corners of a simplex: a plane cannot hold them apart, a good map can.
"""
import base64
import json
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness
from sklearn.neighbors import NearestNeighbors

ROWS, COLUMNS, CLUSTERS, KEPT = 360, 32, 12, 10


def packed(values, kind):
    return base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode()


def kept(x, xy):
    """Share of each row's ten nearest that are still among its ten nearest."""
    before = NearestNeighbors(n_neighbors=KEPT).fit(x).kneighbors(return_distance=False)
    after = NearestNeighbors(n_neighbors=KEPT).fit(xy).kneighbors(return_distance=False)
    return float(np.mean([len(set(a) & set(b)) / KEPT for a, b in zip(before, after)]))


random = np.random.default_rng(7)
labels = np.arange(ROWS) % CLUSTERS
centres = np.linalg.qr(random.normal(size=(COLUMNS, COLUMNS)))[0][:CLUSTERS] * np.linspace(9, 4.5, CLUSTERS)[:, None]
x = (centres[labels] + random.normal(size=(ROWS, COLUMNS)) * np.linspace(1.6, 0.4, COLUMNS)).astype(np.float32)
pca = PCA(2, svd_solver="full").fit_transform(x)
tsne = TSNE(2, random_state=0, init="pca", perplexity=15).fit_transform(x)
result = {
    "rows": ROWS,
    "columns": COLUMNS,
    "features": packed(x, "<f4"),
    "labels": labels.tolist(),
    "pca": packed(pca, "<f8"),
    "kept": {"pca": kept(x, pca), "tsne": kept(x, tsne), "random": kept(x, random.normal(size=(ROWS, 2)))},
    "trustworthiness": {
        "pca": trustworthiness(x, pca, n_neighbors=KEPT),
        "tsne": trustworthiness(x, tsne, n_neighbors=KEPT),
    },
}
print(result["kept"], result["trustworthiness"])
(Path(__file__).parent / "projection.json").write_text(json.dumps(result) + "\n")
