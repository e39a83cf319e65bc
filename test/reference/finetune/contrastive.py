"""Golden values of contrastive fine-tuning: setfit's pairs, and steps of sentence-transformers' CosineSimilarityLoss.

Run with torch, transformers, sentence-transformers and scikit-learn, and setfit 1.1.3 unpacked (its sampler alone is
loaded, so that none of what it depends on is needed):

    pip download --no-deps setfit==1.1.3 && python test/reference/finetune/contrastive.py setfit-1.1.3-py3-none-any.whl
"""

import json
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss
from transformers import BertConfig, BertModel, get_scheduler

HERE = Path(__file__).parent
SEED, BATCH, STEPS, RATE, WARMUP, DECAY = 42, 4, 10, 2e-3, 2, 0.01
MASK = (1 << 64) - 1


def sampler(wheel):
    """setfit/sampler.py by itself, with silence in place of its logging."""
    package = types.ModuleType("setfit")
    package.__path__ = []
    logging = types.ModuleType("setfit.logging")
    logging.set_verbosity_info = lambda: None
    logging.get_logger = lambda name: None
    package.logging = logging
    sys.modules.update({"setfit": package, "setfit.logging": logging})
    module = types.ModuleType("setfit.sampler")
    module.__package__ = "setfit"
    source = zipfile.ZipFile(wheel).read("setfit/sampler.py")
    exec(compile(source, "setfit/sampler.py", "exec"), module.__dict__)
    return module


def permutations():
    cases = [(42, 1), (42, 2), (42, 10), (0, 33), (7, 700), (2**32 - 1, 64)]
    return [
        {"seed": seed, "n": n, "order": np.random.RandomState(seed).permutation(n).tolist()}
        for seed, n in cases
    ]


def pairs(module):
    single = [0, 1, 2, 0, 1, 0, 2, 2, 0]
    several = [[1, 0, 0], [0, 1, 1], [1, 1, 0], [0, 0, 0], [0, 0, 1], [1, 0, 1]]
    cases = []
    for labels, multilabel in [(single, False), (several, True)]:
        asked = [("oversampling", None, -1), ("undersampling", None, -1), ("unique", None, -1)]
        asked += [("oversampling", 3, -1), ("unique", 20, -1), ("oversampling", None, 16)]
        for strategy, iterations, most in asked:
            # Texts are their own places, so that a pair says which they are.
            dataset = module.ContrastiveDataset(
                list(range(len(labels))), labels, multilabel, iterations, strategy, most
            )
            cases.append(
                {
                    "labels": labels,
                    "sampling_strategy": strategy,
                    "num_iterations": iterations,
                    "most": None if most == -1 else most,
                    "pairs": [
                        [pair["sentence_1"], pair["sentence_2"], int(pair["label"])]
                        for pair in dataset
                    ],
                }
            )
    return cases


class Pcg32:
    """XSH RR, seeded through splitmix64 (src/base/random.ts)."""

    def __init__(self, seed):
        z = (seed + 0x9E3779B97F4A7C15) & MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        self.state = z ^ (z >> 31)

    def next(self):
        old = self.state
        self.state = (old * 0x5851F42D4C957F2D + 0x14057B7EF767814F) & MASK
        shifted = (((old >> 18) ^ old) >> 27) & 0xFFFFFFFF
        turn = old >> 59
        return ((shifted >> turn) | (shifted << ((32 - turn) & 31))) & 0xFFFFFFFF

    def integer(self, below):
        limit = (1 << 32) - ((1 << 32) % below)
        while True:
            value = self.next()
            if value < limit:
                return value % below


def order_of(units):
    """Of the first epoch (src/learning/finetune/batches.ts)."""
    random = Pcg32((SEED * 0x9E3779B97F4A7C15) & ((1 << 53) - 1))
    order = list(range(units))
    for i in range(units - 1, 0, -1):
        j = random.integer(i + 1)
        order[i], order[j] = order[j], order[i]
    return order


class Embedder(torch.nn.Module):
    """Transformer and mean pooling as CosineSimilarityLoss calls them; with Normalize behind, where asked."""

    def __init__(self, normalize):
        super().__init__()
        config = BertConfig.from_json_file(HERE / "bert.config.json")
        config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
        self.bert = BertModel(config, add_pooling_layer=False)
        weights = load_file(HERE / "bert.safetensors")
        kept = {n[5:]: t for n, t in weights.items() if n.startswith("bert.") and "pooler" not in n}
        missing, unexpected = self.bert.load_state_dict(kept, strict=False)
        assert not unexpected and not [n for n in missing if "position_ids" not in n], missing
        self.normalize = normalize

    def forward(self, features):
        hidden = self.bert(**features).last_hidden_state
        weights = features["attention_mask"][..., None].float()
        mean = (hidden * weights).sum(1) / weights.sum(1)
        if self.normalize:
            mean = torch.nn.functional.normalize(mean)
        return {"sentence_embedding": mean}


def padded(texts):
    longest = max(len(text) for text in texts)
    ids = torch.tensor([text + [0] * (longest - len(text)) for text in texts])
    mask = torch.tensor([[1] * len(text) + [0] * (longest - len(text)) for text in texts])
    return {"input_ids": ids, "attention_mask": mask}


def steps(module, normalize):
    random = Pcg32(3)
    labels = [place % 3 for place in range(9)]
    texts = [
        [2, *[4 + random.integer(25) for _ in range(2 + random.integer(8))], 3] for _ in labels
    ]
    asked = module.ContrastiveDataset(list(range(len(labels))), labels, False, None, "oversampling")
    all_pairs = [(p["sentence_1"], p["sentence_2"], p["label"]) for p in asked]
    order = order_of(len(all_pairs))
    model = Embedder(normalize).train()
    loss = CosineSimilarityLoss(model)
    plain = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    kept = {id(p) for p in plain}
    groups = [
        {"params": [p for p in model.parameters() if id(p) not in kept], "weight_decay": DECAY},
        {"params": plain, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.999), eps=1e-8)
    scheduler = get_scheduler("linear", optimizer, WARMUP, STEPS)
    losses, norms = [], []
    for step in range(STEPS):
        batch = [all_pairs[i] for i in order[step * BATCH : (step + 1) * BATCH]]
        sides = [padded([texts[pair[side]] for pair in batch]) for side in (0, 1)]
        value = loss(sides, torch.tensor([pair[2] for pair in batch]))
        value.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)))
        losses.append(value.item())
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    model.eval()
    with torch.no_grad():
        embeddings = [model(padded([text]))["sentence_embedding"][0].tolist() for text in texts]
    return {
        "normalize": normalize,
        "learning_rate": RATE,
        "batch": BATCH,
        "warmup_steps": WARMUP,
        "weight_decay": DECAY,
        "labels": labels,
        "texts": texts,
        "losses": losses,
        "norms": norms,
        "embeddings": embeddings,
    }


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 8) if isinstance(value, float) else value


def main():
    torch.set_num_threads(1)
    module = sampler(sys.argv[1])
    golden = {
        "permutations": permutations(),
        "pairs": pairs(module),
        "steps": [steps(module, normalize) for normalize in (False, True)],
    }
    (HERE / "contrastive.json").write_text(json.dumps(rounded(golden), separators=(",", ":")) + "\n")


main()
