"""Tiny seeded models of every architecture by transformers: hidden states, logits, and ten training steps.

For each: every hidden state with padding on the right and on the left, of each text alone, without token types
where the architecture has them; logits of texts and of tokens; the losses of ten full and ten LoRA steps (PEFT).

Run with torch, transformers and peft:  python test/reference/architectures/make.py [name ...]
"""

import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

HERE = Path(__file__).parent
VOCAB, TOKENS, CLASSES, STEPS, BATCH = 40, 9, 3, 10, 4
RATES = {"full": 2e-3, "lora": 5e-3}
# LoRA's targets: PEFT's own where it has some.
COMMON = dict(
    vocab_size=VOCAB,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=24,
    max_position_embeddings=24,
    type_vocab_size=2,
    pad_token_id=1,
)
PLACES = {**COMMON, "type_vocab_size": 1, "max_position_embeddings": 26}
NO_TYPES = {key: value for key, value in PLACES.items() if key != "type_vocab_size"}
ARCHITECTURES = {
    "electra": ({**COMMON, "embedding_size": 12}, ["query", "value"]),
    "roberta": (PLACES, ["query", "value"]),
    "xlm-roberta": (PLACES, ["query", "value"]),
    "mpnet": (NO_TYPES, ["q", "v"]),
    "albert": (
        {**COMMON, "num_hidden_layers": 3, "embedding_size": 12, "hidden_act": "gelu_new"},
        ["query", "value"],
    ),
    "gpt2": (
        dict(vocab_size=VOCAB, n_positions=24, n_embd=16, n_layer=2, n_head=2, n_inner=24, pad_token_id=1),
        ["c_attn"],
    ),
    "gpt_neo": (
        dict(
            vocab_size=VOCAB,
            max_position_embeddings=24,
            hidden_size=16,
            num_layers=2,
            num_heads=2,
            intermediate_size=24,
            window_size=3,
            attention_types=[[["global", "local"], 1]],
            pad_token_id=1,
        ),
        ["q_proj", "v_proj"],
    ),
    "deberta": (
        {**COMMON, "relative_attention": True, "max_relative_positions": 4, "pos_att_type": "c2p|p2c"},
        ["in_proj"],
    ),
    "deberta-v2": (
        {
            **COMMON,
            "type_vocab_size": 0,
            "relative_attention": True,
            "position_buckets": 4,
            "pos_att_type": "p2c|c2p",
            "share_att_key": True,
            "norm_rel_ebd": "layer_norm",
            "position_biased_input": False,
            "conv_kernel_size": 3,
            "conv_act": "gelu",
        },
        ["query_proj", "value_proj"],
    ),
    "modernbert": (
        {
            **{key: value for key, value in COMMON.items() if key != "type_vocab_size"},
            "num_hidden_layers": 4,
            "local_attention": 4,
            "classifier_pooling": "mean",
        },
        ["Wqkv"],
    ),
}


def formula(shape, number, size):
    """Spread evenly over [-size / 2, size / 2), without any library's randomness."""
    count = torch.Size(shape).numel()
    values = [((i * 7919 + number * 104729) % 10007 / 10007 - 0.5) * size for i in range(count)]
    return torch.tensor(values, dtype=torch.float64).float().reshape(shape)


def rounded(values, digits=5):
    if isinstance(values, list):
        return [rounded(value, digits) for value in values]
    return round(values, digits)


