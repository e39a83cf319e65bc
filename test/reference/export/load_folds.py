"""Loads what write_folds.ts wrote with transformers: each gives the logits of the probe on its layer's [CLS].

Not part of `npm test`: it needs torch and transformers. From the root:

    npx tsx test/reference/export/write_folds.ts /tmp/folds
    python test/reference/export/load_folds.py /tmp/folds
"""

import json
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForSequenceClassification

transformers.logging.set_verbosity_error()
HERE = Path(__file__).parent.parent / "architectures"
# tanh is undone to a relative 2e-7 of the largest logit there can be.
MOST = 1e-4
worst = {}
for folder in sorted(Path(sys.argv[1]).iterdir()):
    probe = json.loads((folder / "probe.json").read_text())
    name = probe["name"]
    model, report = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not report[key], (folder.name, key, report[key])
    original = AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(HERE / f"{name}.config.json"))
    original.load_state_dict(load_file(HERE / f"{name}.safetensors"), strict=False)
    golden = json.loads((HERE / f"{name}.json").read_text())["right"]
    fed = {"input_ids": torch.tensor(golden["input_ids"]), "attention_mask": torch.tensor(golden["mask"])}
    with torch.no_grad():
        found = model.eval()(**fed).logits.double()
        hidden = original.eval()(**fed, output_hidden_states=True).hidden_states[probe["layer"]][:, 0].double()
    coef = torch.tensor(probe["coef"], dtype=torch.float64).reshape(-1, hidden.shape[1])
    expected = hidden @ coef.T + torch.tensor(probe["intercept"], dtype=torch.float64)
    if len(coef) == 1:
        # One logit, that of the second class: a softmax of the difference.
        found, expected = (found[:, 1] - found[:, 0])[:, None], expected
    apart = (found - expected).abs().max().item()
    worst[folder.name] = apart
    print(f"{folder.name:20} {apart:.1e}  (largest logit {expected.abs().max().item():.1f})")
assert max(worst.values()) < MOST, max(worst.values())
