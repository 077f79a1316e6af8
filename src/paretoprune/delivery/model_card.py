"""The README of an exported model: what it is, how good, how it was found, how to load it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from paretoprune.delivery.quantities import label, written
from paretoprune.results import ZEROS, DataInfo, Direction, GroupInfo, Metrics, TrialResult

# Which way each quantity is compared with the dense model's: as a share, or as a difference.
_SHARES = (
    "params",
    "macs",
    "size_bytes",
    "compressed_bytes",
    "latency_ms",
    "latency_p95_ms",
    "throughput_per_s",
)
_ROWS = ("accuracy", "top5_accuracy", "precision", "recall", "f1", "loss", "calibration_error")


@dataclass(frozen=True)
class CardFacts:
    """All that a card tells."""

    sweep_name: str
    model_name: str  # the dense model's `_target_`
    data_name: str  # the data set's `_target_`
    data: DataInfo
    groups: Sequence[GroupInfo]
    trial: TrialResult
    dense: Metrics  # measured on the validation part
    objectives: Mapping[str, Direction]
    num_trials: int
    device: str  # where latency was measured, in words
    test: Metrics | None = None  # measured once on the test part, after picking
    dense_test: Metrics | None = None


def model_card(facts: CardFacts) -> str:
    """The card as Markdown."""
    sections = [
        _task(facts),
        _comparison("Measured on the validation part", facts.dense, facts.trial.metrics),
        _test(facts),
        _widths(facts),
        _search(facts),
        _limits(facts),
        _loading(),
    ]
    return "\n".join(section for section in sections if section)


def _task(facts: CardFacts) -> str:
    data = facts.data
    shape = " x ".join(str(size) for size in data.input_shape)
    classes = f"{data.num_classes} classes"
    if 0 < len(data.class_names) <= 20:
        classes += f" ({', '.join(data.class_names)})"
    return (
        f"# {facts.sweep_name}, trial {facts.trial.number}\n\n"
        f"A pruned `{facts.model_name}` that classifies inputs of {shape} into {classes}.\n\n"
        f"Data: `{facts.data_name}`, {data.num_train} samples for training, "
        f"{data.num_validation} for validation, {data.num_test} for the test. {data.split}\n"
    )


def _comparison(title: str, dense: Metrics, pruned: Metrics) -> str:
    before, after = dense.measured(), pruned.measured()
    lines = [f"## {title}\n", "| | dense | pruned | |", "|---|---:|---:|---:|"]
    for name in (*_ROWS, *_SHARES):
        if name in before and name in after:
            lines.append(
                f"| {label(name)} | {written(name, before[name])} | {written(name, after[name])} "
                f"| {_change(name, before[name], after[name])} |"
            )
    return "\n".join(lines) + "\n"


def _change(name: str, before: float, after: float) -> str:
    if name not in _SHARES:
        return f"{after - before:+.2f}"
    return f"{100 * after / before:.1f} % of dense" if before else ""


def _test(facts: CardFacts) -> str:
    if facts.test is None or facts.dense_test is None:
        return ""
    return _comparison("Measured on the test part, once", facts.dense_test, facts.test)


def _widths(facts: CardFacts) -> str:
    lines = ["## Channels kept\n", "| group | dense | kept |", "|---|---:|---:|"]
    for group in facts.groups:
        kept = facts.trial.widths.get(group.name, group.width)
        lines.append(f"| {group.name} | {group.width} | {kept} |")
    return "\n".join(lines) + "\n"


def _search(facts: CardFacts) -> str:
    aims = " and ".join(f"{way} {name}" for name, way in facts.objectives.items())
    origin = facts.trial.origin
    return (
        "## How it was found\n\n"
        f"Trial {facts.trial.number} of {facts.num_trials} in the sweep `{facts.sweep_name}`, "
        f"which searched how much to remove from each group of layers to {aims}. The proposal "
        f"came from: {origin}. Seed {facts.trial.seed}. It was chosen by its results on the "
        "validation part; `plan.json` says which channels were removed and `config.yaml` holds "
        "every setting.\n"
    )


def _limits(facts: CardFacts) -> str:
    latency = facts.trial.metrics.latency_ms
    measured = f"Latency was measured on: {facts.device}. Other devices differ. " if latency else ""
    zeros = f"{ZEROS[0].upper()}{ZEROS[1:]}. " if facts.trial.metrics.compressed_bytes else ""
    return (
        f"## Limits\n\n{zeros}{measured}The figures are of one training with one seed; another "
        "seed gives somewhat different ones. The model knows nothing beyond data like its training "
        "data.\n"
    )


def _loading() -> str:
    return (
        "## How to load it\n\n"
        "```python\nimport paretoprune\n\n"
        'model = paretoprune.load_model("path/of/this/folder")\n```\n\n'
        "Weights are in `model.safetensors`; nothing here is pickled.\n"
    )
