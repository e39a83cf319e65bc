"""Buckets of distances at real sizes, by the code of transformers: MPNet's 32, DeBERTa-v3's 256 of 512.

Run with torch and transformers:  python test/reference/architectures/buckets.py
"""

import json
from pathlib import Path

import torch
from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

apart = torch.arange(-511, 512)
golden = {
    "distances": [-511, 511],
    # memory - context: key - query.
    "mpnet": MPNetEncoder.relative_position_bucket(apart, num_buckets=32).tolist(),
    # query - key.
    "deberta": make_log_bucket_position(apart, 256, 512).to(torch.long).tolist(),
}
path = Path(__file__).parent / "buckets.json"
path.write_text(json.dumps(golden) + "\n")
