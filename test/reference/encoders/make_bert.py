"""Golden values of test/unit/encoders: a small random BERT and its hidden states, pooled.

    python test/reference/encoders/make_bert.py [FOLDER OF all-MiniLM-L6-v2]

Needs torch, transformers, safetensors, sentence-transformers. Writes, beside itself:
bert.safetensors, bert.config.json (seeded random weights, so that anyone gets the same files) and
bert.json: for inputs with padding, every layer, pooling mean / cls / max, as transformers computes them;
and the last layer for other activations. With a folder, also minilm.json: token ids and embeddings of
all-MiniLM-L6-v2 by sentence-transformers.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertModel

here = Path(__file__).parent
CONFIG = dict(
    vocab_size=60,
    hidden_size=32,
    num_hidden_layers=3,
    num_attention_heads=4,
    intermediate_size=48,
    max_position_embeddings=16,
    type_vocab_size=2,
)
IDS = [
    [2, 7, 8, 9, 10, 11, 12, 3, 0, 0],
    [2, 40, 41, 3, 0, 0, 0, 0, 0, 0],
    [2, 59, 5, 17, 23, 42, 8, 8, 8, 3],
]
MASK = [[1 if id else 0 for id in row] for row in IDS]


def rounded(values):
    return [[float(f"{value:.7g}") for value in row] for row in values.tolist()]


def pool(hidden, mask, how):
    """As sentence_transformers.models.Pooling."""
    weights = mask.unsqueeze(-1).float()
    if how == "mean":
        return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
    if how == "cls":
        return hidden[:, 0]
    return hidden.masked_fill(weights == 0, -1e9).max(1).values


def build(activation):
    torch.manual_seed(7)
    model = BertModel(BertConfig(**CONFIG, hidden_act=activation), add_pooling_layer=False).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # transformers starts with weights of 0.02 and biases of 0, where a wrong graph is hardly off.
            noise = torch.randn(parameter.shape) * (0.5 if parameter.dim() == 1 else 0.3)
            parameter.copy_(noise + (1 if name.endswith("LayerNorm.weight") else 0))
    return model


ids, mask = torch.tensor(IDS), torch.tensor(MASK)
golden = {"ids": IDS, "mask": MASK, "layers": [], "activations": {}}
model = build("gelu")
with torch.no_grad():
    states = model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
for hidden in states:
    golden["layers"].append({how: rounded(pool(hidden, mask, how)) for how in ("mean", "cls", "max")})
for activation in ("gelu_new", "gelu_pytorch_tanh", "relu"):
    with torch.no_grad():
        hidden = build(activation)(input_ids=ids, attention_mask=mask).last_hidden_state
    golden["activations"][activation] = rounded(pool(hidden, mask, "mean"))
save_file(
    {name: tensor.contiguous() for name, tensor in model.state_dict().items()},
    here / "bert.safetensors",
    metadata={"format": "pt"},
)
(here / "bert.config.json").write_text(
    json.dumps({"model_type": "bert", **CONFIG, "hidden_act": "gelu", "layer_norm_eps": 1e-12}, indent=2) + "\n"
)
(here / "bert.json").write_text(json.dumps(golden))

if len(sys.argv) > 1:
    from sentence_transformers import SentenceTransformer

    minilm = SentenceTransformer(sys.argv[1], device="cpu")
    texts = [
        "a very good movie",
        "What is the capital of France, and why would people who never travel care?",
        "no",
        "I have been waiting for my card for two weeks now; where is it?",
    ]
    features = minilm.tokenizer(texts, padding=True, return_tensors="pt")
    golden = {
        "texts": texts,
        "ids": features["input_ids"].tolist(),
        "mask": features["attention_mask"].tolist(),
        "embeddings": rounded(torch.tensor(minilm.encode(texts, normalize_embeddings=True))),
    }
    (here / "minilm.json").write_text(json.dumps(golden))
