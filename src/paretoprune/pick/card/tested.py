"""What a model card tells of the test: figures with their uncertainty, classes, other seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from paretoprune.pick.card.comparison import comparison_table
from paretoprune.pick.card.markdown import as_text
from paretoprune.results import Comparison, DataInfo, Metrics, Repeat

_MOST_CLASSES = 20  # in the table of recalls: those that lose most


@dataclass(frozen=True)
class FinalFigures:
    """The figures of the test part, which nothing was chosen by. Intervals are of the accuracy."""

    pruned: Metrics
    dense: Metrics
    interval: tuple[float, float]  # percent; 95 % confidence
    dense_interval: tuple[float, float]
    comparison: Comparison


@dataclass(frozen=True)
class Loss:
    """A class and what pruning cost it: recall in percent."""

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
    """The test figures, how sure they are, and where the two models differ."""
    table = comparison_table("Measured on the test part, once", tested.dense, tested.pruned)
    comparison = tested.comparison
    gap, dense_gap = _gap(validation, tested.pruned), _gap(dense_validation, tested.dense)
    sentences = (
        f"95 % confidence intervals of the accuracy on {data.num_test} samples (Wilson): pruned "
        f"{_interval(tested.interval)}, dense {_interval(tested.dense_interval)}. Validation "
        f"minus test is {gap:+.2f} points for the pruned model, {dense_gap:+.2f} for the dense "
        f"one. The two agree on {comparison.agreement:.2f} % of the samples; only the dense one "
        f"is right on {comparison.only_dense_right} of them, only the pruned one on "
        f"{comparison.only_pruned_right}."
    )
    return f"{table}\n{sentences}\n\n{_recalls(losses(comparison, data))}"


def repeats_section(repeats: Sequence[Repeat], picked: Metrics) -> str:
    """What other seeds give, and so how lucky the pick was."""
    if not repeats:
        return ""
    lines = [
        "## Trained again with other seeds\n",
        "| seed | validation | test |",
        "|---:|---:|---:|",
    ]
    lines += [f"| {r.seed} | {r.validation:.2f} % | {r.test:.2f} % |" for r in repeats]
    return "\n".join(lines) + f"\n\n{repeats_sentence(repeats, picked)}\n"


def repeats_sentence(repeats: Sequence[Repeat], picked: Metrics) -> str:
    """Mean and spread of the repetitions, and how far the picked score lies above the mean."""
    validation, test = [r.validation for r in repeats], [r.test for r in repeats]
    found = picked.quality["accuracy"]
    return (
        f"{len(repeats)} repetitions: validation {_mean(validation)}, test {_mean(test)}; the "
        f"picked model's validation accuracy of {found:.2f} % lies "
        f"{found - mean(validation):+.2f} points from their mean, which is what picking "
        "the best of many may have flattered it by"
    )


def _mean(values: Sequence[float]) -> str:
    spread = f" (standard deviation {stdev(values):.2f})" if len(values) > 1 else ""
    return f"{mean(values):.2f} %{spread}"


def _interval(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.2f} to {interval[1]:.2f} %"


def _gap(validation: Metrics, test: Metrics) -> float:
    return validation.quality["accuracy"] - test.quality["accuracy"]


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
