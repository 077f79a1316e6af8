"""The lines about a picked model."""

from __future__ import annotations

import dataclasses
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from torch import nn

from paretoprune.cli.display.picked import print_picked
from paretoprune.pick.card.model_card import CardFacts
from paretoprune.pick.deliver import Delivered
from paretoprune.results import Metrics
from tests.pick.card.test_model_card import FACTS, TESTED

F1 = {"accuracy": 97.0, "f1": 95.0}


def shown(facts: CardFacts) -> str:
    """Return the printed text."""
    text = StringIO()
    console = Console(file=text, width=200)
    print_picked(console, Delivered(nn.Identity(), Path("picked/0017"), facts, None))
    return text.getvalue()


@pytest.mark.parametrize(("quality", "has_interval"), [("accuracy", True), ("f1", False)])
def test_an_interval_stands_beside_the_quality_that_it_is_of(
    quality: str, has_interval: bool
) -> None:
    trial = dataclasses.replace(FACTS.trial, metrics=Metrics(F1))
    facts = dataclasses.replace(
        FACTS,
        trial=trial,
        dense=Metrics(F1),
        objectives={quality: "maximize", "macs": "minimize"},
        tested=dataclasses.replace(TESTED, pruned=Metrics(F1), dense=Metrics(F1)),
    )
    text = shown(facts)
    assert f"{quality:12s} validation {F1[quality]:.2f} %" in text
    assert ("interval of the test" in text) is has_interval
