"""The tools of others beside this project's strategies at equal compute.

    pip install -e ".[peers]"
    python benchmarks/peers.py --tasks digits-hard --seeds 0,1,2
    python benchmarks/peers.py --tasks cifar10 --data FOLDER --seeds 0

Data, dense weights, CPU seconds, score, files and options are those of `front_quality.py`, to whose
runs these are added. All models are trained by the `fit` of this project with the cached outputs of
the teacher, and their MACs are counted by its counter:

- `tp_l2`: Torch-Pruning, L2 norm, the same ratio in every layer, a warm chain of 7 sizes;
- `tp_taylor`: Torch-Pruning, GroupTaylor, ranked over all layers, the same chain;
- `fastnas`: NVIDIA ModelOpt's FastNAS, 4 sizes, each searched in and trained from the dense model.

Their peak learning rate is set by hand and grows with (share of the MACs)^-0.75.
"""

from __future__ import annotations

import argparse
import importlib
import tempfile
from collections.abc import Callable
from pathlib import Path

import front_quality
from front_quality import common_overrides, execute, options_of, prepared, run_of
from front_scores import PEERS, Run
from peer_cuts import fastnas, l2_chain, taylor_chain
from peer_sweep import PeerSweep
from tasks import Task

from paretoprune.storage.sweep_folder import SweepFolder

# The function that makes and trains the models, and the module that it needs, by name.
_TRAINERS: dict[str, tuple[Callable[[PeerSweep], None], str]] = {
    "tp_l2": (l2_chain, "torch_pruning"),
    "tp_taylor": (taylor_chain, "torch_pruning"),
    "fastnas": (fastnas, "modelopt.torch.prune"),
}
_CONTROLS = ("uniform_chain", "auto")  # of this project, in the same run


def main() -> None:
    """Execute the selected runs that do not exist yet, then print the summary of all runs."""
    parser = options_of(__doc__ or "", (*PEERS, *_CONTROLS))
    parser.add_argument(
        "--learning-rate",
        type=float,
        default=0.004,
        help="peak learning rate of the peers at the size of the dense model",
    )
    execute(parser.parse_args(), measure)


def measure(
    problem: Task, strategy: str, *, seed: int, budget_seconds: float, options: argparse.Namespace
) -> Run:
    """Execute one run of a peer, or of a strategy of this project, and evaluate its models."""
    if strategy not in PEERS:
        return front_quality.measure(
            problem, strategy, seed=seed, budget_seconds=budget_seconds, options=options
        )
    train_models, module = _TRAINERS[strategy]
    importlib.import_module(module)  # its seconds do not count
    overrides = [
        "search=uniform",  # is not used
        "scorer=magnitude",  # nor is this, and it costs nothing
        *common_overrides(problem, budget_seconds),
        *options.override,
    ]
    outlined = prepared(problem, seed, overrides, options)
    with tempfile.TemporaryDirectory() as folder:
        peer = PeerSweep(
            outlined,
            SweepFolder(Path(folder)),
            budget_seconds=budget_seconds,
            learning_rate=options.learning_rate,
        )
        train_models(peer)
    seconds = peer.sweep.account.by_use()
    return run_of(
        problem,
        strategy,
        seed,
        budget_seconds,
        peer.sweep,
        seconds=seconds,
        members=peer.members(),
        learning_rate=peer.learning_rate,
        num_trials=peer.num_trials,
        epochs=peer.epochs,
    )


if __name__ == "__main__":
    main()
