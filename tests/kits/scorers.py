"""The scorers that the config files name, with as few batches, samples and probes as possible."""

from __future__ import annotations

from paretoprune.config.compose import targets_of
from paretoprune.config.instantiate import build
from paretoprune.config.target import Target
from paretoprune.config.targets.signatures import argument_names
from paretoprune.pruning.scorers.data_free.synflow import SynFlow
from paretoprune.pruning.scorers.interface import Scorer

_FEW = {"batches": 2, "samples": 6, "probes": 2, "seed": 3}


def _few(path: str) -> Scorer:
    target = Target(path=path)
    options = {name: _FEW[name] for name in argument_names(target) if name in _FEW}
    scorer: Scorer = build(Target(path=path, arguments=options))
    return scorer


def reads_data(scorer: Scorer) -> bool:
    """True if the scorer needs at least one batch; SynFlow does for the shape of a sample."""
    return ".data_free." not in type(scorer).__module__ or isinstance(scorer, SynFlow)


SCORERS = [_few(path) for path in targets_of("scorer").values()]
WITH_DATA = [scorer for scorer in SCORERS if reads_data(scorer)]
