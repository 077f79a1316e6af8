"""The model card tells what a user must know, with the right numbers."""

from __future__ import annotations

import dataclasses

from paretoprune.pick.card.model_card import CardFacts, LayerRow, model_card
from paretoprune.pick.card.tested import FinalFigures
from paretoprune.results import DataInfo, GroupInfo, Metrics, Preprocessing
from paretoprune.results.exported import FileFacts, Repeat
from paretoprune.results.measurements import Comparison
from tests.report.kit import DENSE, OBJECTIVES, trial

TESTED = FinalFigures(
    pruned=Metrics({"accuracy": 96.0}),
    dense=Metrics({"accuracy": 97.0}),
    interval=(93.16, 97.69),
    dense_interval=(94.37, 98.42),
    comparison=Comparison(
        agreement=98.0,
        only_dense_right=5,
        only_pruned_right=2,
        class_counts=(150, 0, 150),
        dense_recall=(100.0, None, 94.0),
        pruned_recall=(99.0, None, 90.0),
    ),
)
FACTS = CardFacts(
    sweep_name="digits",
    model_name="paretoprune.models.resnet20",
    data_name="paretoprune.data.Digits",
    data=DataInfo(
        3, (1, 8, 8), 1200, 297, 300, "A sixth is held back.", class_names=("a", "b", "c")
    ),
    preprocessing=Preprocessing(255.0, (0.3,), (0.4,), "grey"),
    groups=[GroupInfo("layer1", 16), GroupInfo("layer2", 32), GroupInfo("layer3", 64)],
    layers=[LayerRow("conv", (16, 1, 3, 3), (8, 1, 3, 3), 9216, 4608)],
    trial=trial(17, 97.25, 10_250_000, latency_ms=1.4),
    dense=DENSE,
    objectives=OBJECTIVES,
    num_trials=30,
    device="cpu, 1 thread, batch of 1",
    tested=TESTED,
    files=[FileFacts("safetensors", difference=0.0)],
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
        "A sixth is held back.",
        "1200 samples for training, 297 for validation, 300 for the test",
        "maximize accuracy and minimize macs",
        "Seed 3",
        "Trial 17 of 30",
        "cpu, 1 thread, batch of 1",
        'paretoprune.load_model(".")',
        "| conv | 16 x 1 x 3 x 3 | 8 x 1 x 3 x 3 | 50.0 % (4.61k) |",
        "Licence: not stated",
    ):
        assert part in card


def test_the_test_is_reported_with_intervals_gaps_and_the_classes_that_lose_most() -> None:
    card = model_card(FACTS)
    for part in (
        "| accuracy (%) | 97.00 % | 96.00 % | -1.00 |",
        "pruned 93.16 to 97.69 %, dense 94.37 to 98.42 %",
        "Validation minus test is +1.25 points for the pruned model, +1.30 points for the dense",
        "agree on 98.00 % of the samples; only the dense one is right on 5",
    ):
        assert part in card
    assert card.index("| c | 150 | 94.00 % | 90.00 % | -4.00 |") < card.index("| a | 150 |")
    assert "| b | 0 |" not in card  # a class without samples has no recall


def test_without_a_test_part_the_card_says_so() -> None:
    card = model_card(dataclasses.replace(FACTS, tested=None))
    assert "There is no test part" in card
    assert "part, once" not in card


def test_latency_appears_only_when_measured() -> None:
    untimed = dataclasses.replace(FACTS, trial=trial(1, 90.0, 10))
    assert "Latency was measured" not in model_card(untimed)


def test_the_training_in_total_is_reported() -> None:
    card = model_card(dataclasses.replace(FACTS, training="Trained for 56 epochs in total."))
    assert "Trained for 56 epochs in total. It was chosen" in card


def test_times_have_the_digits_that_their_spread_allows() -> None:
    metrics = dataclasses.replace(FACTS.trial.metrics, latency_ms=1.23456, time_spread=0.1)
    trial = dataclasses.replace(FACTS.trial, metrics=metrics)
    card = model_card(dataclasses.replace(FACTS, trial=trial))
    assert "| latency (ms) | 4.1 ms | 1.2 ms | 30 % of dense |" in card


