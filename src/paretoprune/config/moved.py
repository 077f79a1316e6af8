"""Settings of sweeps of earlier versions, in their current form and with their current paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SCORERS = "paretoprune.pruning.scorers"
_MODULES = {
    "Apoz": "activation.apoz",
    "BatchNormScale": "data_free.bn_scale",
    "Cosine": "data_free.cosine",
    "Fisher": "gradient.fisher",
    "Fpgm": "data_free.fpgm",
    "Grasp": "gradient.grasp",
    "Lamp": "data_free.lamp",
    "Magnitude": "data_free.magnitude",
    "MeanActivation": "activation.mean_activation",
    "Movement": "gradient.movement",
    "Obd": "gradient.obd",
    "Obs": "activation.obs",
    "Random": "data_free.random",
    "Reconstruction": "activation.reconstruction",
    "Snip": "gradient.snip",
    "SynFlow": "data_free.synflow",
    "Taylor": "gradient.taylor",
    "TaylorActivation": "gradient.taylor_activation",
    "Wanda": "activation.wanda",
}
MOVED: Mapping[str, str] = {
    f"{package}.{name}": f"{_SCORERS}.{module}.{name}"
    for name, module in _MODULES.items()
    for package in ("paretoprune.pruning", _SCORERS)
}

_STRATEGIES = "paretoprune.search.strategies"
# By the value of `search.strategy`: what it is now, and which settings of the search it took.
_CHAIN_OPTIONS = ("num_sizes", "min_gain")
_NAMED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "full": ("sampling.Sampling", ("sampler", "log_sizes")),
    "halving": ("halving.Halving", ("sampler", "log_sizes")),
    "uniform": ("uniform.uniform", ("num_sizes",)),
    "global": ("global_ranking.global_ranking", ("num_sizes",)),
    "chain": ("chain.chain", _CHAIN_OPTIONS),
    "auto": ("auto.auto", _CHAIN_OPTIONS),
    "shared": ("shared.shared", _CHAIN_OPTIONS),
}
_MOVED_OPTIONS = ("sampler", "log_sizes", *_CHAIN_OPTIONS)


def modernised(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config of an earlier version as this one would have composed it; others are unchanged."""
    found = {name: _renamed(value) for name, value in config.items()}
    if isinstance(found.get("search"), Mapping):
        found["search"] = _with_strategy(found["search"])
    return found


def _renamed(value: Any) -> Any:
    """A mapping with the present name of the class that its `_target_` is."""
    path = value.get("_target_") if isinstance(value, Mapping) else None
    return {**value, "_target_": MOVED[path]} if isinstance(path, str) and path in MOVED else value


def _with_strategy(search: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings of a search, with the named strategy and its options as a `_target_`."""
    name = search.get("strategy")
    if not isinstance(name, str) or name not in _NAMED:
        return search
    place, taken = _NAMED[name]
    options = {option: search[option] for option in taken if option in search}
    common = {key: value for key, value in search.items() if key not in _MOVED_OPTIONS}
    return {**common, "strategy": {"_target_": f"{_STRATEGIES}.{place}", **options}}
