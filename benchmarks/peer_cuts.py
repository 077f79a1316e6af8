"""Smaller models by other tools: Torch-Pruning's chains and ModelOpt's FastNAS.

Torch-Pruning: Fang et al. 2023, "DepGraph: Towards any structural pruning". Each model is cut from
the trained one before, in steps of one percent of the channels until it is small enough.

FastNAS: the search of NVIDIA ModelOpt's `prune` for a constraint on the MACs. It profiles the
accuracy of each layer's widths once, then bisects the loss of accuracy that all layers may have.
"""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import torch
from peer_sweep import PeerSweep, even_shares
from torch import nn

from paretoprune.measure.quality import measure_quality
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.inputs import unkeyed
from paretoprune.trial.schedules.parts.steps import recalibrate

NUM_SIZES = 7  # of a chain
FASTNAS_SHARES = (0.6, 0.4, 0.2, 0.1)  # of the dense MACs

_PRUNED = 0.9  # most channels of a layer that one cut removes
_STEPS = 90  # of a cut
_GRADIENT_BATCHES = 8  # of the Taylor scores
_SCORED = 256  # FastNAS: validation samples by which each width is evaluated
_DIVISOR = 4  # FastNAS: of the channels
_RATIOS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)  # FastNAS: of the channels that are kept
_STATISTICS = 2  # FastNAS: training batches for BatchNorm statistics of each width


def l2_chain(sweep: PeerSweep) -> None:
    """Train a warm chain cut by the L2 norm of channels, the same ratio in every layer."""
    import torch_pruning as tp

    _chain(sweep, lambda _model: tp.importance.GroupMagnitudeImportance(p=2), everywhere=False)


def taylor_chain(sweep: PeerSweep) -> None:
    """Train a warm chain cut by first-order Taylor scores, ranked over all layers."""
    import torch_pruning as tp

    def scores(model: nn.Module) -> object:
        _accumulate_gradients(sweep, model)
        return tp.importance.GroupTaylorImportance()

    _chain(sweep, scores, everywhere=True)


def _chain(
    sweep: PeerSweep, importance: Callable[[nn.Module], object], *, everywhere: bool
) -> None:
    model = sweep.dense_copy()
    for index, share in enumerate(even_shares(sweep.sweep.least_share, NUM_SIZES)):
        with sweep.context.watch.on("score"):
            scores = importance(model)
        with sweep.context.watch.on("prune"):
            _cut(sweep, model, scores, share, everywhere=everywhere)
        sweep.train(model, models_left=NUM_SIZES - index)


def _cut(
    sweep: PeerSweep, model: nn.Module, scores: object, share: float, *, everywhere: bool
) -> None:
    """Prune a model in place until it has at most this share of the dense MACs."""
    import torch_pruning as tp

    pruner = tp.pruner.BasePruner(
        model,
        _input(sweep),
        importance=scores,
        global_pruning=everywhere,
        pruning_ratio=_PRUNED,
        max_pruning_ratio=_PRUNED,
        iterative_steps=_STEPS,
        ignored_layers=[_classifier(model)],
        round_to=sweep.problem.settings.sparsity.divisor,
    )
    for _ in range(_STEPS):
        if sweep.share_of(model) <= share:
            break
        pruner.step()
    model.zero_grad(set_to_none=True)


def _accumulate_gradients(sweep: PeerSweep, model: nn.Module) -> None:
    model.eval().zero_grad(set_to_none=True)
    for batch in sweep.problem.data.training_batches(_GRADIENT_BATCHES):
        torch.autograd.backward(batch.loss(model))


def _classifier(model: nn.Module) -> nn.Module:
    """Return the last linear layer, whose outputs are the classes."""
    return [module for module in model.modules() if isinstance(module, nn.Linear)][-1]


def _input(sweep: PeerSweep) -> torch.Tensor:
    """Return one image, (1, C, H, W)."""
    return next(iter(sweep.problem.example[:1]))


def fastnas(sweep: PeerSweep) -> None:
    """Search a model of each size by FastNAS, then train them."""
    with tempfile.TemporaryDirectory() as folder, sweep.context.watch.on("proxy"), _silent():
        profile = Path(folder) / "profile.pt"
        models = [_searched(sweep, share, profile) for share in FASTNAS_SHARES]
    for index, model in enumerate(models):
        sweep.train(model, models_left=len(models) - index)


def _searched(sweep: PeerSweep, share: float, profile: Path) -> nn.Module:
    """Return the untrained model with at most this share; `profile` is written by the first."""
    import modelopt.torch.prune as mtp

    convolution = {"channels_ratio": _RATIOS, "kernel_size": (), "channel_divisor": _DIVISOR}
    linear = {"features_ratio": _RATIOS, "feature_divisor": _DIVISOR}
    rules = {
        "nn.Conv2d": {"*": convolution},
        "nn.BatchNorm2d": {"*": linear},
        "nn.Linear": {"*": linear},
    }
    model, _state = mtp.prune(
        sweep.dense_copy(),
        mode=[("fastnas", rules)],
        constraints={"flops": f"{share:%}"},
        dummy_input=_input(sweep),
        config={"score_func": _score_of(sweep), "checkpoint": str(profile)},
    )
    found: nn.Module = model
    return found


def _score_of(sweep: PeerSweep) -> Callable[[nn.Module], float]:
    """Return the accuracy on some validation samples, with BatchNorm statistics of the widths.

    ModelOpt would recompute the statistics on 50 batches each time, which takes ten times as long.
    """
    data = sweep.problem.data
    first = TaskBatch(data.task, unkeyed(next(iter(data.val_dataloader()))))[:_SCORED]

    def score(model: nn.Module) -> float:
        recalibrate(sweep.context, model, most=_STATISTICS)
        return measure_quality(data.task, model, [first.batch], device=data.device)["accuracy"]

    return score


@contextmanager
def _silent() -> Iterator[None]:
    """Keep ModelOpt's progress and its warnings out of the benchmark's output."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
