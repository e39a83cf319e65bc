"""Exports all-MiniLM-L6-v2 as the Hub's ONNX repositories carry it (last_hidden_state, dynamic shapes), so
that transformers.js' own pipeline can be timed on the same weights.

    python bench/embedding/export_peer.py MODEL_FOLDER OUT_FOLDER
"""
import shutil, sys
from pathlib import Path

import torch
from transformers import AutoModel

source, out = Path(sys.argv[1]), Path(sys.argv[2])
(out / 'onnx').mkdir(parents=True, exist_ok=True)
model = AutoModel.from_pretrained(source, attn_implementation='eager').eval().requires_grad_(False)


class Peer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state


ids = torch.ones(2, 8, dtype=torch.long)
names = ['input_ids', 'attention_mask', 'token_type_ids']
torch.onnx.export(
    Peer(), (ids, ids, ids * 0), str(out / 'onnx/model.onnx'), input_names=names, output_names=['last_hidden_state'],
    dynamic_axes={n: {0: 'batch', 1: 'tokens'} for n in [*names, 'last_hidden_state']}, opset_version=17, dynamo=False)
for name in ('config.json', 'tokenizer.json', 'tokenizer_config.json'):
    shutil.copy(source / name, out / name)
