"""SentencePiece models of three families and what transformers' converters make of them: ids of singles and pairs.

Run with transformers, tokenizers, sentencepiece and protobuf:  python test/reference/sentencepiece_vocabulary.py

Small Unigram models are trained on the texts below; nothing is downloaded. Their character map is a part of nmt_nfkc:
all of it is 240 kB. `sentencepiece` holds what the library itself gives, without special tokens, for comparison.
"""

import base64
import io
import json
import random
import tempfile
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import sentencepiece
from tokenizers import AddedToken, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import AlbertConverter, DebertaV2Converter, XLMRobertaConverter

CORPUS = """The parcel has not arrived, and I would like to know where it is.
It was a good film, not a bad one; we liked the ending very much.
She said that 1,000 people came in 2019, and 25 left early.
Where is the nearest station? I have been waiting for 40 minutes!
naïve café déjà vu, Über den Wolken, señor, façade, Ångström
これは漢字とかなの文です。 中文字符也在这里。
the quick brown fox jumps over the lazy dog again and again
unhappiness, unlikely, undoing, rearranging, misunderstanding""".split("\n")
WORDS = " ".join(CORPUS).split()
SHUFFLED = [" ".join(random.Random(seed).sample(WORDS, 8)) for seed in range(400)]

TEXTS = [
    "The parcel has not arrived, and I'd like to know where it is.",
    "a",
    "",
    " ",
    " \t\n ",
    "  leading and trailing  ",
    "double  spaces   and\ttabs\t\tand\nnew\r\nlines",
    "naïve café déjà vu: Über",
    "nai\u0308ve cafe\u0301 decomposed, A\u030angstro\u0308m",
    "ＦＵＬＬ　ｗｉｄｔｈ １２３！",
    "ﬁne ﬂow, x² + ½ and ™",
    "漢字とかな mixed with English これは文です。",
    "ﾊﾝｶｸ カタカナ ｶﾞ Ａ\u0301",
    "emoji 🙂🙂 🙂 family 👩‍👩‍👧 flag 🇩🇪",
    "unknown Ж я ש ب 한 mixed Ж",
    "zero\u200bwidth, no\u00a0break, thin\u2009space, bom\ufeff, soft\u00adhyphen",
    "control \x00\x01\x07 characters\x7f and \x85 \ufffd",
    "▁ the sign itself ▁the▁parcel",
    "1,000 and 2019, 25, 9,",
    "``quoted'' and ''so'' ``",
    "ΣΑΣ ΟΔΟΣ İstanbul STRASSE ẞ",
    "[MASK] and [CLS] <mask> <s> are names, so is <sym>here",
    "A well-known (not-so) film. www.film.com, 1.5",
    "misunderstanding" * 12,
    "constructor toString __proto__ hasOwnProperty",
    "～ wave 〜 ~",
    "𝓶𝓪𝓽𝓱 𠀀",
]
PAIRS = [["where is it?", "It has not arrived."], ["", "alone"], ["  a", "b  "]]


def rules(fold: bool) -> str:
    """As nmt_nfkc, or nmt_nfkc_cf, of some blocks: lines of code points, a tab, what they become."""
    lines: dict[str, str] = {}
    code = lambda text: " ".join(f"{ord(char):X}" for char in text)
    blocks = [(0xA0, 0x180), (0x2000, 0x2070), (0x2070, 0x2190), (0x3000, 0x3002), (0xFB00, 0xFB07), (0xFF01, 0xFFEF)]
    blocks += [(0x1D4D0, 0x1D504)]
    for first, end in blocks:
        for point in range(first, end):
            char = chr(point)
            normal = unicodedata.normalize("NFKC", char)
            if char == "～" or normal == char:
                continue
            lines[code(char)] = code(normal)
    for point in range(0xC0, 0x180):
        decomposed = unicodedata.normalize("NFD", chr(point))
        if decomposed != chr(point):
            lines[code(decomposed)] = code(chr(point))
    for point in [9, 0xA, 0xC, 0xD, 0x85, 0x1680, *range(0x2000, 0x2010), 0x2028, 0x2029, 0x202F, 0x205F, 0x2581, 0x3000, 0xFEFF, 0xFFFD]:
        lines[f"{point:X}"] = "20"
    for point in [*range(1, 9), 0xB, *range(0xE, 0x20), 0x7F, 0x8F, 0x9F]:
        lines[f"{point:X}"] = ""
    if fold:
        lines.update({code(chr(point)): code(chr(point).lower()) for point in range(ord("A"), ord("Z") + 1)})
    return "".join(f"{source}\t{target}\n" for source, target in lines.items())


