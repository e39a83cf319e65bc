"""How many parameters transformers counts for each model of the catalogue, made from its config.

    npx tsx tools/build-catalogue.ts --configs > configs.json
    python test/reference/catalogue/parameters.py configs.json

Nothing is downloaded and no weight is made: the modules stand on torch's meta device.
"""

import json
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from transformers import AutoConfig, AutoModel

configs = json.loads(Path(sys.argv[1]).read_text())
counts: dict[str, int] = {}
for name, figures in configs.items():
    rest = {key: value for key, value in figures.items() if key != "model_type"}
    config = AutoConfig.for_model(figures["model_type"], **rest)
    with torch.device("meta"):
        counts[name] = AutoModel.from_config(config).num_parameters()

path = Path(__file__).parent / "parameters.json"
path.write_text(json.dumps(counts, indent=1) + "\n")
