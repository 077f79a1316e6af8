"""Lightning's Trainer without output, files and its handling of Ctrl-C."""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.utilities.warnings import PossibleUserWarning

from paretoprune.finetune.loader import Loader


def run_trainer(
    module: LightningModule,
    train_loader: Loader,
    *,
    epochs: int,
    device: torch.device,
    callbacks: Sequence[Callback],
) -> None:
    """Train `module` without output. Ctrl-C raises KeyboardInterrupt, as elsewhere in Python."""
    with _quiet(), _own_interrupt():
        _make_trainer(epochs, device, callbacks).fit(module, train_loader)


def _make_trainer(epochs: int, device: torch.device, callbacks: Sequence[Callback]) -> Trainer:
    return Trainer(
        accelerator="gpu" if device.type == "cuda" else device.type,
        devices=[device.index or 0] if device.type == "cuda" else 1,
        max_epochs=epochs,
        callbacks=list(callbacks),
        # One process: inside a Slurm job, Lightning would wait for further processes.
        plugins=[LightningEnvironment()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            # Advice on how to use Lightning, such as "consider more workers".
            warnings.simplefilter("ignore", PossibleUserWarning)
            # Raised by Lightning's own use of newer versions of torch.
            warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
            yield
    finally:
        logger.setLevel(level)


@contextmanager
def _own_interrupt() -> Iterator[None]:
    """Restore Ctrl-C: Lightning exits with `sys.exit(1)`, and may leave its handler installed."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)
