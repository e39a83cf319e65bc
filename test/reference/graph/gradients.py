"""Golden values of gradients and of AdamW, made by PyTorch in float64 (AdamW: float32 settings, float64 values).

    /opt/ref/bin/python test/reference/graph/gradients.py

writes gradients.json beside it: a small BERT encoder (two layers, two heads, mean pooling, a linear head,
cross-entropy with label smoothing) with its loss and the gradient of every parameter, and three parameters
after five AdamW steps with clipping.
"""
import json
import math
from pathlib import Path

import torch
from torch.nn import functional as F

torch.manual_seed(20261121)
torch.set_default_dtype(torch.float64)

VOCABULARY, HIDDEN, HEADS, INNER, LAYERS, CLASSES = 11, 8, 2, 12, 2, 3
BATCH, TOKENS = 2, 4


def rounded(*shape):
    return torch.round(torch.randn(*shape) * 0.5 * 1024) / 1024


def flat(tensor):
    return [round(value, 9) for value in tensor.detach().reshape(-1).tolist()]


parameters = {
    'embeddings.word': rounded(VOCABULARY, HIDDEN),
    'embeddings.position': rounded(TOKENS, HIDDEN),
    'embeddings.norm.weight': 1 + rounded(HIDDEN) / 4,
    'embeddings.norm.bias': rounded(HIDDEN),
}
for layer in range(LAYERS):
    for name in ('query', 'key', 'value', 'attention'):
        parameters[f'layer.{layer}.{name}.weight'] = rounded(HIDDEN, HIDDEN)
        parameters[f'layer.{layer}.{name}.bias'] = rounded(HIDDEN)
    parameters[f'layer.{layer}.inner.weight'] = rounded(INNER, HIDDEN)
    parameters[f'layer.{layer}.inner.bias'] = rounded(INNER)
    parameters[f'layer.{layer}.outer.weight'] = rounded(HIDDEN, INNER)
    parameters[f'layer.{layer}.outer.bias'] = rounded(HIDDEN)
    for name in ('norm1', 'norm2'):
        parameters[f'layer.{layer}.{name}.weight'] = 1 + rounded(HIDDEN) / 4
        parameters[f'layer.{layer}.{name}.bias'] = rounded(HIDDEN)
parameters['classifier.weight'] = rounded(CLASSES, HIDDEN)
parameters['classifier.bias'] = rounded(CLASSES)
for value in parameters.values():
    value.requires_grad_()

ids = torch.tensor([[1, 5, 5, 0], [10, 1, 7, 5]])
mask = torch.tensor([[1.0, 1, 1, 0], [1, 1, 1, 1]])
labels = torch.tensor([2, 0])


def linear(x, name):
    return F.linear(x, parameters[f'{name}.weight'], parameters[f'{name}.bias'])


def norm(x, name):
    return F.layer_norm(x, (HIDDEN,), parameters[f'{name}.weight'], parameters[f'{name}.bias'], 1e-12)


def heads(x):
    return x.view(BATCH, TOKENS, HEADS, HIDDEN // HEADS).transpose(1, 2)


x = norm(parameters['embeddings.word'][ids] + parameters['embeddings.position'], 'embeddings.norm')
bias = (1 - mask)[:, None, None, :] * -10000
for layer in range(LAYERS):
    p = f'layer.{layer}'
    q, k, v = (heads(linear(x, f'{p}.{name}')) for name in ('query', 'key', 'value'))
    scores = q @ k.transpose(2, 3) / math.sqrt(HIDDEN // HEADS) + bias
    mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(BATCH, TOKENS, HIDDEN)
    x = norm(x + linear(mixed, f'{p}.attention'), f'{p}.norm1')
    x = norm(x + linear(F.gelu(linear(x, f'{p}.inner')), f'{p}.outer'), f'{p}.norm2')
pooled = (x * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
loss = F.cross_entropy(linear(pooled, 'classifier'), labels, label_smoothing=0.1)
loss.backward()

encoder = {
    'sizes': {
        'vocabulary': VOCABULARY, 'hidden': HIDDEN, 'heads': HEADS, 'inner': INNER, 'layers': LAYERS,
        'classes': CLASSES, 'batch': BATCH, 'tokens': TOKENS,
    },
    'ids': ids.reshape(-1).tolist(),
    'mask': mask.reshape(-1).tolist(),
    'labels': labels.tolist(),
    'loss': loss.item(),
    'parameters': {
        name: {'dims': list(value.shape), 'values': flat(value), 'gradient': flat(value.grad)}
        for name, value in parameters.items()
    },
}

# AdamW, as HF's Trainer groups parameters, with clipping to norm 1 and a learning rate that changes.
settings = {'beta1': 0.9, 'beta2': 0.98, 'epsilon': 1e-8, 'weightDecay': 0.1, 'maxNorm': 1.0}
rates = [1e-2, 2e-2, 1.5e-2, 1e-2, 5e-3]
tensors = {'a': rounded(3, 4), 'b': rounded(4), 'c': rounded(2, 2, 2)}
decay = {'a': True, 'b': False, 'c': True}
start = {name: flat(value) for name, value in tensors.items()}
for value in tensors.values():
    value.requires_grad_()
optimizer = torch.optim.AdamW(
    [
        {'params': [tensors[n] for n in tensors if decay[n]], 'weight_decay': settings['weightDecay']},
        {'params': [tensors[n] for n in tensors if not decay[n]], 'weight_decay': 0.0},
    ],
    betas=(settings['beta1'], settings['beta2']), eps=settings['epsilon'],
)
steps = []
for rate in rates:
    gradients = {name: rounded(*value.shape) for name, value in tensors.items()}
    for name, value in tensors.items():
        value.grad = gradients[name].clone()
    total = torch.nn.utils.clip_grad_norm_(list(tensors.values()), settings['maxNorm'])
    for group in optimizer.param_groups:
        group['lr'] = rate
    optimizer.step()
    steps.append({
        'rate': rate,
        'norm': total.item(),
        'gradients': {name: flat(value) for name, value in gradients.items()},
        'parameters': {name: flat(value) for name, value in tensors.items()},
    })
adamw = {
    'settings': settings,
    'dims': {name: list(value.shape) for name, value in tensors.items()},
    'decay': decay,
    'start': start,
    'steps': steps,
    'firstMoments': {n: flat(optimizer.state[v]['exp_avg']) for n, v in tensors.items()},
    'secondMoments': {n: flat(optimizer.state[v]['exp_avg_sq']) for n, v in tensors.items()},
}
out = Path(__file__).with_name('gradients.json')
out.write_text(json.dumps({'torch': torch.__version__, 'encoder': encoder, 'adamw': adamw}) + '\n')
