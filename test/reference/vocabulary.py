"""What AutoTokenizer makes of a vocabulary without tokenizer.json, for each family: ids of singles and pairs.

Run with transformers and tokenizers:  python test/reference/vocabulary.py

Small vocabularies are trained on the texts below; nothing is downloaded.
"""

import json
import os
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
from tokenizers import ByteLevelBPETokenizer, BertWordPieceTokenizer
from transformers import AutoTokenizer

TEXTS = [
    "The parcel has not arrived, and I'd like to know where it is.",
    "Ünïcödé naïve café – déjà vu!",
    "tabs\tand  two spaces\nand a new line",
    "漢字とかな mixed with English",
    "  leading and trailing  ",
    "",
    "constructor toString __proto__ 12345 #hash @user 🙂",
    "an unlikelyverylongwordthatissplitintomanypieces",
]
PAIRS = [["where is it?", "It has not arrived."], ["", "alone"]]

golden = []
with tempfile.TemporaryDirectory() as made:
    folder = Path(made)
    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(TEXTS * 3))
    for lower in (True, False):
        wordpiece = BertWordPieceTokenizer(lowercase=lower)
        wordpiece.train([str(corpus)], vocab_size=240, min_frequency=1)
        pieces = sorted(wordpiece.get_vocab(), key=wordpiece.get_vocab().get)
        for kind in ("bert", "distilbert", "electra", "mpnet"):
            vocabulary = pieces
            if kind == "mpnet":
                inner = [p for p in pieces if p not in ("[PAD]", "[CLS]", "[SEP]", "[MASK]")]
                vocabulary = ["<s>", "<pad>", "</s>"] + inner + ["<mask>"]
            golden.append(
                {
                    "config": {"model_type": kind},
                    "files": {
                        "vocab.txt": "\n".join(vocabulary) + "\n",
                        "tokenizer_config.json": json.dumps({"do_lower_case": lower}),
                    },
                }
            )
    # BioBERT and others say nothing of case.
    for kind in ("bert", "electra"):
        golden.append(
            {"config": {"model_type": kind}, "files": {"vocab.txt": "\n".join(pieces) + "\n"}}
        )
    for kind in ("roberta", "gpt2", "gpt_neo", "deberta"):
        special = {
            "roberta": ["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
            "deberta": ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"],
        }.get(kind, ["<|endoftext|>"])
        bpe = ByteLevelBPETokenizer()
        bpe.train([str(corpus)], vocab_size=380, min_frequency=1, special_tokens=special)
        bpe.save_model(str(folder))
        golden.append(
            {
                "config": {"model_type": kind},
                "files": {
                    "vocab.json": (folder / "vocab.json").read_text(),
                    "merges.txt": (folder / "merges.txt").read_text(),
                },
            }
        )
for case in golden:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "config.json").write_text(json.dumps(case["config"]))
        for name, content in case["files"].items():
            (folder / name).write_text(content)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        case["ids"] = [tokenizer(text)["input_ids"] for text in TEXTS]
        case["pairs"] = [tokenizer(a, b)["input_ids"] for a, b in PAIRS]

path = Path(__file__).parent / "golden" / "vocabulary.json"
path.write_text(json.dumps({"texts": TEXTS, "pairs": PAIRS, "cases": golden}, ensure_ascii=False) + "\n")
