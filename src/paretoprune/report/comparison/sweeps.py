"""Sweeps read from their folders, scored on one common scale and grouped by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paretoprune.errors import SweepError
from paretoprune.metrics import Direction, label
from paretoprune.number_format import written, written_of
from paretoprune.objectives import size_and_quality
from paretoprune.report.comparison.page import ComparedGroup, ComparedSweep, SweepComparison
from paretoprune.report.summary_data import facts_of
from paretoprune.report.sweep_facts import SweepFacts
from paretoprune.results import TrialResult
from paretoprune.search.front.front import objective_values
from paretoprune.search.front.metrics import Yardstick, attained, box_hypervolume, retained_area
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.storage.sweep_settings import decisive

_SHARES = (0.25, 0.5, 0.75)  # of the seeds


def compare(folders: Sequence[SweepFolder]) -> SweepComparison:
    """Measure and group the sweeps. The scale is that of the first one's dense model.

    Raises SweepError if a sweep has no dense model on record yet, if their objectives differ, if
    they are no size and quality, or if the dense model is no better than the trivial predictor.
    """
    sweeps = [facts_of(folder, folder.read_results()) for folder in folders]
    first = sweeps[0]
    for facts in sweeps:
        _check(facts, first)
    yardstick = _yardstick(first)
    groups: dict[str, list[ComparedSweep]] = {}
    for folder, facts in zip(folders, sweeps, strict=True):
        groups.setdefault(_problem(folder), []).append(_compared(facts, yardstick))
    return SweepComparison(
        [_group(sweeps, yardstick) for sweeps in groups.values()],
        size=yardstick.size,
        quality=yardstick.quality,
        notes=_notes(first, sweeps, yardstick),
    )


def _check(facts: SweepFacts, first: SweepFacts) -> None:
    if facts.dense is None:
        raise SweepError(f"no trial of `{facts.name}` has finished yet; there is no front")
    if facts.objectives != first.objectives:
        raise SweepError(
            f"`{facts.name}` searched for {_aims(facts.objectives)}, `{first.name}` for "
            f"{_aims(first.objectives)}: only fronts of the same objectives can be compared"
        )
    scale = facts.scale
    others = [way for name, way in facts.objectives.items() if scale and name != scale.name]
    if scale is None or "maximize" in others:
        raise SweepError(
            f"`{facts.name}` searched for {_aims(facts.objectives)}: fronts can be compared if "
            "one objective is a quality, such as accuracy, and the others are minimised"
        )


def _aims(objectives: Mapping[str, Direction]) -> str:
    return " and ".join(objectives)


def _yardstick(facts: SweepFacts) -> Yardstick:
    """Raises SweepError if the dense model is no better than the trivial predictor."""
    scale = facts.scale
    assert facts.dense is not None and scale is not None, "checked before"
    if scale.trivial is None or not scale.is_usable:
        than = "" if scale.trivial is None else f" ({scale.written(scale.trivial)})"
        raise SweepError(
            f"the dense model of `{facts.name}` reaches {scale.name} "
            f"{scale.written(scale.dense)}, which is not known to be better than the trivial "
            f"predictor{than}: there is no quality to retain, so its front cannot be compared"
        )
    size, _ = size_and_quality(facts.objectives)
    return Yardstick(facts.dense.metrics.measured(), scale.trivial, size, scale.name)


def _problem(folder: SweepFolder) -> str:
    """The same for sweeps that differ in their seed alone."""
    settings = decisive(folder.read_config())
    return str(sorted((key, v) for key, v in settings.items() if key not in ("seed", "name")))


def _compared(facts: SweepFacts, yardstick: Yardstick) -> ComparedSweep:
    front = [result for result in facts.results if result.key in facts.front]
    values = [v for r in front if (v := objective_values(r.metrics, facts.objectives))]
    return ComparedSweep(
        name=facts.name,
        seed=facts.settings.get("seed", ""),
        pick=facts.pick,
        num_trials=sum(not result.quantization for result in facts.results),
        front=front,
        hypervolume=box_hypervolume(values, facts.objectives, yardstick),
        retained_area=retained_area(_points(front, yardstick), yardstick),
    )


def _group(sweeps: Sequence[ComparedSweep], yardstick: Yardstick) -> ComparedGroup:
    runs = [_points(sweep.front, yardstick) for sweep in sweeps]
    return ComparedGroup(
        sweeps, {share: attained(runs, share, direction=yardstick.direction) for share in _SHARES}
    )


def _points(front: Sequence[TrialResult], yardstick: Yardstick) -> list[tuple[float, float]]:
    measured = [result.metrics.measured() for result in front]
    return [(one[yardstick.size], one[yardstick.quality]) for one in measured]


def _notes(first: SweepFacts, sweeps: Sequence[SweepFacts], yardstick: Yardstick) -> list[str]:
    size, quality = yardstick.size, yardstick.quality
    dense = ", ".join(written_of(name, yardstick.dense) for name in (quality, size))
    notes = [
        f"Measured against the dense model of {first.name} ({dense}) and the trivial predictor, "
        f"which ignores the input ({written(quality, yardstick.trivial)}), on validation data.",
        "hypervolume: the share of the box between both that a front dominates, sizes as they are.",
        f"retained area: the share of the {quality} between both that is retained, averaged over "
        f"{label(size)} from 2 % to 100 % of the dense model's by their logarithm; 1 loses "
        "nothing.",
        "over several seeds: the line is what half of them attain, the band lies between a "
        "quarter and three quarters of them.",
    ]
    tasks = {(f.settings.get("data._target_"), f.settings.get("model._target_")) for f in sweeps}
    if len(tasks) > 1:
        notes.append("Beware: these sweeps are of different models or data sets.")
    return notes
