"""Golden pairs and words for test/unit/models/text/sequences.test.ts, by Hugging Face `transformers`.

Run in an environment with `transformers`:  python test/reference/sequences.py
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
    "a",
    "Hello, world!",
    "A man inspects the uniform of a figure in some East Asian country.",
    "The man is sleeping.",
    "Ünïcödé àccénts: naïve café, Ångström",
    "中文字符 mixed with English和日本語",
    "ΤΕΛΟΣ 𠀀𠀁 emoji 👩‍👩‍👧‍👦",
    "one two three four five six seven eight nine ten eleven twelve",
    "[SEP] literal [MASK] tokens",
]
limits = [6, 7, 8, 11, 16, 64]
pairs = []
for i, first in enumerate(texts):
    for second in (texts[(i + 1) % len(texts)], texts[(3 * i + 4) % len(texts)]):
        case = {"text": first, "pair": second}
        for limit in limits:
            # As a batch, as data sets are mapped: alone, an empty second text would not count as one.
            out = tokenizer([first], [second], truncation=True, max_length=limit, return_token_type_ids=True)
            case[str(limit)] = [out["input_ids"][0], out["token_type_ids"][0]]
        pairs.append(case)

sentences = [
    ["EU", "rejects", "German", "call", "to", "boycott", "British", "lamb", "."],
    ["Herzlia", "''", "(", "Baden-Württemberg", ")", "–", "''Qaṭar''"],
    ["@paulwalk", "It", "'s", "the", "view", "from", "Empire", "State", "Building", "=", "ESB", "#NYC"],
    ["Ἀθῆναι", "ΤΕΛΟΣ", "İstanbul", "Straße", "東京都", "ひらがな", "한국어", "Zürich"],
    ["http://example.com/a?b=c", "user@example.org", "rock'n'roll", "U.S.A.", "1,000,000"],
    ["👩‍👩‍👧‍👦", "𠀀𠀁𪛖", "e\u0301te\u0301", "soft\u00adhyphen", "x" * 120, "end"],
    ["[SEP]", "literal", "[MASK]", "##ing"],
    # What Headlight makes of words of which nothing is left; they have no token in transformers.
    ["before", "[UNK]", "between", "[UNK]", "after"],
    ["word"] * 40,
    [],
]
words = []
for sentence in sentences:
    case = {"words": sentence}
    for limit in [3, 8, 12, 64]:
        out = tokenizer(sentence, is_split_into_words=True, truncation=True, max_length=limit)
        case[str(limit)] = [out["input_ids"], [-1 if w is None else w for w in out.word_ids()]]
    words.append(case)

(here / "golden" / "sequences.json").write_text(
    json.dumps({"limits": limits, "pairs": pairs, "words": words}) + "\n"
)
