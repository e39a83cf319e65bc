"""Every architecture at the shape of a model that people use, with seeded weights, by transformers.

The weights (up to 1 GB) are not kept: each value is a hash of its parameter's name and its place, which
test/helpers/real-shape.ts computes to the same bits. Kept are, of every layer, the hidden states at each
`STRIDE`-th place of [texts, tokens, hidden]: of a long text, and a short one padded on the right and on the left;
then of the short one alone, with its logits, and with token types where the architecture has them.

Run with torch and transformers:  python test/reference/architectures/real/make.py [name ...]
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

HERE = Path(__file__).parent
CLASSES, STRIDE, ALONE_STRIDE, LONG, SHORT = 3, 4099, 211, 288, 37
DEVIATION = 0.04
# As the config.json of the model named has them, where the library's defaults are others.
SHAPES = {
    "bert": ("bert-base-uncased", {}),
    "distilbert": ("distilbert-base-uncased", {}),
    "electra": ("google/electra-small-discriminator", {}),
    "roberta": (
        "roberta-base",
        dict(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5),
    ),
    "xlm-roberta": (
        "xlm-roberta-base",
        dict(vocab_size=250002, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5),
    ),
    "mpnet": (
        "microsoft/mpnet-base",
        dict(vocab_size=30527, max_position_embeddings=514, layer_norm_eps=1e-5),
    ),
    "albert": (
        "albert-base-v2",
        dict(hidden_size=768, num_attention_heads=12, intermediate_size=3072, num_hidden_layers=12),
    ),
    "gpt2": ("gpt2", dict(pad_token_id=50256)),
    "gpt_neo": (
        "EleutherAI/gpt-neo-125m",
        dict(
            hidden_size=768,
            num_layers=12,
            num_heads=12,
            attention_types=[[["global", "local"], 6]],
            pad_token_id=50256,
        ),
    ),
    "deberta": (
        "microsoft/deberta-base",
        dict(
            relative_attention=True,
            max_relative_positions=-1,
            pos_att_type="c2p|p2c",
            position_biased_input=False,
            type_vocab_size=0,
            vocab_size=50265,
        ),
    ),
    "deberta-v2": (
        "microsoft/deberta-v3-small",
        dict(
            hidden_size=768,
            num_attention_heads=12,
            num_hidden_layers=6,
            intermediate_size=3072,
            relative_attention=True,
            position_buckets=256,
            norm_rel_ebd="layer_norm",
            share_att_key=True,
            pos_att_type="p2c|c2p",
            position_biased_input=False,
            max_relative_positions=-1,
            type_vocab_size=0,
            vocab_size=128100,
        ),
    ),
    "modernbert": ("answerdotai/ModernBERT-base", {}),
}
# Scores that nothing divides by the square root of the head's size would leave one key alone.
DEVIATIONS = {"gpt_neo": 0.02}


def seed_of(name):
    """FNV-1a, 32 bits."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def hashes(name, count):
    """uint32 for the places 0 … count - 1."""
    with np.errstate(over="ignore"):
        value = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(seed_of(name))
        value ^= value >> np.uint32(16)
        value *= np.uint32(0x85EBCA6B)
        value ^= value >> np.uint32(13)
        value *= np.uint32(0xC2B2AE35)
        value ^= value >> np.uint32(16)
    return value


def weights(name, shape, deviation):
    """Even over ±deviation √3; the scales of norms near 1."""
    count = int(np.prod(shape))
    spread = ((hashes(name, count) >> np.uint32(8)) / 2**24 - 0.5) * (2 * np.sqrt(3) * deviation)
    if len(shape) == 1 and name.endswith("weight"):
        spread = spread + 1
    return torch.from_numpy(spread.astype(np.float32).reshape(shape))


def ids_of(name, count, vocab):
    return [int(5 + value % (vocab - 300)) for value in hashes(name, count)]


def sampled(out, stride):
    return [[round(value, 6) for value in state.flatten()[::stride].tolist()] for state in out.hidden_states]


def make(name):
    of, settings = SHAPES[name]
    config = AutoConfig.for_model(name, **settings, num_labels=CLASSES)
    config._attn_implementation = "eager"
    model = AutoModelForSequenceClassification.from_config(config, attn_implementation="eager").eval()
    deviation = DEVIATIONS.get(name, DEVIATION)
    shapes = {}
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            shapes[key] = list(parameter.shape)
            parameter.copy_(weights(key, parameter.shape, deviation))
    pad = config.pad_token_id if config.pad_token_id is not None else 0
    long, short = (ids_of(key, count, config.vocab_size) for key, count in (("long", LONG), ("short", SHORT)))
    rest = LONG - SHORT
    ids = [long, short + [pad] * rest, [pad] * rest + short]
    mask = [[1] * LONG, [1] * SHORT + [0] * rest, [0] * rest + [1] * SHORT]
    has_types = getattr(config, "type_vocab_size", 0) > 1
    types = [0] * 20 + [1] * (SHORT - 20)
    with torch.no_grad():
        out = model.base_model(
            input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask), output_hidden_states=True
        )
        fed = {"token_type_ids": torch.tensor([types])} if has_types else {}
        alone = model(
            input_ids=torch.tensor([short]),
            attention_mask=torch.ones(1, SHORT, dtype=torch.long),
            output_hidden_states=True,
            **fed,
        )
    golden = {
        "of": of,
        "config": config.to_dict(),
        "parameters": shapes,
        "count": sum(parameter.numel() for parameter in model.parameters()),
        "deviation": deviation,
        "classes": CLASSES,
        "padded": {"stride": STRIDE, "input_ids": ids, "mask": mask, "states": sampled(out, STRIDE)},
        "alone": {
            "stride": ALONE_STRIDE,
            "input_ids": [short],
            "mask": [[1] * SHORT],
            "token_types": [types] if has_types else None,
            "states": sampled(alone, ALONE_STRIDE),
            "logits": [round(value, 6) for value in alone.logits[0].tolist()],
        },
    }
    (HERE / f"{name}.json").write_text(json.dumps(golden) + "\n")
    spans = [f"{state.abs().max().item():.1f}" for state in out.hidden_states]
    print(name, golden["count"], golden["alone"]["logits"], "largest by layer:", *spans, file=sys.stderr)


def main():
    for name in SHAPES:
        if len(sys.argv) == 1 or name in sys.argv[1:]:
            make(name)


if __name__ == "__main__":
    main()
