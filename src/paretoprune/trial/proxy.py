"""Zero-cost proxy: distance between dense and pruned outputs before training.

With compensation the proxy predicts the ranking after training: among models of one size, the rank
correlation with the accuracy after four epochs was .80. It was .85 for one epoch of training and
.54 for recalibrated BatchNorm statistics alone (docs/research/search.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from torch import nn

from paretoprune.finetune.batchnorm import recalibrate_batchnorm
from paretoprune.pruning.compensation.compensate import Targets, bytes_of, compensate, targets_of
from paretoprune.tasks.bound import TaskBatch
from paretoprune.trial.context import TrialContext
from paretoprune.trial.divergence import divergence_from, outputs_of
from paretoprune.trial.schedules.interface import Start
from paretoprune.trial.schedules.parts.steps import calibration_samples, compensation_of

Ratios = Mapping[str, float]
Proxy = Callable[[Start, Ratios], float]

_NUM_CALIBRATED = 256  # calibration samples for compensation
_NUM_COLUMNS = 2**12  # outputs of a layer that compensation fits: half of those for a trial
_NUM_BATCHES = 4  # batches for recalibrating BatchNorm statistics, if there is no compensation
_MOST_CACHED_BYTES = 2**30  # of a parent's outputs; larger ones are computed for each candidate
_NUM_COMPARED = 2  # further batches on which outputs are compared


def proxy_divergences(context: TrialContext, *, compensated: bool = True) -> Proxy:
    """Return the proxy: a function from a candidate to the distance of its outputs.

    It compares the pruned and untrained model with the dense one, as the task does: for
    classification by KL(dense || pruned), in nats.

    With `compensated` false, or without a compensation method, only BatchNorm statistics are
    recalibrated.
    """
    problem = context.problem
    method = compensation_of(problem.settings) if compensated else None
    limit = _NUM_BATCHES + _NUM_COMPARED
    batches = list(problem.data.training_batches(limit))
    compared = TaskBatch.joined(batches[-_NUM_COMPARED:])
    calibrating = [batch.inputs for batch in batches[:_NUM_BATCHES]]
    samples = calibration_samples(context, _NUM_CALIBRATED)
    wanted = outputs_of(context.dense.model, compared)

    @lru_cache(maxsize=1)  # all candidates of a size have the same parent
    def targets(parent: nn.Module) -> Targets | None:
        found = targets_of(parent, samples, enough=_NUM_COLUMNS)
        return found if bytes_of(found) <= _MOST_CACHED_BYTES else None

    def proxy(start: Start, ratios: Ratios) -> float:
        wider = start.candidate
        smaller = wider.prune(start.scores, problem.costs.widths_of(ratios), proof=None)
        if method is None:
            recalibrate_batchnorm(smaller.model, calibrating)
        else:
            rows = smaller.kept_rows(wider)
            known = targets(wider.model)
            compensate(method, smaller.model, wider.model, rows, samples, targets=known)
        return divergence_from(wanted, smaller.model, compared)

    return proxy


def dense_divergence(context: TrialContext) -> Callable[[Ratios], float]:
    """Return the proxy for the dense model without compensation, for sensitivity analysis.

    Exactly 0 if rounding removes nothing, although recalibration would change the BatchNorm
    statistics.
    """
    proxy = proxy_divergences(context, compensated=False)
    widths_of = context.costs.widths_of
    whole = widths_of({})

    def divergence(ratios: Ratios) -> float:
        if widths_of(ratios) == whole:
            return 0.0
        return proxy(context.start, ratios)

    return divergence
