"""A warm chain, with the sketch before it and the refill after it, connected to a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from pathlib import Path

from paretoprune.config.settings import Settings
from paretoprune.metrics import QUALITIES, Direction
from paretoprune.results import TrialResult
from paretoprune.search.allocation.sensitivity import ChannelDamage, Damage
from paretoprune.search.allocation.sizes import Sizes
from paretoprune.search.front.gaps import FrontAxis
from paretoprune.search.strategies.chain import Chain
from paretoprune.search.strategies.gap_filling import GapFilling
from paretoprune.search.strategies.sequence import StrategySequence
from paretoprune.search.strategies.shared import Shared
from paretoprune.search.strategies.untrained_front import UntrainedFront
from paretoprune.sweep.baselines import search_settings
from paretoprune.trial.context import TrialContext
from paretoprune.trial.proxy import proxy_divergences
from paretoprune.trial.run import start_from

Ratios = Mapping[str, float]

_SPARE = 0.1  # of a chain's budget: what fills its gaps


def chain_of(
    context: TrialContext,
    sizes: Sizes,
    fits: Callable[[Ratios], bool],
    damage: Callable[[TrialResult | None], Damage],
    *,
    uniform: Callable[[float], Ratios],
    num_sizes: Callable[[], int],
    trials: Path,
) -> StrategySequence:
    """The strategies `chain`, `auto` and `shared`.

    They differ in what they take for damage, and in how the first link is trained.
    """
    settings = context.problem.settings
    search = search_settings(settings)
    quality, look = _quality(search.objectives), _look(context, trials)
    chain = Chain(
        search.strategy,
        sizes,
        fits,
        damage,
        uniform,
        look,
        quality,
        num_sizes,
        _SPARE,
        settings.seed,
    )
    links = Shared(chain) if search.strategy == "shared" else chain
    refill = GapFilling(sizes, quality, fits, damage, search.min_gain, proxy=look)
    if not _is_sketchable(settings):
        return StrategySequence((links, refill))
    return StrategySequence(
        (UntrainedFront(sizes, quality, fits, damage, proxy=look), links, refill)
    )


def gate_damage(context: TrialContext) -> Callable[[TrialResult | None], Damage]:
    """What the parent's own training said of its channels; of the dense model, its gates."""
    dense = {name: values.tolist() for name, values in (context.gates or {}).items()}
    widths_of = context.problem.widths_of
    return lambda parent: ChannelDamage.of(
        parent.scores if parent and parent.scores else dense, widths_of
    )


def _is_sketchable(settings: Settings) -> bool:
    """Whether a cut is worth a look before training, and does not take a trial's place."""
    return (
        settings.search is not None
        and settings.search.budget is not None
        and settings.search.budget.unit != "trials"
        and settings.schedule.name == "one_shot"
        and settings.compensation_method is not None
    )


def _quality(objectives: Mapping[str, Direction]) -> FrontAxis:
    """The first objective that says how well a model does."""
    name = next((n for n in objectives if n in QUALITIES), None)
    if name is None:
        return FrontAxis(lambda _result: None, 0.0)
    sign = 1.0 if objectives[name] == "maximize" else -1.0

    def of(result: TrialResult) -> float | None:
        value = getattr(result.metrics, name)
        return None if value is None else sign * value

    return FrontAxis(of, 0.0 if sign > 0 else -math.inf)


def _look(context: TrialContext, trials: Path) -> Callable[[int | None, Ratios], float]:
    """How far a cut of a trial's model, or of the dense one, moves its outputs untrained."""
    start = lru_cache(maxsize=1)(lambda parent: start_from(context, parent, trials=trials))
    proxy = cache(lambda: proxy_divergences(context))
    return lambda parent, ratios: proxy()(start(parent), ratios)
