"""Facts of a sweep for its report, gathered from its folder."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from paretoprune.metrics import Direction
from paretoprune.numerics import NumericalErrors
from paretoprune.report.pictures.picture import Picture, make_picture
from paretoprune.report.published import Published
from paretoprune.report.watchers.progress import Progress
from paretoprune.results import GroupInfo, Metrics, TrialResult
from paretoprune.results.trials import ModelKey
from paretoprune.retained import QualityScale, scale_of


@dataclass(frozen=True)
class SweepFacts:
    """Data of a sweep for the report, the pictures and MLflow's note."""

    name: str
    objectives: Mapping[str, Direction]
    results: Sequence[TrialResult]  # with quantized models, as `models_of` lists them
    front: Collection[ModelKey]
    groups: Sequence[GroupInfo]  # in the network's order
    settings: Mapping[str, str] = field(default_factory=dict)  # by dotted name
    pick: str = ""  # the command that exports a model, without the trial
    scores: Mapping[str, Sequence[float]] = field(default_factory=dict)  # by group: per channel
    sensitivity: Mapping[str, float] = field(default_factory=dict)  # by group: damage, in nats
    sensitivity_ratio: float = 0.5  # the share that was removed to measure it
    published: Sequence[Published] = ()
    # Qualities of the trivial predictor, which ignores the input, by name.
    trivial: Mapping[str, float] = field(default_factory=dict)
    # By trial: the quality on validation data of the same plan trained again with other seeds.
    repeats: Mapping[int, Sequence[float]] = field(default_factory=dict)
    # Numerical errors by layer of the quantized models of the front.
    numerics: Mapping[ModelKey, NumericalErrors] = field(default_factory=dict)
    progress: Progress | None = None  # None: the sweep has ended

    @property
    def dense(self) -> TrialResult | None:
        """The dense model's trial, once it is on record."""
        return next((result for result in self.results if result.origin == "dense"), None)

    @property
    def scale(self) -> QualityScale | None:
        """The quality of the front, from the trivial predictor's to the dense model's."""
        return scale_of(self.objectives, self.dense.metrics, self.trivial) if self.dense else None


def picture_of(facts: SweepFacts) -> Picture:
    """Return the data for the pictures."""
    return make_picture(
        facts.results,
        front=facts.front,
        dense=facts.dense.metrics if facts.dense else Metrics(),
        objectives=facts.objectives,
        title=f"Front of {facts.name}",
    )
