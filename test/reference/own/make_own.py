"""Tiny checkpoints with classifiers of their own, really trained for a moment, and what `transformers` says with them.

- sentiment: DistilBERT, one class a text (NEGATIVE, NEUTRAL, POSITIVE);
- topics: RoBERTa, byte-level, several labels a text;
- names: RoBERTa, byte-level, a tag a word (O, B-PER, I-PER, B-LOC), its words read with `add_prefix_space=True`.

Each stands in a folder as `save_pretrained` writes it; golden.json holds texts, labels and probabilities.

Run with torch and transformers:  python test/reference/own/make_own.py
"""

import json
import random
import shutil
from pathlib import Path

import torch
from tokenizers import ByteLevelBPETokenizer, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    DistilBertConfig,
    DistilBertForSequenceClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
    RobertaForTokenClassification,
    RobertaTokenizerFast,
)

HERE = Path(__file__).parent
torch.set_num_threads(1)
rng = random.Random(7)

WORDS = {
    "POSITIVE": "great lovely superb happy bright".split(),
    "NEGATIVE": "awful dreadful boring sad dull".split(),
    "NEUTRAL": "plain usual common average middling".split(),
}
SUBJECTS = "the film the book this song that play our trip".replace("the ", "the_").replace("this ", "this_")
SUBJECTS = [s.replace("_", " ") for s in SUBJECTS.replace("that ", "that_").replace("our ", "our_").split()]
ENDS = ["", " today", " as they said", " to me", " in the end"]


def sentiment_rows(count):
    rows = []
    for _ in range(count):
        label = rng.choice(sorted(WORDS))
        word, other = rng.choice(WORDS[label]), rng.choice(WORDS[rng.choice(sorted(WORDS))])
        rest = f" and {rng.choice(WORDS[label])}" if rng.random() < 0.5 else f" but not {other}"
        rows.append((f"{rng.choice(SUBJECTS)} was {word}{rest}{rng.choice(ENDS)}", label))
    return rows


TOPICS = {"Sport": ["goal", "match", "team"], "Money": ["bank", "price", "tax"], "Weather": ["rain", "snow", "wind"]}


def topic_rows(count):
    rows = []
    for _ in range(count):
        labels = [topic for topic in TOPICS if rng.random() < 0.45] or [rng.choice(list(TOPICS))]
        words = [rng.choice(TOPICS[topic]) for topic in labels] + rng.sample(["news", "of", "the", "day", "again"], 3)
        rng.shuffle(words)
        rows.append((" ".join(words), labels))
    return rows


PEOPLE = ["Ada Lovelace", "Alan", "Grace Hopper", "Emmy"]
PLACES = ["Paris", "Oslo", "Lima"]


def name_rows(count):
    rows = []
    for _ in range(count):
        words, tags = [], []
        for piece in rng.choice(["P went to L", "in L P saw P", "L is far", "P and P met", "they left L"]).split():
            if piece == "P":
                person = rng.choice(PEOPLE).split()
                words += person
                tags += ["B-PER"] + ["I-PER"] * (len(person) - 1)
            elif piece == "L":
                words.append(rng.choice(PLACES))
                tags.append("B-LOC")
            else:
                words.append(piece)
                tags.append("O")
        rows.append((words, tags))
    return rows


