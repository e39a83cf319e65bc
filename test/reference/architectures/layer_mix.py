"""Weighted means over layers, pooled, of the tiny golden models: by `output_hidden_states` of transformers.

Run after make.py, with torch and transformers:  python test/reference/architectures/layer_mix.py
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForSequenceClassification

HERE = Path(__file__).parent
NAMES = ["roberta", "albert", "deberta-v2", "modernbert", "gpt2", "electra"]


def pooled(hidden, mask, pooling):
    rows = []
    for states, real in zip(hidden, mask):
        kept = states[real.bool()]
        rows.append(
            {"mean": kept.mean(0), "cls": states[0], "max": kept.max(0).values, "last": kept[-1]}[pooling]
        )
    return torch.stack(rows)


golden = {}
for name in NAMES:
    config = AutoConfig.from_pretrained(HERE / f"{name}.config.json")
    config._attn_implementation = "eager"
    model = AutoModelForSequenceClassification.from_config(config, attn_implementation="eager").eval()
    missing, unexpected = model.load_state_dict(load_file(HERE / f"{name}.safetensors"), strict=False)
    assert not missing, missing
    told = json.loads((HERE / f"{name}.json").read_text())["right"]
    mask = torch.tensor(told["mask"])
    with torch.no_grad():
        states = model(
            input_ids=torch.tensor(told["input_ids"]), attention_mask=mask, output_hidden_states=True
        ).hidden_states
    uneven = [0.5 + (3 * i) % 5 for i in range(len(states))]
    cases = []
    for weights in [uneven, [1.0] * len(states), [0.0] + uneven[1:]]:
        share = torch.tensor(weights) / sum(weights)
        mix = sum(w * state for w, state in zip(share, states))
        for pooling in ["mean", "cls", "max", "last"]:
            vector = pooled(mix, mask, pooling)
            unit = torch.nn.functional.normalize(vector)
            cases.append(
                {
                    "weights": weights,
                    "pooling": pooling,
                    "embedding": [[round(v, 6) for v in row] for row in vector.tolist()],
                    "unit": [[round(v, 6) for v in row] for row in unit.tolist()],
                }
            )
    golden[name] = cases
(HERE / "layer-mix.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
