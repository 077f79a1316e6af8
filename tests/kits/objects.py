"""A trained network and data as objects, as a user of the Python API has them."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from tests.kits.own_model import OwnNet

Loaders = tuple[DataLoader[tuple[Tensor, ...]], ...]
# Settings with which a trial takes a fraction of a second.
QUICK = {
    "finetune": {"epochs": 1, "tune_learning_rate": False},
    "measure": "fast",
    "sparsity": {"divisor": 1},
    "device": "cpu",
}


def digit_loaders() -> Loaders:
    """Training, validation and test loaders of a part of the bundled digits, 8 x 8 pixels."""
    images, labels = load_digits(return_X_y=True)
    inputs = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
    parts = zip(inputs.split(600), torch.tensor(labels, dtype=torch.int64).split(600), strict=True)
    sets = [TensorDataset(x, y) for x, y in parts]
    return tuple(DataLoader(each, batch_size=64, shuffle=n == 0) for n, each in enumerate(sets))


def trained_net(loader: DataLoader[tuple[Tensor, ...]], *, epochs: int = 4) -> nn.Module:
    """A network of two convolutions, trained until it is far better than guessing."""
    torch.manual_seed(0)
    model = OwnNet(8, num_classes=10, in_channels=1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(epochs):
        for inputs, labels in loader:
            optimizer.zero_grad()
            cross_entropy(model(inputs), labels).backward()
            optimizer.step()
    return model.eval()