def randomise(model, seed):
    """Weights large enough that every part matters, LayerNorms near one."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            norm = parameter.dim() == 1 and name.endswith("weight")
            parameter.copy_(1 + 0.1 * noise if norm else 0.25 * noise)


def padded(texts, side, types):
    ids, mask, kinds = [], [], []
    for text, first in zip(texts, types):
        rest = TOKENS - len(text)
        pads, none = [1] * rest, [0] * rest
        kind = [0] * first + [1] * (len(text) - first)
        right = side == "right"
        ids.append(text + pads if right else pads + text)
        mask.append([1] * len(text) + none if right else none + [1] * len(text))
        kinds.append(kind + none if right else none + kind)
    return ids, mask, kinds


def run(model, ids, mask, kinds):
    fed = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}
    if kinds is not None:
        fed["token_type_ids"] = torch.tensor(kinds)
    with torch.no_grad():
        return model(**fed, output_hidden_states=True)


def train(model, method, targets, batch, labels, head_of):
    if method == "lora":
        lora = LoraConfig(r=2, lora_alpha=4, lora_dropout=0.0, target_modules=targets)
        model = get_peft_model(model, lora)
        for name, parameter in model.named_parameters():
            plain = name.replace(".default", "").replace(".modules_to_save", "")
            with torch.no_grad():
                if "lora_A" in name:
                    number = sum(map(ord, plain)) % 997
                    parameter.copy_(formula(parameter.shape, number, 0.5))
            if "lora_" not in name:
                parameter.requires_grad_(head_of(plain.removeprefix("base_model.model.")))
    model.train()
    norms = {id(p) for m in model.modules() if "LayerNorm" in type(m).__name__ for p in m.parameters()}
    decayed, kept = [], []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            (kept if "bias" in name or id(parameter) in norms else decayed).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": 0.01},
        {"params": kept, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=RATES[method], betas=(0.9, 0.999), eps=1e-8)
    losses = []
    for _ in range(STEPS):
        loss = model(**batch, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(decayed + kept, 1.0)
        losses.append(round(loss.item(), 6))
        optimizer.step()
        optimizer.zero_grad()
    return losses


def make(name, number):
    settings, targets = ARCHITECTURES[name]
    zero = {
        key: 0.0
        for key in AutoConfig.for_model(name).to_dict()
        if "dropout" in key or key.endswith("pdrop")
    }
    config = AutoConfig.for_model(name, **{**settings, **zero}, num_labels=CLASSES)
    config._attn_implementation = "eager"

    def build(kind):
        model = kind.from_config(config, attn_implementation="eager")
        randomise(model, 100 + number)
        return model.eval()

    texts_model = build(AutoModelForSequenceClassification)
    tokens_model = build(AutoModelForTokenClassification)
    weights = {**tokens_model.state_dict(), **texts_model.state_dict()}
    # One encoder, and one classifier where both heads call theirs alike.
    tokens_model.load_state_dict({key: weights[key] for key in tokens_model.state_dict()})
    save_file({key: value.contiguous().clone() for key, value in weights.items()}, HERE / f"{name}.safetensors")
    written = config.to_dict()
    (HERE / f"{name}.config.json").write_text(json.dumps(written, indent=1, sort_keys=True) + "\n")

    generator = torch.Generator().manual_seed(7)
    lengths, firsts = [9, 6, 3, 7], [5, 6, 2, 3]
    texts = [torch.randint(2, VOCAB, (length,), generator=generator).tolist() for length in lengths]
    has_types = getattr(config, "type_vocab_size", 0) > 1
    golden = {"ids": texts, "classes": CLASSES, "targets": targets, "types": has_types}
    for side in ("right", "left"):
        ids, mask, kinds = padded(texts, side, firsts)
        out = run(texts_model, ids, mask, None)
        golden[side] = {
            "input_ids": ids,
            "mask": mask,
            "states": rounded([state.tolist() for state in out.hidden_states]),
            "logits": rounded(out.logits.tolist()),
        }
    ids, mask, kinds = padded(texts, "right", firsts)
    given = kinds if has_types else None
    golden["token_types"] = kinds
    golden["text"] = rounded(run(texts_model, ids, mask, given).logits.tolist())
    golden["token"] = rounded(run(tokens_model, ids, mask, given).logits.tolist())
    golden["alone"] = rounded(
        [run(texts_model, [text], [[1] * len(text)], None).logits[0].tolist() for text in texts]
    )
    batch = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}
    if has_types:
        batch["token_type_ids"] = torch.tensor(kinds)
    golden["labels"] = [0, 2, 1, 2]
    labels = torch.tensor(golden["labels"])
    base = texts_model.base_model_prefix + "."

    def head_of(key):
        return not key.startswith(base) or ".pooler" in key

    golden["learning_rates"] = RATES
    for method in RATES:
        fresh = build(AutoModelForSequenceClassification)
        fresh.load_state_dict(texts_model.state_dict())
        golden[method] = train(fresh, method, targets, batch, labels, head_of)
    golden["names"] = sorted(key for key in texts_model.state_dict() if "masked_bias" not in key)
    (HERE / f"{name}.json").write_text(json.dumps(golden) + "\n")
    print(name, golden["full"], golden["lora"], file=sys.stderr)


def main():
    torch.set_num_threads(1)
    for number, name in enumerate(ARCHITECTURES):
        if len(sys.argv) == 1 or name in sys.argv[1:]:
            make(name, number)


main()
