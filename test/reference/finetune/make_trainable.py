"""Tiny seeded BERT and DistilBERT with each head, and what transformers and PEFT compute with them.

python make_trainable.py   (torch 2.13, transformers 5, peft)
"""

import json
from pathlib import Path

import torch
from peft import LoraConfig, TaskType, get_peft_model
from safetensors.torch import save_file
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertForTokenClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    DistilBertForTokenClassification,
    Trainer,
    TrainingArguments,
)

HERE = Path(__file__).parent
CLASSES = 3
CONFIGS = {
    "bert": BertConfig(
        vocab_size=30, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=12, num_labels=CLASSES,
    ),
    "distilbert": DistilBertConfig(
        vocab_size=30, dim=16, n_layers=2, n_heads=2, hidden_dim=24,
        max_position_embeddings=12, num_labels=CLASSES,
    ),
}
CLASSES_OF = {
    "bert": (BertForSequenceClassification, BertForTokenClassification, ["query", "value"]),
    "distilbert": (DistilBertForSequenceClassification, DistilBertForTokenClassification, ["q_lin", "v_lin"]),
}


def randomise(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator) * 0.3
            parameter.copy_(noise + (1 if "norm.weight" in name.lower() else 0))
    return model.eval()


ids = torch.tensor([[2, 7, 11, 29, 5, 3, 0], [2, 8, 9, 9, 4, 14, 3], [2, 3, 0, 0, 0, 0, 0]])
mask = (ids != 0).long()
types = torch.tensor([[0, 0, 0, 1, 1, 1, 0], [0] * 7, [0] * 7])


def run(model, architecture):
    inputs = {"input_ids": ids, "attention_mask": mask}
    if architecture == "bert":
        inputs["token_type_ids"] = types
    with torch.no_grad():
        return model(**inputs)


golden = {"ids": ids.tolist(), "mask": mask.tolist(), "types": types.tolist(), "classes": CLASSES}
for number, (architecture, config) in enumerate(CONFIGS.items()):
    text_class, token_class, targets = CLASSES_OF[architecture]
    model = randomise(text_class(config), 100 + number)
    save_file(model.state_dict(), HERE / f"{architecture}.safetensors", metadata={"format": "pt"})
    (HERE / f"{architecture}.config.json").write_text(
        json.dumps({**json.loads(config.to_json_string()), "model_type": architecture}, indent=1) + "\n"
    )
    text = run(model, architecture).logits
    token_model = token_class(config).eval()
    missing = token_model.load_state_dict(model.state_dict(), strict=False)
    assert not missing.missing_keys, missing
    token = run(token_model, architecture).logits

    body = getattr(model, architecture)
    hidden = run(body, architecture).last_hidden_state
    weights = mask[..., None].float()
    mean = (hidden * weights).sum(1) / weights.sum(1)
    with torch.no_grad():
        mean_logits = torch.nn.functional.linear(mean, model.classifier.weight, model.classifier.bias)
    unit = torch.nn.functional.normalize(mean)

    trainer = Trainer(model=model, args=TrainingArguments(output_dir="/tmp/none", report_to=[]))
    decay = trainer.get_decay_parameter_names(model)

    adapted = get_peft_model(
        model,
        LoraConfig(task_type=TaskType.SEQ_CLS, r=2, lora_alpha=6, lora_dropout=0.0, target_modules=targets),
    )
    generator = torch.Generator().manual_seed(7)
    adapters = {}
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
                adapters[name.replace(".default", "")] = parameter.flatten().tolist()
    adapted.eval()
    lora = run(adapted, architecture).logits
    merged = adapted.merge_and_unload()
    first = f"{architecture}.{'encoder' if architecture == 'bert' else 'transformer'}.layer.0.attention."
    first += ("self." if architecture == "bert" else "") + targets[0] + ".weight"
    golden[architecture] = {
        "text": text.tolist(), "token": token.tolist(), "mean": mean_logits.tolist(),
        "embedding": unit.tolist(), "decay": sorted(decay),
        "names": sorted(merged.state_dict()),
        "tokenNames": sorted(token_model.state_dict()),
        "lora": lora.tolist(), "adapters": adapters,
        "merged": {"name": first, "values": merged.state_dict()[first].flatten().tolist()},
    }
    if architecture == "distilbert":
        fresh = randomise(text_class(config), 100 + number)
        with torch.no_grad():
            states = fresh.distilbert(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        golden[architecture]["means"] = [
            ((state * weights).sum(1) / weights.sum(1)).tolist() for state in states
        ]


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 7) if isinstance(value, float) else value


(HERE / "trainable.json").write_text(json.dumps(rounded(golden)) + "\n")
