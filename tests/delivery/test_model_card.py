"""The model card tells what a user must know, with the right numbers."""

from __future__ import annotations

import dataclasses

from paretoprune.delivery import CardFacts, model_card
from paretoprune.results import DataInfo, GroupInfo, Metrics
from tests.delivery.kit import DENSE, OBJECTIVES, trial

FACTS = CardFacts(
    sweep_name="digits",
    model_name="paretoprune.models.resnet20",
    data_name="paretoprune.data.Digits",
    data=DataInfo(10, (1, 8, 8), 1200, 297, 300, "A sixth of the training part is held back."),
    groups=[GroupInfo("layer1", 16), GroupInfo("layer2", 32), GroupInfo("layer3", 64)],
    trial=trial(17, 97.25, 10_250_000, latency_ms=1.4),
    dense=DENSE,
    objectives=OBJECTIVES,
    num_trials=30,
    device="cpu, 1 thread, batch of 1",
)


def test_the_card_compares_with_the_dense_model() -> None:
    lines = model_card(FACTS).splitlines()
    assert lines[0] == "# digits, trial 17"
    assert "| accuracy (%) | 98.30 % | 97.25 % | -1.05 |" in lines
    assert "| MACs | 41M | 10.2M | 25.0 % of dense |" in lines
    assert "| latency (ms) | 4.1 ms | 1.4 ms | 34.1 % of dense |" in lines
    assert not any(line.startswith("| loss") for line in lines)  # not measured of the pruned one


def test_the_card_tells_widths_origin_data_and_loading() -> None:
    card = model_card(FACTS)
    for part in (
        "| layer1 | 16 | 8 |",
        "| layer3 | 64 | 64 |",
        "A sixth of the training part is held back.",
        "1200 samples for training, 297 for validation, 300 for the test",
        "maximize accuracy and minimize macs",
        "Seed 3",
        "Trial 17 of 30",
        "cpu, 1 thread, batch of 1",
        'paretoprune.load_model("path/of/this/folder")',
    ):
        assert part in card


def test_test_figures_and_latency_appear_only_when_measured() -> None:
    card = model_card(FACTS)
    assert "test part, once" not in card
    tested = dataclasses.replace(
        FACTS, test=Metrics(accuracy=96.0), dense_test=Metrics(accuracy=97.0)
    )
    assert "| accuracy (%) | 97.00 % | 96.00 % | -1.00 |" in model_card(tested)
    untimed = dataclasses.replace(FACTS, trial=trial(1, 90.0, 10))
    assert "Latency was measured" not in model_card(untimed)
