"""What a cut does to the outputs before anything is trained; candidates are chosen by that look.

Once the kept weights make up for what went, it foretells well what training will come to: among
models of one size the rank correlation with the accuracy after four epochs was .80, that of an
epoch of training .85, and that of renewed BatchNorm statistics alone .54 (docs/search.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from paretoprune.finetune.batchnorm import recalibrate_batchnorm
from paretoprune.pruning.compensation.compensate import compensate
from paretoprune.trial.context import TrialContext, training_batches
from paretoprune.trial.divergence import divergence_from, log_probabilities
from paretoprune.trial.schedules.steps import Start, calibration_samples

Ratios = Mapping[str, float]
Glance = Callable[[Start, Ratios], float]

_NUM_CALIBRATED = 128  # training samples that kept weights make up for what went on, or
_NUM_BATCHES = 4  # batches that renew BatchNorm statistics, where nothing makes up for it
_NUM_COMPARED = 2  # batches after them, on which the answers are compared


def proxy_divergences(context: TrialContext, *, compensated: bool = True) -> Glance:
    """A function that says how far the outputs move: KL(dense || cut and not trained), in nats.

    Without `compensated`, or where the settings want none, BatchNorm statistics alone are renewed.
    """
    problem = context.problem
    method = problem.settings.compensation_method if compensated else None
    limit = _NUM_BATCHES + _NUM_COMPARED
    batches = [inputs for inputs, _ in training_batches(problem, limit)]
    compared = torch.cat(batches[-_NUM_COMPARED:])
    samples = calibration_samples(context, _NUM_CALIBRATED)
    wanted = log_probabilities(context.dense, compared)

    def proxy(start: Start, ratios: Ratios) -> float:
        wider = start.candidate
        smaller = wider.prune(start.scores, problem.widths_of(ratios), proof=None)
        if method is None:
            recalibrate_batchnorm(smaller.model, batches[:_NUM_BATCHES])
        else:
            rows = smaller.kept_rows(wider)
            compensate(method, smaller.model, wider.model, rows, samples)
        return divergence_from(wanted, smaller.model, compared)

    return proxy


def dense_divergence(context: TrialContext) -> Callable[[Ratios], float]:
    """The look at cuts of the dense model whose weights stay as they are, for sensitivity.

    Exactly 0 where rounding leaves all of it, though a look renews the BatchNorm statistics.
    """
    proxy, widths_of = proxy_divergences(context, compensated=False), context.problem.widths_of
    whole = widths_of({})

    def divergence(ratios: Ratios) -> float:
        if widths_of(ratios) == whole:
            return 0.0
        return proxy(Start(context.start, context.scores), ratios)

    return divergence
