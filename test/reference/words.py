"""Golden words for byte-level tokenizers (RoBERTa, GPT-2, DeBERTa v1), by Hugging Face `transformers`.

A small BPE is trained on the sentences; `tokenizer.json` is kept as the Hub has it (no space before the first word),
and the golden ids are those of the class with `add_prefix_space=True`, which `transformers` demands for words that
come split.

Run in an environment with `transformers`:  python test/reference/words.py
"""

import json
from pathlib import Path

from tokenizers import ByteLevelBPETokenizer
from transformers import DebertaTokenizerFast, GPT2TokenizerFast, RobertaTokenizerFast

here = Path(__file__).parent
sentences = [
    ["EU", "rejects", "German", "call", "to", "boycott", "British", "lamb", "."],
    ["Herzlia", "''", "(", "Baden-Württemberg", ")", "–", "''Qaṭar''"],
    ["@paulwalk", "It", "'s", "the", "view", "from", "Empire", "State", "Building", "#NYC"],
    ["Straße", "東京都", "한국어", "Zürich", "1,000,000", "U.S.A."],
    ["👩‍👩‍👧‍👦", "x" * 40, "end"],
    ["word"] * 20,
    [],
]
corpus = [" ".join(words) for words in sentences] * 3
bpe = ByteLevelBPETokenizer(add_prefix_space=False)
bpe.train_from_iterator(
    corpus, vocab_size=420, min_frequency=2, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], show_progress=False
)
bert = ByteLevelBPETokenizer(add_prefix_space=False)
bert.train_from_iterator(
    corpus, vocab_size=420, min_frequency=2, special_tokens=["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"], show_progress=False
)


def parts(tokenizer):
    model = json.loads(tokenizer.to_str())["model"]
    return {"vocab": model["vocab"], "merges": [tuple(m.split(" ") if isinstance(m, str) else m) for m in model["merges"]]}


FAMILIES = {
    "roberta": (RobertaTokenizerFast, bpe, {}),
    "gpt2": (GPT2TokenizerFast, bpe, {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}),
    "deberta": (DebertaTokenizerFast, bert, {}),
}
golden = {}
for name, (kind, tokenizer, special) in FAMILIES.items():
    plain = kind(**parts(tokenizer), add_prefix_space=False, **special)
    spaced = kind(**parts(tokenizer), add_prefix_space=True, **special)
    cases = []
    for words in sentences:
        case = {"words": words}
        for limit in [4, 9, 40]:
            out = spaced(words, is_split_into_words=True, truncation=True, max_length=limit)
            case[str(limit)] = [out["input_ids"], [-1 if w is None else w for w in out.word_ids()]]
        cases.append(case)
    text = "It 's the view from Zürich"
    golden[name] = {
        "tokenizer": json.loads(plain.backend_tokenizer.to_str()),
        "text": [text, plain(text)["input_ids"]],
        "words": cases,
    }
(here / "golden" / "words.json").write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")
