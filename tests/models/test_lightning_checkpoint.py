"""Checkpoints as Lightning's Trainer writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy

from paretoprune.models import load_weights


def network(width: int = 4) -> nn.Module:
    return nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))


class Lit(LightningModule):
    """A network in an attribute, beside a loss with weights and a metric."""

    def __init__(self, attribute: str, width: int = 4, compiled: bool = False) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.loss = nn.CrossEntropyLoss(weight=torch.ones(2))
        self.accuracy = MulticlassAccuracy(2)
        self.attribute = attribute
        inner = network(width)
        setattr(self, attribute, torch.compile(inner, backend="eager") if compiled else inner)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        loss: Tensor = self.loss(getattr(self, self.attribute)(x), y)
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters())


@pytest.mark.filterwarnings("ignore")  # of Lightning and of torch.compile
@pytest.mark.parametrize(
    ("attribute", "compiled"), [("model", False), ("net", False), ("backbone", True)]
)
def test_its_weights_are_loaded(tmp_path: Path, attribute: str, compiled: bool) -> None:
    samples = TensorDataset(torch.randn(8, 3), torch.arange(8) % 2)
    callbacks = [ModelCheckpoint(tmp_path, save_last=True), EarlyStopping("loss")]
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=callbacks,
    )
    lit = Lit(attribute, compiled=compiled)
    trainer.fit(lit, DataLoader(samples, batch_size=4))
    model = network()
    load_weights(model, tmp_path / "last.ckpt")
    x = torch.randn(5, 3)
    assert torch.equal(model(x), getattr(lit, attribute)(x))
