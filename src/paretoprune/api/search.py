"""`paretoprune.search` and `paretoprune.prune`: a sweep and a single run of objects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from torch import nn

from paretoprune.api.caller_state import caller_state_kept
from paretoprune.api.objects import Job, job_of, task_of
from paretoprune.api.picked import Picked
from paretoprune.api.sweep import Sweep
from paretoprune.data.given import GivenData
from paretoprune.errors import SettingsError
from paretoprune.metrics import DIRECTIONS
from paretoprune.report.watchers.open import report_watchers
from paretoprune.report.watchers.trial_log import TrialLog
from paretoprune.sweep.failure_streak import refuse_all_failed
from paretoprune.sweep.run import BegunSweep, Watch, run

_TARGETS = ("ratio", "macs", "params", "bytes", "latency", "max_drop", "accuracy_drop")


def search(
    model: nn.Module,
    data: GivenData,
    *,
    budget: str | int | None = None,
    objectives: Sequence[str] | Mapping[str, str] = ("accuracy", "macs"),
    name: str | None = None,
    **settings: object,
) -> Sweep:
    """Search a front of smaller models, or continue a search of that name.

    The model is not changed: every trial prunes and fine-tunes a copy. Trials, pages and tables
    lie in `sweeps_dir/name` (`sweeps/` by default), as those of `paretoprune train`. Called again
    with the same arguments, an interrupted search is resumed, and one that has ended gives
    its results at once. Messages go to the logger `paretoprune`.

    Args:
        model: a trained network, such as a classifier of images, or a LightningModule.
        data: a LightningDataModule, or loaders `(train, validation)` or `(train, validation,
            test)`, whose batches are those of the task, such as `(inputs, labels)` with int64
            labels `(n,)`.
        budget: when to end: `"10min"`, `"2h"`, `"200ep"` (passes over the training data) or a
            number of trials; None: 30 trials.
        objectives: two or three measured quantities, each in its usual direction, or a mapping
            from a quantity to `"maximize"` or `"minimize"`. `accuracy` stands for the first quality
            of a task that measures none.
        name: of the sweep; None: the model's class and a digest of model and settings.
        settings: any setting of the command line: an option of a group (`scorer="taylor"`),
            several settings of a group (`finetune={"epochs": 2}`), or one by its dotted name
            (`**{"schedule.steps": 3}`). `task` may also be an object, a
            `paretoprune.tasks.interface.Task`. `search` is `"auto"` and `tracking` `"none"` by
            default; `tracking="mlflow"` logs to MLflow. `trust` is a list of packages of your own
            that a `_target_` may name.

    Raises:
        SettingsError: settings are wrong, or need the model in other processes.
        DataError, WeightsError, PruningError: data, weights or network cannot be used.
        SweepError: the sweep of that name is another one, or trials fail one after another.
    """
    task_of(settings)  # objectives may name its qualities
    options = {"search": "auto", **settings, "search.objectives": _directed(objectives)}
    if budget is not None:
        options["search.budget"] = str(budget)
    job = _named(model, data, name, options)
    return _run(job)


def prune(
    model: nn.Module,
    data: GivenData,
    *,
    ratio: float | None = None,
    macs: float | None = None,
    params: float | None = None,
    bytes: float | None = None,
    latency: float | None = None,
    max_drop: float | None = None,
    accuracy_drop: float | None = None,
    name: str | None = None,
    **settings: object,
) -> Picked:
    """Prune a copy of the model to one size, fine-tune it, verify and test it.

    Give at most one target: `ratio`, the share of the channels of every group to remove; `macs`,
    `params`, `bytes` or `latency`, the share of the dense model's to keep; or `max_drop`, for the
    smallest model that loses at most this share of the quality that the dense model gains over the
    trivial predictor; or `accuracy_drop`, of a classifier the same in percentage points. Without a
    target half of the MACs are kept. All else is as in `search`.

    Raises:
        PickError: with `max_drop` or `accuracy_drop`, no pruned model is good enough.
        Others as `search`.
    """
    asked = (ratio, macs, params, bytes, latency, max_drop, accuracy_drop)
    targets = {key: value for key, value in zip(_TARGETS, asked, strict=True) if value is not None}
    options = {**settings, **{f"sparsity.{key}": value for key, value in targets.items()}}
    sweep = _run(_named(model, data, name, {"search": "none", **options}))
    if max_drop is not None:
        return sweep.pick("smallest", max_drop=max_drop)
    if accuracy_drop is not None:
        return sweep.pick("smallest", max_accuracy_drop=accuracy_drop)
    return sweep.pick(trial=max(result.number for result in sweep.results))


def _named(
    model: nn.Module, data: GivenData, name: str | None, options: Mapping[str, object]
) -> Job:
    """The job under its name; without one, under one that the same arguments give again."""
    if name is not None:
        return job_of(model, data, {**options, "name": name})
    class_name = type(model).__name__.lower()
    unnamed = job_of(model, data, {**options, "name": class_name})
    text = json.dumps(unnamed.config, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()[:6]
    return job_of(model, data, {**options, "name": f"{class_name}-{digest}"})


def _directed(objectives: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """Each objective with its direction. Raises SettingsError for an unknown quantity."""
    if isinstance(objectives, Mapping):
        return dict(objectives)
    names = [objectives] if isinstance(objectives, str) else list(objectives)
    unknown = [name for name in names if name not in DIRECTIONS]
    if unknown:
        raise SettingsError(
            [
                f"`objectives` names {', '.join(map(str, unknown))}, which is not measured; "
                f"measured are: {', '.join(DIRECTIONS)}"
            ]
        )
    return {name: DIRECTIONS[name] for name in names}


def _run(job: Job) -> Sweep:
    with caller_state_kept():
        found = run(job.settings, job.config, sources=job.sources, watch=_watch)
    refuse_all_failed(found.results)
    return Sweep(found.folder.path, job.sources, trust=job.settings.trust)


@contextmanager
def _watch(begun: BegunSweep) -> Iterator[Watch]:
    with report_watchers(
        begun.folder,
        begun.config,
        begun.settings.tracking,
        objectives=begun.objectives,
        groups=begun.groups,
    ) as watchers:
        yield Watch((TrialLog(begun.objectives), *watchers))
