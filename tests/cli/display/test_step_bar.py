"""The bar of a training's epochs, and its lines where there is no terminal."""

from __future__ import annotations

import io
import logging

from rich.console import Console
from rich.progress import Progress

from paretoprune.cli.display.terminal import ConsoleHandler
from paretoprune.results import EpochRecord
from paretoprune.trial.epoch_log import epoch_log


def shown(epochs: int, *, terminal: bool, busy: bool = False) -> str:
    """Return the output of a console during the epochs of a training."""
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
    handler = ConsoleHandler(console)
    logger = logging.getLogger("paretoprune.trial.epoch_log")
    logger.addHandler(handler)
    level, logger.level = logger.level, logging.INFO
    try:
        tell = epoch_log("dense model", epochs)
        other = Progress(console=console, disable=not busy)
        with other:
            for epoch in range(1, epochs + 1):
                tell(EpochRecord(epoch, 1.0, 80.0 + epoch, 1.0, 0.1, 3.0))
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_has_a_bar_with_the_time_left() -> None:
    text = shown(3, terminal=True)
    assert "2/3" in text and "epoch 2 of 3, 82; about 3 s left" in text
    assert "━" in text


def test_a_file_has_few_lines_and_the_last_epoch() -> None:
    assert shown(50, terminal=False).splitlines() == [
        "dense model: epoch 50 of 50, 130; about 0 s left"
    ]


def test_it_is_seen_beside_another_bar() -> None:
    assert "epoch 3 of 3" in shown(3, terminal=True, busy=True)
