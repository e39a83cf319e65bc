"""What transformers' zero-shot-classification pipeline says with tiny NLI models of seeded random weights.

Each model stands in a folder as `save_pretrained` writes it, with a tokenizer of its family trained on the texts below;
golden.json holds texts, labels, templates and scores. The orders of the labels are those that are met on the Hub, and
odd ones. Of several labels the pipeline takes the first class (or the last) for contradiction, whatever it is called:
where that is wrong, the score is the sigmoid of entailment - contradiction by the model's own labels, from the same
logits, and `pipeline` is false.

Run with torch and transformers:  python test/reference/labelling/nli.py
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from tokenizers import ByteLevelBPETokenizer, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedTokenizerFast, pipeline

HERE = Path(__file__).parent / "nli"
torch.set_num_threads(1)
LENGTH = 48
TEXTS = [
    "The film is a quiet delight from its first scene to its last.",
    "Dull, loud and far too long.",
    " ",
    "I have a problem with my phone that needs to be resolved asap!!",
    "great",
    "Une phrase en français, et 漢字 — with signs & 12,345 numbers.",
    "the parcel has not arrived and nobody answers the telephone " * 12,
    "Dull, loud and far too long.",
]
LABELS = ["positive", "negative", "urgent matter", "sport"]
TEMPLATES = ["This example is {}.", "The text is about {}, or not."]
COMMON = dict(
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=24,
    max_position_embeddings=64,
    pad_token_id=0,
)
RELATIVE = dict(relative_attention=True, position_biased_input=False, type_vocab_size=0)
MODELS = {
    "bert": (dict(COMMON, type_vocab_size=2), ["ENTAILMENT", "NEUTRAL", "CONTRADICTION"]),
    "distilbert": (
        dict(dim=16, n_layers=2, n_heads=2, hidden_dim=24, max_position_embeddings=64, pad_token_id=0),
        ["entailment", "not_entailment"],
    ),
    "deberta": (
        dict(COMMON, **RELATIVE, max_relative_positions=-1, pos_att_type="c2p|p2c"),
        ["CONTRADICTION", "NEUTRAL", "ENTAILMENT"],
    ),
    "deberta-v2": (
        dict(
            COMMON,
            **RELATIVE,
            position_buckets=8,
            max_relative_positions=-1,
            norm_rel_ebd="layer_norm",
            share_att_key=True,
            pos_att_type="p2c|c2p",
        ),
        ["contradiction", "entailment", "neutral"],
    ),
    "roberta": (
        dict(COMMON, type_vocab_size=1, max_position_embeddings=66, pad_token_id=1),
        ["neutral", "Entails", "contradicts"],
    ),
}


def template(cls, sep, between, ids):
    pair = f"{cls} $A {between} $B:1 {sep}:1"
    return processors.TemplateProcessing(single=f"{cls} $A {sep}", pair=pair, special_tokens=ids)


def tokenizer_of(kind):
    """Of the family's kind, with its frame around a pair."""
    corpus = TEXTS + LABELS + TEMPLATES
    if kind in ("bert", "distilbert"):
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        made.normalizer = normalizers.BertNormalizer()
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        made.train_from_iterator(corpus, trainers.WordPieceTrainer(vocab_size=150, special_tokens=special))
        names = dict(pad="[PAD]", unk="[UNK]", cls="[CLS]", sep="[SEP]", mask="[MASK]")
        frame = ("[CLS]", "[SEP]", "[SEP]")
    elif kind == "deberta-v2":
        special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
        made = Tokenizer(models.Unigram())
        made.normalizer = normalizers.NFKC()
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        made.decoder = decoders.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=150, special_tokens=special, unk_token="[UNK]")
        made.train_from_iterator(corpus, trainer)
        names = dict(pad="[PAD]", unk="[UNK]", cls="[CLS]", sep="[SEP]", mask="[MASK]")
        frame = ("[CLS]", "[SEP]", "[SEP]")
    else:
        is_roberta = kind == "roberta"
        special = ["<s>", "<pad>", "</s>", "<unk>"] if is_roberta else ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
        bpe = ByteLevelBPETokenizer()
        bpe.train_from_iterator(corpus, vocab_size=330, special_tokens=special, show_progress=False)
        made = bpe._tokenizer
        names = dict(zip(("cls", "pad", "sep", "unk") if is_roberta else ("pad", "cls", "sep", "unk"), special))
        frame = ("<s>", "</s>", "</s> </s>") if is_roberta else ("[CLS]", "[SEP]", "[SEP]")
    cls, sep, between = frame
    ids = [(token, made.token_to_id(token)) for token in (cls, sep)]
    # RoBERTa's tokens are all of type 0; its model has no other.
    made.post_processor = template(cls, sep, between, ids)
    inputs = ["input_ids", "attention_mask"]
    if kind == "bert":
        inputs.insert(1, "token_type_ids")
    words = {f"{name}_token": token for name, token in names.items()}
    return PreTrainedTokenizerFast(
        tokenizer_object=made, model_max_length=LENGTH, model_input_names=inputs, **words
    )


