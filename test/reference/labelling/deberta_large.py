"""What transformers says with the shape of microsoft/deberta-large-mnli (24 layers of 1024, 400 million weights).

Its weights are hashes of their names and places, as in test/reference/architectures/real/make.py, so that they need not
be kept: `npm run bench -- labelling` with HEADLIGHT_LARGE=1 computes them again. Kept are pairs of token ids, the logits
of each, and the scores that the zero-shot pipeline makes of them. Takes 3 GB of memory and some minutes.

Run with torch and transformers:  python test/reference/labelling/deberta_large.py
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "architectures" / "real"))
from make import ids_of, seed_of

LABELS = ["CONTRADICTION", "NEUTRAL", "ENTAILMENT"]
DEVIATION = 0.03
# As config.json of the model has them.
SETTINGS = dict(
    hidden_size=1024,
    num_hidden_layers=24,
    num_attention_heads=16,
    intermediate_size=4096,
    max_position_embeddings=512,
    relative_attention=True,
    max_relative_positions=-1,
    pos_att_type="c2p|p2c",
    position_biased_input=False,
    pad_token_id=0,
    type_vocab_size=0,
    vocab_size=50265,
    layer_norm_eps=1e-7,
)
PREMISES, HYPOTHESES = [11, 60, 180], [7, 9]
PIECE = 1 << 22


def fill(name, parameter):
    """As `weights` of make.py, a piece at a time."""
    values = parameter.view(-1)
    middle = 1 if parameter.dim() == 1 and name.endswith("weight") else 0
    span = 2 * np.sqrt(3) * DEVIATION
    for start in range(0, values.numel(), PIECE):
        count = min(PIECE, values.numel() - start)
        with np.errstate(over="ignore"):
            hashed = np.arange(start, start + count, dtype=np.uint32) * np.uint32(0x9E3779B1)
            hashed += np.uint32(seed_of(name))
            for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
                hashed ^= hashed >> np.uint32(shift)
                hashed *= np.uint32(factor)
        spread = ((hashed >> np.uint32(8)) / 2**24 - 0.5) * span + middle
        values[start : start + count] = torch.from_numpy(spread.astype(np.float32))


def main():
    torch.set_num_threads(1)
    names = dict(id2label=dict(enumerate(LABELS)), label2id={name: at for at, name in enumerate(LABELS)})
    config = AutoConfig.for_model("deberta", **SETTINGS, **names)
    model = AutoModelForSequenceClassification.from_config(config, attn_implementation="eager").eval()
    shapes = {}
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            shapes[key] = list(parameter.shape)
            fill(key, parameter)
    pairs, logits = [], []
    for p, long in enumerate(PREMISES):
        for h, short in enumerate(HYPOTHESES):
            first, second = ids_of(f"premise {p}", long, 50265), ids_of(f"hypothesis {h}", short, 50265)
            ids = [1, *first, 2, *second, 2]
            with torch.no_grad():
                out = model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long))
            pairs.append(ids)
            logits.append(out.logits[0].tolist())
            print(len(ids), logits[-1], file=sys.stderr, flush=True)
    # `ZeroShotClassificationPipeline.postprocess`
    shaped = np.array(logits).reshape(len(PREMISES), len(HYPOTHESES), -1)
    entail = np.exp(shaped[..., 2])
    one = entail / entail.sum(-1, keepdims=True)
    both = np.exp(shaped[..., [0, 2]])
    several = (both / both.sum(-1, keepdims=True))[..., 1]
    golden = {
        "of": "microsoft/deberta-large-mnli",
        "config": config.to_dict(),
        "parameters": shapes,
        "count": sum(parameter.numel() for parameter in model.parameters()),
        "deviation": DEVIATION,
        "classes": len(LABELS),
        "hypotheses": len(HYPOTHESES),
        "pairs": pairs,
        "logits": [[round(value, 6) for value in row] for row in logits],
        "one": one.round(7).tolist(),
        "several": several.round(7).tolist(),
    }
    (HERE / "deberta-large.json").write_text(json.dumps(golden) + "\n")


main()