def test_other_seeds_and_longer_training_are_reported() -> None:
    repeats = [Repeat(1, 96.0, 95.0), Repeat(2, 97.0, 95.0)]
    card = model_card(dataclasses.replace(FACTS, repeats=repeats, extra_epochs=40))
    assert "| 2 | 97.00 % | 95.00 % |" in card
    assert "validation 96.50 % (standard deviation 0.71), test 95.00 %" in card
    assert "97.25 % lies +0.75 points from their mean" in card
    assert "fine-tuned for 40 epochs more" in card


def test_files_that_could_not_be_made_have_a_reason_and_no_snippet() -> None:
    files = [
        FileFacts("safetensors", difference=0.0),
        FileFacts(
            "onnx",
            difference=2e-7,
            latency_ms=0.5123,
            dense_latency_ms=1.0321,
            speedup=2.0123,
            time_spread=0.03,
            contention=4.0,
        ),
        FileFacts("pt2", reason="torch.export cannot take it"),
    ]
    card = model_card(dataclasses.replace(FACTS, files=files))
    assert "no pt2: torch.export cannot take it" in card
    assert "0.51 ms in onnxruntime (dense 1.03 ms, in turn with it)" in card
    assert "2.01 times as fast (spread 3 %)" in card
    assert "The machine was busy while latency was measured: up to 4.0 times" in card
    assert 'InferenceSession("model.onnx")' in card
    assert "torch.export.load" not in card


def test_names_from_elsewhere_are_escaped() -> None:
    evil = "a|b](x)<script>\n# `c`"
    data = dataclasses.replace(FACTS.data, class_names=(evil,) * 3, split=evil)
    facts = dataclasses.replace(
        FACTS,
        sweep_name=evil,
        model_name=evil,
        data_name=evil,
        data=data,
        groups=[GroupInfo(evil, 16)],
        layers=[dataclasses.replace(FACTS.layers[0], name=evil)],
        files=[FileFacts("onnx", reason=evil)],
        device=evil,
        licence=evil,
        trust=[evil],
    )
    before_code, _, rest = model_card(facts).partition("```python")
    text = before_code + rest.partition("```\n")[2]
    assert text.count("\\<script\\>") >= 10
    bare = text.replace("\\<script\\>", "").replace("a\\|b](x)<script> # `c`", "")
    assert "<script>" not in bare
    assert not any(line.startswith("# `") for line in text.splitlines())


def test_a_card_of_an_error_speaks_of_no_accuracy_and_no_classes() -> None:
    """A regression: a smaller value is better, and there are no classes to compare by."""
    metrics = Metrics({"rmse": 0.52, "mae": 0.4}, macs=1000)
    dense = Metrics({"rmse": 0.5, "mae": 0.39}, macs=4000)
    tested = FinalFigures(
        metrics, dense, None, None, comparison=None, quality="rmse", over_trivial=(0.8, 1.2)
    )
    facts = dataclasses.replace(
        FACTS,
        data=DataInfo(0, (8,), 1200, 297, 300, "A sixth is held back."),
        preprocessing=None,
        trial=dataclasses.replace(trial(17, None, 1000), metrics=metrics),
        dense=dense,
        objectives={"rmse": "minimize", "macs": "minimize"},
        tested=tested,
        trivial={"rmse": 2.5},
        repeats=[Repeat(8, 0.53, 0.55)],
    )
    card = model_card(facts)
    assert "| root mean squared error | 0.5 | 0.52 | +0.02 |" in card
    assert "It retains 99.0 % of the rmse that the dense model gains" in card
    assert "the picked model's validation rmse of 0.52 lies -0.01 from their mean" in card
    assert "accuracy" not in card and "class" not in card and "points" not in card


def test_a_model_no_better_than_the_trivial_predictor_is_named() -> None:
    alike = dataclasses.replace(TESTED, over_trivial=(-0.5, 1.25))
    sentence = (
        "cannot be distinguished from the trivial predictor, which ignores the input: its "
        "accuracy is better by -0.50 points to +1.25 points"
    )
    assert sentence in model_card(dataclasses.replace(FACTS, tested=alike))
    better = dataclasses.replace(TESTED, over_trivial=(0.5, 1.25))
    assert "cannot be distinguished" not in model_card(dataclasses.replace(FACTS, tested=better))