def model_of(kind, settings, labels, vocabulary, seed):
    names = dict(id2label=dict(enumerate(labels)), label2id={name: at for at, name in enumerate(labels)})
    config = AutoConfig.for_model(kind, **settings, vocab_size=vocabulary, **names)
    model = AutoModelForSequenceClassification.from_config(config, attn_implementation="eager").eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            norm = parameter.dim() == 1 and name.endswith("weight")
            # Large enough that the hypothesis matters, and that few scores are near 0 or 1.
            size = 2.0 if name in ("classifier.weight", "classifier.out_proj.weight") else 0.3
            parameter.copy_(1 + 0.1 * noise if norm else size * noise)
    return model


def by_label(found, labels):
    scores = dict(zip(found["labels"], found["scores"]))
    return [round(scores[label], 7) for label in labels]


def own_several(classifier, labels, text, template):
    """Sigmoid of entailment - contradiction by the model's own labels, of the pipeline's own logits."""
    names = [name.lower() for name in classifier.model.config.label2id]
    yes = next(i for i, name in enumerate(names) if name.startswith("entail"))
    no = next(i for i, name in enumerate(names) if name.startswith("contra"))
    scores = []
    for inputs in classifier.preprocess(text, labels, template):
        with torch.no_grad():
            logits = classifier._forward(inputs)["logits"][0]
        scores.append(round(torch.sigmoid(logits[yes] - logits[no]).item(), 7))
    return scores


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    golden = {"texts": TEXTS, "labels": LABELS, "templates": TEMPLATES, "max_length": LENGTH, "models": {}}
    for seed, (kind, (settings, names)) in enumerate(MODELS.items()):
        tokenizer = tokenizer_of(kind)
        model = model_of(kind, settings, names, len(tokenizer), 14 + seed)
        folder = HERE / kind
        with tempfile.TemporaryDirectory() as made:
            model.save_pretrained(made)
            tokenizer.save_pretrained(made)
            folder.mkdir(parents=True)
            for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
                (folder / name).write_bytes((Path(made) / name).read_bytes())
        classifier = pipeline("zero-shot-classification", model=model, tokenizer=tokenizer, device="cpu")
        lower = [name.lower() for name in names]
        yes = next(i for i, name in enumerate(lower) if name.startswith("entail"))
        guess = lower[-1 if yes == 0 else 0]
        right = guess.startswith("contra") or guess.startswith("not")
        one, several, single = [], [], []
        for template in TEMPLATES:
            ask = dict(hypothesis_template=template)
            one.append([by_label(classifier(text, LABELS, **ask), LABELS) for text in TEXTS])
            several.append(
                [
                    by_label(classifier(text, LABELS, multi_label=True, **ask), LABELS)
                    if right
                    else own_several(classifier, LABELS, text, template)
                    for text in TEXTS
                ]
            )
            if right:
                single.append([by_label(classifier(text, LABELS[:1], **ask), LABELS[:1]) for text in TEXTS])
        golden["models"][kind] = {
            "classes": names,
            "pipeline": right,
            # [templates, texts, labels]
            "one": one,
            "several": several,
            "single": single if right else None,
        }
        spread = torch.tensor(one).std(-1).mean().item()
        lengths = [len(tokenizer(text, "This example is positive.")["input_ids"]) for text in TEXTS]
        print(kind, names, "spread of scores", round(spread, 3), "pair tokens", lengths)
    (HERE.parent / "nli.json").write_text(json.dumps(golden) + "\n")


main()
