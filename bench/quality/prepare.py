"""Writes the five benchmark sets as pairs of plain CSV files (text,label), so that every tool reads the
same rows. SST-2: 2,000 seeded training rows and the 872 dev rows. SMS spam: an 80/20 stratified split. AG News:
4,000 seeded training rows (its 21,691 take an hour for all the tools on two cores), all 7,600 test rows.

    python bench/quality/prepare.py ../shared/data OUT
"""
import csv, json, sys
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

shared, out = Path(sys.argv[1]), Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)


def tsv(path, **kw):
    return pd.read_csv(path, sep='\t', quoting=csv.QUOTE_NONE, keep_default_na=False, dtype=str, **kw)


def table(path):
    return pd.read_csv(path, keep_default_na=False, dtype=str)


def write(name, train, test):
    sizes = {}
    for part, frame in (('train', train), ('test', test)):
        frame = frame.assign(text=frame.text.str.strip(), label=frame.label.str.strip())
        frame[['text', 'label']].to_csv(out / f'{name}-{part}.csv', index=False, lineterminator='\n')
        sizes[part] = len(frame)
    print(json.dumps({'set': name, **sizes}))


sst_train = tsv(shared / 'sst2/train.tsv').rename(columns={'sentence': 'text'})
sst_train, _ = train_test_split(sst_train, train_size=2000, random_state=0, stratify=sst_train.label)
write('sst2', sst_train, tsv(shared / 'sst2/dev.tsv').rename(columns={'sentence': 'text'}))
write('trec', *(table(shared / f'trec/{p}.csv').rename(columns={'coarse': 'label'}) for p in ('train', 'test')))
sms = tsv(shared / 'sms_spam/sms.tsv', header=None, names=['label', 'text'])
write('sms', *train_test_split(sms, test_size=0.2, random_state=0, stratify=sms.label))
write('banking77', *(table(shared / f'banking77/{p}.csv').rename(columns={'category': 'label'}) for p in ('train', 'test')))
ag_train, _ = train_test_split(table(shared / 'ag_news/train.csv'), train_size=4000, random_state=0)
write('ag_news', ag_train, table(shared / 'ag_news/test.csv'))
