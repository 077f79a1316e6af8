"""A pick trained for longer, and trained again with other seeds, as the order says."""

from __future__ import annotations

import tempfile
from pathlib import Path

from torch import nn

from paretoprune.pick.session import Bench
from paretoprune.pick.test_metrics import metrics_of, predict_test, validation_accuracy
from paretoprune.results import EpochRecord, Repeat, TrialResult
from paretoprune.trial.retrain import nth_seed, reseeded, train_again, train_longer


def trained_longer(bench: Bench, model: nn.Module, trial: TrialResult) -> tuple[EpochRecord, ...]:
    """Train the model in place for as long as the order says; the curve of it."""
    if bench.longer is None:
        return ()
    bench.console.print(f"training trial {trial.number} for {bench.longer.epochs} epochs more")
    return train_longer(bench.prepared, model, bench.longer, seed=trial.seed)


def repeats_of(bench: Bench, trial: TrialResult) -> list[Repeat]:
    """The trial trained again with other seeds, and then as long as the pick was."""
    return [
        _repeat(bench, trial, seed=nth_seed(trial, index))
        for index in range(1, bench.order.seeds + 1)
    ]


def _repeat(bench: Bench, trial: TrialResult, *, seed: int) -> Repeat:
    bench.console.print(f"training trial {trial.number} again with seed {seed}")
    prepared = reseeded(bench.prepared, seed)
    results = {result.number: result for result in bench.results}
    with tempfile.TemporaryDirectory() as place:
        model = train_again(prepared, trial, results, seed=seed, folder=Path(place))
    if bench.longer is not None:
        train_longer(prepared, model, bench.longer, seed=seed)
    test = metrics_of(predict_test(bench.task, model)).accuracy
    assert test is not None
    return Repeat(seed, validation=validation_accuracy(bench.task, model), test=test)
