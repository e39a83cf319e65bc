"""The peer of the quality comparison: the HF Trainer on one pair of CSV files (text,label), one seed.

    python bench/finetune/trainer.py MODEL_FOLDER TRAIN.csv TEST.csv SEED

Prints one JSON object: test accuracy, training seconds, the losses that were logged. The settings stand in
SETTINGS; bench/finetune/quality.ts gives Headlight the same ones.
"""
import json
import os
import sys
import time

os.environ.setdefault('HF_HUB_OFFLINE', '1')
import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from transformers import (AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, Trainer,
                          TrainingArguments, set_seed)

SETTINGS = dict(learning_rate=5e-5, per_device_train_batch_size=16, per_device_eval_batch_size=64,
                num_train_epochs=3, weight_decay=0.01, warmup_steps=0.1)

folder, train_path, test_path, seed = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
torch.set_num_threads(os.cpu_count() or 1)
train, test = (pd.read_csv(path, keep_default_na=False, dtype=str) for path in (train_path, test_path))
classes = sorted(train.label.unique())
tokenizer = AutoTokenizer.from_pretrained(folder)


def dataset(frame):
    encoded = tokenizer(list(frame.text), truncation=True, max_length=128)
    return Dataset.from_dict({**encoded, 'labels': [classes.index(label) for label in frame.label]})


set_seed(seed)
model = AutoModelForSequenceClassification.from_pretrained(
    folder, num_labels=len(classes), id2label=dict(enumerate(classes)),
    label2id={label: i for i, label in enumerate(classes)})
trainer = Trainer(
    model=model,
    args=TrainingArguments(output_dir='/tmp/headlight-trainer', seed=seed, report_to=[], save_strategy='no',
                           logging_steps=50, disable_tqdm=True, use_cpu=True, **SETTINGS),
    train_dataset=dataset(train), eval_dataset=dataset(test), processing_class=tokenizer,
    data_collator=DataCollatorWithPadding(tokenizer),
    compute_metrics=lambda p: {'accuracy': float((np.argmax(p.predictions, -1) == p.label_ids).mean())})
started = time.perf_counter()
trainer.train()
seconds = time.perf_counter() - started
metrics = trainer.evaluate()
predictions = np.argmax(trainer.predict(dataset(test)).predictions, -1).tolist()
sys.stdout.flush()
print(json.dumps({
    'seed': seed, 'test_accuracy': metrics['eval_accuracy'], 'seconds': seconds, 'train_rows': len(train),
    'losses': [entry['loss'] for entry in trainer.state.log_history if 'loss' in entry],
    'predictions': predictions}))
