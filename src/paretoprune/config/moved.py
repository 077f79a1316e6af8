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
# By the former value of `search.strategy`: its present target, and the settings that are its
# options.
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


# By the former value of `schedule.name`: its present target, and its options.
_SCHEDULES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "one_shot": ("one_shot.OneShot", ()),
    "iterative": ("iterative.Iterative", ("steps", "spacing")),
    "gradual": ("gradual.Gradual", ("ramp",)),
    "one_by_one": ("one_by_one.OneByOne", ("steps", "units", "recovery", "min_accuracy")),
    "lottery": ("lottery.Lottery", ("steps", "spacing", "rewind", "rewind_epoch")),
    "regrow": ("regrow.RegrowWeights", ("exchanged", "every", "until", "overgrow")),
    "at_init": ("at_init.AtInit", ("steps", "spacing")),
}
_GRANULARITIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "channels": ("channels.Channels", ()),
    "depth": ("depth.Depth", ()),
    "channels_depth": ("channels_depth.ChannelsAndDepth", ()),
    "weights": ("weights.SingleWeights", ()),
    "nm": ("nm.NM", ("m",)),
    "block": ("block.Block", ("rows", "columns")),
}
_ALLOCATIONS: Mapping[str, str] = {
    "uniform": "uniform.Uniform",
    "global": "global_ranking.GlobalRanking",
    "lamp": "lamp.Lamp",
    "erk": "erdos_renyi.ErdosRenyi",
    "score": "by_score.ByScore",
    "sensitivity": "by_sensitivity.BySensitivity",
}
_METHODS = "paretoprune.pruning.compensation.methods"
_COMPENSATIONS: Mapping[str, Mapping[str, object]] = {
    "auto": {"_target_": f"{_METHODS}.auto.Auto"},
    "none": {},
    "bias": {"_target_": f"{_METHODS}.bias.Bias"},
    "least_squares": {"_target_": f"{_METHODS}.least_squares.LeastSquares", "ridge": 0.1},
    "obs": {"_target_": f"{_METHODS}.obs.Obs", "damping": 0.01},
}
_SPARSE_TRAININGS: Mapping[str, str] = {
    "l1": "l1.L1",
    "bn_scale": "bn_scale.BatchNormScale",
    "group_lasso": "group_lasso.GroupLasso",
    "growing": "growing.Growing",
}
_PHASES = "paretoprune.pruning.sparse_training"
_DROPOUT = "weight_dropout.WeightDropout"
_COMMON = ("workers", "time_limit", "retries")  # of every executor
_EXECUTORS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "inline": ("inline.inline", _COMMON),
    "processes": ("processes.processes", _COMMON),
    "ray": ("ray.ray", (*_COMMON, "gpus_per_worker", "address")),
    "slurm": ("slurm.slurm", (*_COMMON, "gpus_per_worker", "cluster", "partition")),
}


def modernised(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config of an earlier version as this one would have composed it.

    Configs of this version are returned unchanged.
    """
    found = {name: _renamed(value) for name, value in config.items()}
    if isinstance(found.get("search"), Mapping):
        found["search"] = _with_strategy(found["search"])
    for group, known, package in (
        ("schedule", _SCHEDULES, "paretoprune.trial.schedules"),
        ("granularity", _GRANULARITIES, "paretoprune.pruning.granularities"),
        ("executor", _EXECUTORS, "paretoprune.executors"),
    ):
        if isinstance(found.get(group), Mapping):
            found[group] = _by_target(found[group], known, package)
    return _with_allocation(named_training(_with_effect(found)))


def _by_target(
    group: Mapping[str, Any], known: Mapping[str, tuple[str, tuple[str, ...]]], package: str
) -> Mapping[str, Any]:
    """Return the settings of a group with its `name` replaced by a `_target_`.

    Options of other variants, which had no effect, are left out.
    """
    name = group.get("name")
    if "_target_" in group or not isinstance(name, str) or name not in known:
        return group
    place, taken = known[name]
    options = {option: group[option] for option in taken if option in group}
    return {"_target_": f"{package}.{place}", **options}


def named_training(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config with compensation and sparse training that have a name as a `_target_`.

    They may still be written so: `compensation: none` in a file of settings, `sparse_training:
    {name: l1}`, or `sparse_training.dropout=0.5` alone.
    """
    found = dict(config)
    name, phase = found.get("compensation"), found.get("sparse_training")
    if isinstance(name, str) and name in _COMPENSATIONS:
        found["compensation"] = _COMPENSATIONS[name]
    if isinstance(phase, Mapping) and "_target_" not in phase:
        found["sparse_training"] = _sparse_training(phase)
    return found


def _sparse_training(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """The sparse training by its `name`, or else by its dropout; with its former defaults."""
    name = stored.get("name", "none")
    rest = {key: value for key, value in stored.items() if key != "name"}
    if name in _SPARSE_TRAININGS:
        target = {"_target_": f"{_PHASES}.{_SPARSE_TRAININGS[name]}"}
        return {**target, "strength": 1e-4, "epochs": 4, **rest}
    if name == "none" and rest.get("dropout"):
        return {"_target_": f"{_PHASES}.{_DROPOUT}", "targeted": 1.0, "epochs": 4, **rest}
    return {} if stored == {"name": "none"} else stored


def _with_effect(config: dict[str, Any]) -> dict[str, Any]:
    """The config without what had no effect then and is a mistake now."""
    found, phase = dict(config), config.get("sparse_training")
    named = isinstance(config.get("compensation"), str) and config["compensation"] != "none"
    if named and not config.get("search") and _is_schedule(config, "gradual"):
        found["compensation"] = "auto"
    if not isinstance(phase, Mapping) or "_target_" in phase or "name" not in phase:
        return found
    left_out = () if phase.get("dropout") else ("dropout", "targeted")
    kept = {key: value for key, value in phase.items() if key not in left_out}
    only_in_trials = kept["name"] == "growing" and "dropout" not in kept
    if only_in_trials and not _is_schedule(config, "one_shot", "iterative"):
        kept["name"] = "none"
    if kept["name"] == "none" and "dropout" not in kept:
        kept = {"name": "none"}
    return {**found, "sparse_training": kept}


def _is_schedule(config: Mapping[str, Any], *names: str) -> bool:
    """True if the schedule, which has its `_target_`, is one of these of ours."""
    schedule = config.get("schedule")
    path = schedule.get("_target_") if isinstance(schedule, Mapping) else None
    return path in [f"paretoprune.trial.schedules.{_SCHEDULES[name][0]}" for name in names]


def _with_allocation(config: dict[str, Any]) -> dict[str, Any]:
    """The config with `sparsity.allocation` as a group of its own, where it had an effect."""
    sparsity = config.get("sparsity")
    if not isinstance(sparsity, Mapping) or "allocation" not in sparsity:
        return config
    rest = {key: value for key, value in sparsity.items() if key != "allocation"}
    place = _ALLOCATIONS.get(str(sparsity["allocation"]), _ALLOCATIONS["uniform"])
    if config.get("search") or any(rest.get(key) is not None for key in ("ratio", "ratios")):
        place = _ALLOCATIONS["uniform"]
    target = {"_target_": f"paretoprune.search.allocation.methods.{place}"}
    return {**config, "sparsity": rest, "allocation": target}


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
