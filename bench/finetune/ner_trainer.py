"""The peer of token classification: the HF Trainer with AutoModelForTokenClassification on CoNLL files.

    python bench/finetune/ner_trainer.py MODEL_FOLDER TRAIN.conll TEST.conll SEED

Prints one JSON object: seqeval's entity-level scores on the test sentences.
"""
import json
import os
import sys

os.environ.setdefault('HF_HUB_OFFLINE', '1')
import numpy as np
import torch
from datasets import Dataset
from seqeval.metrics import f1_score, precision_score, recall_score
from transformers import (AutoModelForTokenClassification, AutoTokenizer, DataCollatorForTokenClassification,
                          Trainer, TrainingArguments, set_seed)

SETTINGS = dict(learning_rate=5e-5, per_device_train_batch_size=16, per_device_eval_batch_size=64,
                num_train_epochs=3, weight_decay=0.01, warmup_steps=0.1)
folder, train_path, test_path, seed = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
torch.set_num_threads(os.cpu_count() or 1)


def sentences(path):
    for block in open(path, encoding='utf-8').read().split('\n\n'):
        pairs = [line.split('\t') for line in block.strip().split('\n') if line.strip()]
        if pairs:
            yield [pair[0] for pair in pairs], [pair[-1] for pair in pairs]


train, test = list(sentences(train_path)), list(sentences(test_path))
tags = sorted({tag for _, sentence in train for tag in sentence})
tokenizer = AutoTokenizer.from_pretrained(folder)


def dataset(part):
    encoded = tokenizer([words for words, _ in part], is_split_into_words=True, truncation=True, max_length=128)
    labels = []
    for i, (_, sentence) in enumerate(part):
        before, row = None, []
        for word in encoded.word_ids(i):
            row.append(-100 if word is None or word == before else tags.index(sentence[word]))
            before = word
        labels.append(row)
    return Dataset.from_dict({**encoded, 'labels': labels})


set_seed(seed)
model = AutoModelForTokenClassification.from_pretrained(folder, num_labels=len(tags))
trainer = Trainer(
    model=model,
    args=TrainingArguments(output_dir='/tmp/headlight-trainer', seed=seed, report_to=[], save_strategy='no',
                           logging_steps=50, disable_tqdm=True, use_cpu=True, **SETTINGS),
    train_dataset=dataset(train), eval_dataset=dataset(test), processing_class=tokenizer,
    data_collator=DataCollatorForTokenClassification(tokenizer))
trainer.train()
output = trainer.predict(dataset(test))
predicted = np.argmax(output.predictions, -1)
true_tags = [[tags[l] for l in row if l != -100] for row in output.label_ids]
predicted_tags = [[tags[p] for p, l in zip(row, labels) if l != -100] for row, labels in zip(predicted, output.label_ids)]
sys.stdout.flush()
print(json.dumps({'seed': seed, 'f1': f1_score(true_tags, predicted_tags),
                  'precision': precision_score(true_tags, predicted_tags),
                  'recall': recall_score(true_tags, predicted_tags), 'train': len(train), 'test': len(test)}))
