"""Search a front of smaller models for a network and loaders of one's own, and export the knee.

python examples/search_own_model.py
"""

from __future__ import annotations

import logging

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import paretoprune

logging.basicConfig(level=logging.INFO, format="%(message)s")

# Data: 1,797 grey images of 8 x 8 pixels, as loaders of (inputs, labels).
images, labels = load_digits(return_X_y=True)
inputs = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
parts = zip(inputs.split(600), torch.tensor(labels).split(600), strict=True)
train, validation, test = (
    DataLoader(TensorDataset(x, y), batch_size=64, shuffle=number == 0)
    for number, (x, y) in enumerate(parts)
)

# The dense model, trained.
torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.Conv2d(16, 32, 3, stride=2, padding=1),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(2),
    nn.Flatten(),
    nn.Linear(128, 10),
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(5):
    for x, y in train:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

# The search. The same call again continues a search that was interrupted.
sweep = paretoprune.search(
    model,
    (train, validation, test),
    budget="16ep",  # passes over the training data; "10min" is more usual
    objectives=["accuracy", "macs"],
    name="digits-example",
    measure="fast",  # no latency: seconds instead of minutes
    finetune={"epochs": 1, "tune_learning_rate": False},
)
print(sweep.front[["number", "origin", "accuracy", "macs", "params"]])

small = sweep.pick("knee")
print(f"trial {small.trial}: {small.metrics['test_accuracy']:.2f} % on the test part")
print(f"exported to {small.folder}")
