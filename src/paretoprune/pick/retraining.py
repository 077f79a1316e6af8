"""A pick trained for longer, and trained again with other seeds, by the options of the export."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from torch import nn

from paretoprune.pick.session import PickSession
from paretoprune.pick.test_metrics import measure_test, validation_quality
from paretoprune.results import EpochRecord, TrialResult
from paretoprune.results.exported import Repeat
from paretoprune.trial.retrain import nth_seed, reseeded, train_again, train_longer

_log = logging.getLogger(__name__)


def trained_longer(
    session: PickSession, model: nn.Module, trial: TrialResult
) -> tuple[EpochRecord, ...]:
    """Train the model in place for the further epochs of the options; return its curve."""
    if session.longer is None:
        return ()
    _log.info("training trial %d for %d epochs more", trial.number, session.longer.epochs)
    return train_longer(session.context, model, session.longer, seed=trial.seed)


def repeats_of(session: PickSession, trial: TrialResult) -> list[Repeat]:
    """Return the trial trained again with other seeds, for as many epochs as the pick."""
    return [
        _repeat(session, trial, seed=nth_seed(trial, index))
        for index in range(1, session.options.seeds + 1)
    ]


def _repeat(session: PickSession, trial: TrialResult, *, seed: int) -> Repeat:
    _log.info("training trial %d again with seed %d", trial.number, seed)
    context = reseeded(session.context, seed)
    results = {result.number: result for result in session.results}
    with tempfile.TemporaryDirectory() as place:
        model = train_again(context, trial, results, seed=seed, folder=Path(place))
    if session.longer is not None:
        train_longer(context, model, session.longer, seed=seed)
    data = session.problem.data
    first = data.task.qualities[0].name
    test = measure_test(data, model).quality[first]
    return Repeat(seed, validation=validation_quality(data, model), test=test)