def train(folder: Path, charsmap: str, **options) -> bytes:
    made = io.BytesIO()
    if charsmap != "none":
        (folder / "rules.tsv").write_text(rules(charsmap == "fold"))
        options["normalization_rule_tsv"] = str(folder / "rules.tsv")
    else:
        options["normalization_rule_name"] = "identity"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS + SHUFFLED),
        model_writer=made,
        vocab_size=230,
        character_coverage=1.0,
        hard_vocab_limit=False,
        minloglevel=2,
        **options,
    )
    return made.getvalue()


DEBERTA = dict(pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]")
ALBERT = dict(pad_id=0, unk_id=1, bos_id=2, eos_id=3, bos_piece="[CLS]", eos_piece="[SEP]", control_symbols=["[MASK]"], user_defined_symbols=["(", ")", "-", "."])
BERT_NAMES = dict(bos_token="[CLS]", eos_token="[SEP]", sep_token="[SEP]", cls_token="[CLS]")
MADE = [
    ("deberta-v2", "spm.model", "nfkc", DEBERTA, {"do_lower_case": False}),
    ("deberta-v2", "spm.model", "none", {**DEBERTA, "user_defined_symbols": ["<sym>"]}, {"do_lower_case": True, "split_by_punct": True}),
    ("albert", "spiece.model", "nfkc", ALBERT, {}),
    ("albert", "spiece.model", "nfkc", ALBERT, {"do_lower_case": False, "keep_accents": True}),
    ("xlm-roberta", "sentencepiece.bpe.model", "nfkc", {}, {}),
    ("xlm-roberta", "sentencepiece.bpe.model", "fold", {}, {}),
]


def converted(kind: str, path: Path, settings: dict):
    """What transformers' converter makes, with the special tokens that its fast tokenizer then adds."""
    original = SimpleNamespace(vocab_file=str(path))
    if kind == "deberta-v2":
        original.do_lower_case = settings.get("do_lower_case", False)
        original.split_by_punct = settings.get("split_by_punct", False)
        converter, names = DebertaV2Converter, {**BERT_NAMES, "unk_token": "[UNK]", "pad_token": "[PAD]", "mask_token": "[MASK]"}
    elif kind == "albert":
        original.do_lower_case = settings.get("do_lower_case", True)
        original.keep_accents = settings.get("keep_accents", False)
        converter, names = AlbertConverter, {**BERT_NAMES, "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "[MASK]"}
    else:
        converter = XLMRobertaConverter
        names = dict(bos_token="<s>", eos_token="</s>", sep_token="</s>", cls_token="<s>", unk_token="<unk>", pad_token="<pad>", mask_token=AddedToken("<mask>", lstrip=True, special=True))
    made = converter(original)
    if kind == "albert":
        # ALBERT's marks are the user's pieces. As tokens set apart, which the converter makes of them since 2024, a space
        # would come after each; the published tokenizer.json and SentencePiece itself have them as any piece.
        for piece in made.proto.pieces:
            piece.type = 1 if piece.type == 4 else piece.type
    vocabulary = [piece for piece, _ in made.vocab(made.proto)]
    original.convert_tokens_to_ids = vocabulary.index
    tokenizer = made.converted()
    if kind == "albert":
        # As the published tokenizer.json and transformers 5: no token for a space at the end, which training had none for.
        own = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), own])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


cases = []
for kind, name, charsmap, options, settings in MADE:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        model = train(folder, charsmap, **options)
        (folder / name).write_bytes(model)
        tokenizer = converted(kind, folder / name, settings)
        own = sentencepiece.SentencePieceProcessor(model_proto=model)
        cases.append(
            {
                "config": {"model_type": kind},
                "name": name,
                "settings": settings,
                "model": base64.b64encode(model).decode(),
                "vocabulary": len(tokenizer),
                "ids": [tokenizer(text)["input_ids"] for text in TEXTS],
                "pairs": [tokenizer(a, b)["input_ids"] for a, b in PAIRS],
                "sentencepiece": [own.encode(text.replace("\x00", "")) for text in TEXTS],
            }
        )
        print(kind, len(model), "bytes", len(tokenizer), "tokens")

bpe = io.BytesIO()
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(CORPUS + SHUFFLED), model_writer=bpe, vocab_size=180, model_type="bpe", hard_vocab_limit=False,
    normalization_rule_name="identity", character_coverage=1.0, minloglevel=2,
)
golden = {"texts": TEXTS, "pairs": PAIRS, "cases": cases, "bpe": base64.b64encode(bpe.getvalue()).decode()}
path = Path(__file__).parent / "golden" / "sentencepiece.json"
path.write_text(json.dumps(golden, ensure_ascii=False) + "\n")
