"""A network replaced by a formula: whole sweeps in milliseconds, with a known true front."""

from __future__ import annotations

from collections.abc import Mapping

from paretoprune.config.groups.search import SearchSettings
from paretoprune.config.target import Target
from paretoprune.results import Cost, EpochRecord, GroupInfo, Job, Metrics, TrialResult

GROUPS = tuple(GroupInfo(f"g{index}", 16) for index in range(4))
SCORES = {group.name: tuple(float(c) for c in range(16)) for group in GROUPS}


def widths_of(ratios: Mapping[str, float]) -> dict[str, int]:
    """Return widths rounded to whole channels, at least one."""
    return {g.name: max(1, round(g.width * (1 - ratios.get(g.name, 0.0)))) for g in GROUPS}


def cost_of(ratios: Mapping[str, float]) -> Cost:
    """Return the sum of the widths as MACs, and ten times as many parameters."""
    macs = sum(widths_of(ratios).values())
    return Cost(params=10 * macs, macs=macs)


def accuracy_of(widths: Mapping[str, int]) -> float:
    """Return the accuracy: every removed channel costs something, more in later groups."""
    lost: float = sum((1 + i) * (16 - widths[g.name]) ** 1.5 for i, g in enumerate(GROUPS))
    return 100 - lost / 8


def evaluate(job: Job) -> TrialResult:
    """Run a trial of the formula."""
    macs = sum(job.widths.values())
    accuracy = accuracy_of(job.widths)
    epochs = 4.0 if job.epochs is None else job.epochs
    return TrialResult(
        number=job.number,
        state="complete",
        origin=job.origin,
        ratios=dict(job.ratios),
        widths=dict(job.widths),
        metrics=Metrics({"accuracy": accuracy}, macs=macs, params=10 * macs),
        seed=job.seed,
        curve=(EpochRecord(1, 0.5, accuracy, 0.4, 0.0, 0.01),) if epochs else (),
        seconds={"finetune": epochs * (1 + macs / 64), "measure": 0.5},
        parent=job.parent,
        epochs=epochs,
        asked_epochs=job.epochs,
        rung=job.rung,
        nested=job.nested,
        scores={name: SCORES[name][:width] for name, width in job.widths.items()},
    )


def search_settings(n_trials: int = 20, sampler: str = "RandomSampler") -> SearchSettings:
    """Return the settings of a search over the formula, by one of Optuna's samplers."""
    strategy = Target(
        path="paretoprune.search.strategies.sampling.Sampling",
        arguments={"sampler": {"_target_": f"optuna.samplers.{sampler}"}},
    )
    return SearchSettings(strategy=strategy, n_trials=n_trials, baseline_ratios=(0.25, 0.5, 0.75))
