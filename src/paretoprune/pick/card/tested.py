"""Test figures of a model card with their uncertainty, classes, other seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from paretoprune.metrics import is_rate
from paretoprune.number_format import written, written_difference
from paretoprune.pick.card.comparison import comparison_table
from paretoprune.pick.card.markdown import as_text
from paretoprune.results import DataInfo, Metrics
from paretoprune.results.exported import Repeat
from paretoprune.results.measurements import Comparison

_MOST_CLASSES = 20  # in the table of recalls: those that lose most


@dataclass(frozen=True)
class FinalFigures:
    """The figures of the test part, which was used for no choice. Intervals are of the quality."""

    pruned: Metrics
    dense: Metrics
    interval: tuple[float, float] | None  # in the unit of the quality; 95 % confidence
    dense_interval: tuple[float, float] | None
    comparison: Comparison | None  # of classifiers
    quality: str = "accuracy"  # name of the task's first quality
    # By how much the pruned model is better than the trivial predictor: 95 % interval of the mean
    # over the samples, by paired bootstrap. None: the quality is not a mean over samples.
    over_trivial: tuple[float, float] | None = None


@dataclass(frozen=True)
class Loss:
    """A class and the recall that it loses by pruning, in percent."""

    name: str
    count: int
    dense_recall: float
    pruned_recall: float


def losses(comparison: Comparison, data: DataInfo) -> list[Loss]:
    """Every class that has samples, the one that loses most recall first."""
    names = data.class_names or tuple(str(index) for index in range(data.num_classes))
    columns = zip(
        names,
        comparison.class_counts,
        comparison.dense_recall,
        comparison.pruned_recall,
        strict=True,
    )
    found = [
        Loss(name, count, before, after)
        for name, count, before, after in columns
        if before is not None and after is not None
    ]
    return sorted(found, key=lambda loss: loss.pruned_recall - loss.dense_recall)


def tested_section(
    tested: FinalFigures, data: DataInfo, *, validation: Metrics, dense_validation: Metrics
) -> str:
    """The test figures with their uncertainty, and the classes in which the models differ."""
    table = comparison_table("Measured on the test part, once", tested.dense, tested.pruned)
    sentences = [
        _intervals(tested, data),
        _gaps(tested, validation, dense_validation),
        trivial_sentence(tested),
    ]
    recalls = ""
    if (comparison := tested.comparison) is not None:
        sentences.append(
            f"The two agree on {comparison.agreement:.2f} % of the samples; only the dense one is "
            f"right on {comparison.only_dense_right} of them, only the pruned one on "
            f"{comparison.only_pruned_right}."
        )
        recalls = f"\n\n{_recalls(losses(comparison, data))}"
    return f"{table}\n{' '.join(filter(None, sentences))}{recalls or chr(10)}"


def trivial_sentence(tested: FinalFigures) -> str | None:
    """Return a warning if the pruned model cannot be distinguished from the trivial predictor."""
    if tested.over_trivial is None or tested.over_trivial[0] > 0:
        return None
    low, high = (written_difference(tested.quality, end) for end in tested.over_trivial)
    return (
        "On the test part the pruned model cannot be distinguished from the trivial predictor, "
        f"which ignores the input: its {tested.quality} is better by {low} to {high} "
        "(95 % interval, paired bootstrap over the samples)."
    )


def _intervals(tested: FinalFigures, data: DataInfo) -> str | None:
    if tested.interval is None or tested.dense_interval is None:
        return None
    name = tested.quality
    pruned, dense = (_interval(name, i) for i in (tested.interval, tested.dense_interval))
    way = "Wilson" if name == "accuracy" else "bootstrap"
    return (
        f"95 % confidence intervals of the {name} on {data.num_test} samples ({way}): pruned "
        f"{pruned}, dense {dense}."
    )


def _gaps(tested: FinalFigures, validation: Metrics, dense_validation: Metrics) -> str:
    name = tested.quality
    pairs = ((validation, tested.pruned), (dense_validation, tested.dense))
    gap, dense_gap = (written_difference(name, a.quality[name] - b.quality[name]) for a, b in pairs)
    return f"Validation minus test is {gap} for the pruned model, {dense_gap} for the dense one."


def repeats_section(repeats: Sequence[Repeat], picked: Metrics, name: str) -> str:
    """Return the lines on other seeds, which show the bias of the selection."""
    if not repeats:
        return ""
    lines = [
        "## Trained again with other seeds\n",
        "| seed | validation | test |",
        "|---:|---:|---:|",
    ]
    lines += [
        f"| {r.seed} | {written(name, r.validation)} | {written(name, r.test)} |" for r in repeats
    ]
    return "\n".join(lines) + f"\n\n{repeats_sentence(repeats, picked, name)}\n"


def repeats_sentence(repeats: Sequence[Repeat], picked: Metrics, name: str) -> str:
    """Mean and spread of the repetitions, and how far the picked score lies above the mean."""
    validation, test = [r.validation for r in repeats], [r.test for r in repeats]
    found = picked.quality[name]
    away = written_difference(name, found - mean(validation))
    return (
        f"{len(repeats)} repetitions: validation {_mean(name, validation)}, test "
        f"{_mean(name, test)}; the picked model's validation {name} of {written(name, found)} "
        f"lies {away} from their mean, which is what picking "
        "the best of many may have flattered it by"
    )


def _mean(name: str, values: Sequence[float]) -> str:
    digits = ".2f" if is_rate(name) else ".3g"
    spread = f" (standard deviation {stdev(values):{digits}})" if len(values) > 1 else ""
    return f"{written(name, mean(values))}{spread}"


def _interval(name: str, interval: tuple[float, float]) -> str:
    low, high = (written(name, end) for end in interval)
    return f"{low.removesuffix(' %')} to {high}"


def _recalls(ranked: Sequence[Loss]) -> str:
    lines = ["| class | samples | recall, dense | recall, pruned | |", "|---|---:|---:|---:|---:|"]
    for loss in ranked[:_MOST_CLASSES]:
        change = loss.pruned_recall - loss.dense_recall
        lines.append(
            f"| {as_text(loss.name)} | {loss.count} | {loss.dense_recall:.2f} % "
            f"| {loss.pruned_recall:.2f} % | {change:+.2f} |"
        )
    more = len(ranked) - _MOST_CLASSES
    return "\n".join(lines) + (f"\n\nand {more} classes that lose less\n" if more > 0 else "\n")
