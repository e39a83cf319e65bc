"""Writes TREC and 4,000 seeded rows of SST-2 as pairs of plain CSV files (text,label), so that Headlight and
the HF Trainer read the same rows. Training rows whose text also stands in the test file are dropped, as
Headlight does.

    python bench/finetune/prepare.py ../shared/data OUT
"""
import csv
import sys
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

shared, out = Path(sys.argv[1]), Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)


def write(name, train, test):
    train, test = (part.assign(text=part.text.str.strip())[['text', 'label']] for part in (train, test))
    train = train[~train.text.isin(set(test.text))]
    for part, frame in (('train', train), ('test', test)):
        frame.to_csv(out / f'{name}-{part}.csv', index=False, lineterminator='\n')
    print(name, len(train), len(test))


trec = [pd.read_csv(shared / f'trec/{part}.csv', keep_default_na=False, dtype=str) for part in ('train', 'test')]
write('trec', *(frame.rename(columns={'coarse': 'label'}) for frame in trec))
sst2 = [
    pd.read_csv(shared / f'sst2/{part}.tsv', sep='\t', quoting=csv.QUOTE_NONE, keep_default_na=False, dtype=str)
    .rename(columns={'sentence': 'text'})
    for part in ('train', 'dev')
]
rows, _ = train_test_split(sst2[0], train_size=4000, random_state=0, stratify=sst2[0].label)
write('sst2', rows, sst2[1])
# Named entities: the first 3,000 training and 2,000 test sentences, without the `en:` before each token.
for part, count in (('train', 3000), ('test', 2000)):
    sentences = (shared / f'wikiann_en/{part}').read_text(encoding='utf-8').split('\n\n')[:count]
    lines = '\n\n'.join(
        '\n'.join(line.removeprefix('en:') for line in sentence.split('\n')) for sentence in sentences)
    (out / f'wikiann-{part}.conll').write_text(lines + '\n', encoding='utf-8')
    print('wikiann', part, len(sentences))
