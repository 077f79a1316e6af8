"""The strategies that the config files name, and sweeps by each over the formula."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from paretoprune.config.load import load_settings
from paretoprune.config.target import Target
from paretoprune.results import TrialResult
from paretoprune.search.phases.links import SPARE, Links
from paretoprune.testing import formula_sweep
from paretoprune.testing.formula_sweep import search_context
from tests.config.test_load import CONF, composed

NUM_SIZES = 10  # of a chain, by default


def _found() -> dict[str, Target]:
    """By the name of its file in conf/search, each strategy with the options that it has there."""
    targets = {}
    for file in sorted((CONF / "search").glob("*.yaml")):
        if not file.stem.startswith("_") and file.stem not in ("none", "own"):
            search = load_settings(composed(f"search={file.stem}", "name=x")).search
            assert search is not None
            targets[file.stem] = search.strategy
    return {**targets, "gp": _without_fits(targets["gp"])}


def _without_fits(gp: Target) -> Target:
    """Fitting Gaussian processes takes seconds, so here the start-up never ends."""
    sampler = {**gp.arguments["sampler"], "n_startup_trials": 10_000}
    return replace(gp, arguments={**gp.arguments, "sampler": sampler})


TARGETS = _found()
STRATEGIES = tuple(TARGETS)
SAMPLERS = tuple(name for name, target in TARGETS.items() if target.inner("sampler"))


def sweep(name: str, path: Path, **options: Any) -> list[TrialResult]:
    """A sweep over the formula by `search=name`; see `formula_sweep.sweep`."""
    return formula_sweep.sweep(TARGETS[name], path, **options)


def make_links(name: str, *, max_macs: float = 64, num_sizes: int = NUM_SIZES) -> Links:
    """The links of a chain, ranked by gates."""
    return Links(search_context(max_macs=max_macs), name, num_sizes, spare=SPARE)