def wordpiece(texts):
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + sorted({w for text in texts for w in text.split()})
    tokenizer = Tokenizer(models.WordPiece({w: i for i, w in enumerate(vocab)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {f"{n}_token": f"[{n.upper()}]" for n in ["pad", "cls", "sep", "mask"]}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", model_max_length=40, **names)


def byte_level(texts, spaced):
    bpe = ByteLevelBPETokenizer(add_prefix_space=spaced)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    bpe.train_from_iterator(texts, vocab_size=360, min_frequency=2, special_tokens=special, show_progress=False)
    model = json.loads(bpe.to_str())["model"]
    merges = [tuple(m.split(" ") if isinstance(m, str) else m) for m in model["merges"]]
    return RobertaTokenizerFast(vocab=model["vocab"], merges=merges, add_prefix_space=spaced, model_max_length=40)


def fit(model, batch, steps, rate=5e-3):
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    for _ in range(steps):
        loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
    return loss.item()


def save(name, model, tokenizer):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for path in folder.iterdir():
        if path.name not in {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}:
            path.unlink()


def ids_of(names):
    return {"id2label": dict(enumerate(names)), "label2id": {name: i for i, name in enumerate(names)}}


def rounded(tensor):
    return [[round(v, 10) for v in row] for row in tensor.tolist()]


golden = {}

# ------------------------------------------------------------------------------------------------ one class a text
names = ["NEGATIVE", "NEUTRAL", "POSITIVE"]
rows = sentiment_rows(160)
tokenizer = wordpiece([text for text, _ in rows])
torch.manual_seed(1)
model = DistilBertForSequenceClassification(
    DistilBertConfig(
        vocab_size=len(tokenizer), dim=16, n_layers=2, n_heads=2, hidden_dim=24, max_position_embeddings=40, **ids_of(names)
    )
)
train = rows[:60]
batch = tokenizer([text for text, _ in train], return_tensors="pt", padding=True, return_token_type_ids=False)
print("sentiment", fit(model, {**batch, "labels": torch.tensor([names.index(label) for _, label in train])}, 150))
save("sentiment", model, tokenizer)
with torch.no_grad():
    fed = tokenizer([text for text, _ in rows], return_tensors="pt", padding=True, return_token_type_ids=False)
    probabilities = torch.softmax(model(**fed).logits.double(), -1)
golden["sentiment"] = {
    "classes": names,
    "texts": [text for text, _ in rows],
    "labels": [label.lower() for _, label in rows],
    "probabilities": rounded(probabilities),
}

# ------------------------------------------------------------------------------------------- several labels a text
names = list(TOPICS)
rows = topic_rows(120)
tokenizer = byte_level([text for text, _ in rows], False)
torch.manual_seed(2)
small = dict(
    vocab_size=len(tokenizer),
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=24,
    max_position_embeddings=42,
    type_vocab_size=1,
)
model = RobertaForSequenceClassification(
    RobertaConfig(**small, problem_type="multi_label_classification", **ids_of(names))
)
targets = torch.tensor([[float(name in labels) for name in names] for _, labels in rows])
batch = tokenizer([text for text, _ in rows[:60]], return_tensors="pt", padding=True)
print("topics", fit(model, {**batch, "labels": targets[:60]}, 250))
save("topics", model, tokenizer)
with torch.no_grad():
    probabilities = torch.sigmoid(model(**tokenizer([text for text, _ in rows], return_tensors="pt", padding=True)).logits.double())
golden["topics"] = {
    "classes": names,
    "texts": [text for text, _ in rows],
    "labels": [labels for _, labels in rows],
    "probabilities": rounded(probabilities),
}

# ------------------------------------------------------------------------------------------------------ a tag a word
names = ["O", "B-PER", "I-PER", "B-LOC"]
rows = name_rows(90)
spaced = byte_level([" " + " ".join(words) for words, _ in rows], True)
torch.manual_seed(3)
model = RobertaForTokenClassification(RobertaConfig(**{**small, "vocab_size": len(spaced)}, **ids_of(names)))


def encoded(some):
    fed = spaced([words for words, _ in some], is_split_into_words=True, return_tensors="pt", padding=True)
    firsts = []
    for at in range(len(some)):
        ids = fed.word_ids(at)
        firsts.append([ids.index(word) for word in range(len(some[at][0]))])
    return fed, firsts


fed, firsts = encoded(rows[:50])
labels = torch.full(fed["input_ids"].shape, -100)
for at, (_, tags) in enumerate(rows[:50]):
    for place, tag in zip(firsts[at], tags):
        labels[at, place] = names.index(tag)
print("names", fit(model, {**fed, "labels": labels}, 30))
# As the Hub has it: the tokenizer of the plain model, which puts no space before a text.
plain = json.loads(spaced.backend_tokenizer.to_str())
save("names", model, spaced)
plain["pre_tokenizer"]["add_prefix_space"] = False
(HERE / "names" / "tokenizer.json").write_text(json.dumps(plain))
fed, firsts = encoded(rows)
with torch.no_grad():
    logits = model(**fed).logits.double()
golden["names"] = {
    "classes": names,
    "words": [words for words, _ in rows],
    "tags": [tags for _, tags in rows],
    "probabilities": [rounded(torch.softmax(logits[at, firsts[at]], -1)) for at in range(len(rows))],
}

for name, one in golden.items():
    flat = [row for text in one["probabilities"] for row in (text if isinstance(text[0], list) else [text])]
    print(name, len(flat), sorted({max(range(len(row)), key=row.__getitem__) for row in flat}))
(HERE / "golden.json").write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")
