"""A LightningModule with an optimizer and a metric of its own, and loaders for it."""

from __future__ import annotations

from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MultilabelF1Score

Loaders = tuple[DataLoader[tuple[Tensor, ...]], ...]


class Lit(LightningModule):
    """Labels: 1 for each of four quarters of a vector with a positive sum."""

    def __init__(self, width: int = 24, rate: float = 0.02) -> None:
        super().__init__()
        self.rate = rate
        self.body = nn.Sequential(
            nn.Linear(16, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )
        self.head = nn.Linear(width, 4)
        self.f1 = MultilabelF1Score(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        loss = binary_cross_entropy_with_logits(self(x), y)
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        x, y = batch
        logits = self(x)
        self.f1.update(logits.sigmoid(), y.int())
        self.log("val_f1", self.f1)
        self.log("val_loss", binary_cross_entropy_with_logits(logits, y))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.rate)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(
            optimizer, int(self.trainer.estimated_stepping_batches)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }


def lit_loaders() -> Loaders:
    """Return loaders of 256 training, 96 validation and 96 test samples."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(448, 16, generator=generator)
    y = (x.reshape(-1, 4, 4).sum(2) > 0).float()
    parts = (slice(256), slice(256, 352), slice(352, 448))
    return tuple(DataLoader(TensorDataset(x[part], y[part]), batch_size=32) for part in parts)
