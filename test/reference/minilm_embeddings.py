"""Golden embeddings for test/unit/models/hub/shipped.test.ts, by sentence-transformers in fp32.

Run with the folder of all-MiniLM-L6-v2:  python test/reference/minilm_embeddings.py <model folder>
"""

import json
import sys
from pathlib import Path

from sentence_transformers import SentenceTransformer

texts = [
    "The film was wonderful.",
    "I waited two hours and nobody answered the phone.",
    "How do I reset my password?",
    "Shares fell sharply after the company cut its forecast for the year.",
    "ok",
    "",
    "Ünïcödé, 中文 and 😀 in one short text",
    "The committee met on Tuesday to discuss the proposal, " * 12 + "and then went home.",
    "What is the capital of Mongolia ?",
    "not bad at all, but far too long",
    "Please cancel my order #48213 and refund the $39.99.",
    "Photosynthesis turns light into chemical energy.",
]
model = SentenceTransformer(sys.argv[1], device="cpu")
embeddings = model.encode(texts, normalize_embeddings=True)
cases = [
    {"text": text, "embedding": [round(float(value), 6) for value in embedding]}
    for text, embedding in zip(texts, embeddings)
]
path = Path(__file__).parent / "golden/minilm-embeddings.json"
path.write_text("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")
print(len(cases), "embeddings ->", path)
