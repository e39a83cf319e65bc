"""Golden values of test/unit/encoders/static.test.ts, with numpy: a small 8-bit table and what it embeds.

    python test/reference/encoders/make_static.py      writes static.json
"""

import json
from pathlib import Path

import numpy as np

rng = np.random.default_rng(11)
VOCAB, HIDDEN = 12, 6
table = rng.normal(size=(VOCAB, HIDDEN)).astype(np.float32)
table[[0, 2, 3]] = 0  # [PAD], [CLS], [SEP] do not count
largest = np.abs(table).max(1)
scales = (largest / np.float32(127)).astype(np.float32)
values = np.zeros((VOCAB, HIDDEN), np.int8)
some = scales > 0
values[some] = np.floor(table[some].astype(np.float64) / scales[some, None] + 0.5).clip(-127, 127)

ids = np.array([[2, 5, 6, 7, 3, 0], [2, 11, 3, 0, 0, 0], [2, 4, 4, 9, 10, 3], [2, 3, 0, 0, 0, 0]])
mask = np.array([[1, 1, 1, 1, 1, 0], [1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0]])
rows = values.astype(np.float64) * scales[:, None].astype(np.float64)
means = []
for row, keep in zip(ids, mask):
    counted = [rows[token] for token, one in zip(row, keep) if one and scales[token] > 0]
    means.append(np.mean(counted, 0) if counted else np.zeros(HIDDEN))
means = np.array(means)
norms = np.linalg.norm(means, axis=1, keepdims=True)
(Path(__file__).parent / "static.json").write_text(
    json.dumps({
        "vocabSize": VOCAB,
        "hiddenSize": HIDDEN,
        "table": table.ravel().tolist(),
        "values": values.ravel().tolist(),
        "scales": scales.tolist(),
        "ids": ids.tolist(),
        "mask": mask.tolist(),
        "means": means.tolist(),
        "normalized": (means / np.maximum(norms, 1e-12)).tolist(),
    })
)
