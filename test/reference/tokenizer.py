"""Golden token ids for test/unit/models/text/tokenizer.test.ts, by Hugging Face `transformers`.

Run in an environment with `transformers`:  python test/reference/tokenizer.py
"""

import json
from pathlib import Path

from transformers import PreTrainedTokenizerFast

here = Path(__file__).parent
model = here.parent.parent / "public/models/all-MiniLM-L6-v2"
tokenizer = PreTrainedTokenizerFast(
    tokenizer_file=str(model / "tokenizer.json"),
    **{k: v for k, v in json.loads((model / "tokenizer_config.json").read_text()).items() if k.endswith("_token")},
)

texts = [
    "",
    " ",
    "\n\t \r\n",
    "Hello, world!",
    "hello world",
    "a",
    "The quick brown fox jumps over the lazy dog.",
    "Ünïcödé àccénts: naïve café, Ångström, señor, façade, Zürich",
    "e\u0301 n\u0303 decomposed accents, and precomposed \u00e9 \u00f1",
    "\u0130stanbul I\u0307 \u0131 Turkish dotted and dotless i",
    "Straße, ẞ, ﬁ ligature, Œuvre, Æther, ĳ",
    "中文字符 mixed with English和日本語テキスト、ひらがな。",
    "한국어 문장입니다. 조합형 \u1112\u1161\u11ab",
    "𠀀𠀁𪛖 rare ideographs beyond the BMP, 𝓶𝓪𝓽𝓱 letters",
    "😀😃 emoji 👩‍👩‍👧‍👦 family 🏳️‍🌈 flag 👍🏽 skin tone",
    "control\x00chars\x01and\x7fdelete\u0085next\u200bzero\u200dwidth\ufeffbom\ufffdreplacement",
    "soft\u00adhyphen, non\u00a0breaking, thin\u2009space, ideographic\u3000space, line\u2028sep",
    "RTL עִבְרִית and العَرَبِيَّة text \u202eoverride\u202c",
    "ไทยไม่มีช่องว่าง हिन्दी में वाक्य தமிழ்",
    "Ελληνικά ΤΕΛΟΣ ς σ; Кириллица ЁЖ ёж й",
    "punctuation!!!???...;:'\"()[]{}<>|\\/@#$%^&*_-+=~`",
    "“curly” ‘quotes’ — dashes – ellipsis… « guillemets » ¿qué? ¡sí!",
    "$100 €50 £20 ¥300 ₿1 50% 3.14159 1,000,000 1e-5 0x1F",
    "don't can't it's o'clock rock'n'roll U.S.A. e.g. i.e.",
    "http://example.com/a?b=c&d=e#f user@example.org C:\\path\\file.txt",
    "[CLS] literal [SEP] special [MASK] tokens [PAD] in [UNK] text",
    "[cls] lower [sep] case <s> </s> <pad>",
    "x" * 99,
    "x" * 100,
    "x" * 101,
    "word " * 600,
    "pneumonoultramicroscopicsilicovolcanoconiosis antidisestablishmentarianism",
    "tab\tseparated\tcells\nand\r\nnew lines\vvertical\fform feed",
    "ALL CAPS SHOUTING and MiXeD cAsE",
    "²³¹ superscripts ½ ¼ fractions ① ② Ⅷ roman ℃ ℡ ㎏",
    "Zalgo t\u0337e\u0334x\u0336t\u0353 with\u0300\u0301\u0302 stacks",
    "中" * 300,
    "...........................",
    "a" + "\u0301" * 200,
    "naïve" * 40,
    "private use \ue000 \uf8ff, unassigned \u0378, noncharacter \ufdd0",
    "##ing ## # hash ##prefix",
]

cases = []
for text in texts:
    case = {"text": text, "count": len(tokenizer(text)["input_ids"])}
    for limit in (3, 8, 64, 256):
        case[str(limit)] = tokenizer(text, truncation=True, max_length=limit)["input_ids"]
    cases.append(case)

path = here / "golden/tokenizer.json"
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps(cases, ensure_ascii=True, separators=(",", ":")).replace('},{', '},\n{') + "\n")
print(len(cases), "cases ->", path)
