"""`_target_`s among the settings of a group: optimizers, schedules, callbacks, loggers."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from paretoprune.config.callables import is_listed, is_within
from paretoprune.config.name_patterns import closest
from paretoprune.config.target import Target
from paretoprune.config.targets.signatures import located_by, offers

Config = Mapping[str, Any]


@dataclass(frozen=True)
class _Kind:
    """A kind of object that settings name: its methods, its package, and the classes that are
    refused."""

    name: str
    methods: tuple[str, ...]
    package: str
    example: str  # a class of the package
    provided: tuple[str, ...] = ()  # arguments that the program gives
    refused: Mapping[str, str] | None = None  # classes of the package, and what to do instead


_OPTIMIZER = _Kind(
    "an optimizer",
    ("step", "zero_grad"),
    "torch.optim",
    "RMSprop",
    ("params", "lr"),
    {
        "LBFGS": "it needs several passes for a step; set `sgd`, `adamw` or another optimizer",
        "SparseAdam": "it needs sparse gradients; set `adamw`",
    },
)
_LR_SCHEDULER = _Kind(
    "a learning-rate scheduler",
    ("step", "get_last_lr"),
    "torch.optim.lr_scheduler",
    "CosineAnnealingLR",
    ("optimizer", "max_lr", "total_steps", "total_iters", "T_max"),
    {
        "ReduceLROnPlateau": "it needs a measured value at each step; set `CosineAnnealingLR`",
        "SequentialLR": "it needs schedulers that are built before; write a function of yours",
        "ChainedScheduler": "it needs schedulers that are built before; write a function of yours",
        "LambdaLR": "it needs a function, which no config holds; write a class of yours",
        "MultiplicativeLR": "it needs a function, which no config holds; write a class of yours",
    },
)
_CALLBACK = _Kind(
    "a Lightning callback",
    ("setup", "on_train_batch_end", "on_train_epoch_end"),
    "lightning.pytorch.callbacks",
    "EarlyStopping",
    (),
    {
        "ModelCheckpoint": "every trial keeps the weights of its best epoch",
        "OnExceptionCheckpoint": "every trial keeps the weights of its best epoch",
        "LearningRateMonitor": "the learning rate of each epoch is in the curve of every trial",
        "LearningRateFinder": "set `finetune.tune_learning_rate`",
        "BatchSizeFinder": "a batch that does not fit is divided; set `data.batch_size`",
        "GradientAccumulationScheduler": "set `trainer.accumulate_grad_batches`",
        "StochasticWeightAveraging": "name `WeightAveraging` or `EMAWeightAveraging`",
        "ModelPruning": "pruning is what a trial is about; set `granularity`",
        "TQDMProgressBar": "the terminal has a progress bar of the sweep",
        "RichProgressBar": "the terminal has a progress bar of the sweep",
        "DeviceStatsMonitor": "set `measure.energy`, or name `tracking.loggers`",
    },
)
_LOGGER = _Kind(
    "a Lightning logger",
    ("log_metrics", "log_hyperparams", "finalize"),
    "lightning.pytorch.loggers",
    "CSVLogger",
    (
        "save_dir",
        "name",
        "version",
        "project",
        "experiment_name",
        "offline",
    ),
    {"MLFlowLogger": "`tracking=mlflow` logs to MLflow; set `tracking.uri`"},
)
_SINGLE: Mapping[str, _Kind] = {
    "finetune.optimizer": _OPTIMIZER,
    "finetune.lr_scheduler": _LR_SCHEDULER,
    "model.train.optimizer": _OPTIMIZER,
    "model.train.lr_scheduler": _LR_SCHEDULER,
}
_NAMED: Mapping[str, _Kind] = {"trainer.callbacks": _CALLBACK, "tracking.loggers": _LOGGER}


def with_inner_targets(config: Config, convert: Callable[[object], object]) -> dict[str, Any]:
    """Return the config with each inner `_target_` mapping replaced by what `convert` returns."""
    out = dict(config)
    for place in _SINGLE:
        node = _at(out, place)
        if isinstance(node, Mapping):
            out = _with(out, place.split("."), convert(node))
    for place in _NAMED:
        nodes = _at(out, place)
        if isinstance(nodes, Mapping):
            converted = {name: convert(node) for name, node in nodes.items() if node is not None}
            out = _with(out, place.split("."), converted)
    return out


def inner_targets(config: Config) -> dict[str, object]:
    """Return the inner targets of a config by their settings, such as `trainer.callbacks.ema`."""
    found = {place: _at(config, place) for place in _SINGLE}
    for place in _NAMED:
        nodes = _at(config, place)
        if isinstance(nodes, Mapping):
            found |= {f"{place}.{name}": node for name, node in nodes.items()}
    return {place: node for place, node in found.items() if isinstance(node, Mapping)}


def provided_to(setting: str) -> tuple[str, ...]:
    """Return the arguments that the program gives to an inner target; empty for other settings."""
    kind = _kind_of(setting)
    return kind.provided if kind else ()


def example_of(setting: str) -> str:
    """Return the path of a class that the setting may name."""
    kind = _kind_of(setting)
    return f"{kind.package}.{kind.example}" if kind else "my_module.MyClass"


def refused(target: Target, setting: str) -> str | None:
    """Return the reason why an inner target cannot be used in a trial, whatever its arguments.

    One that must not be called at all has other reasons (`find_mistakes`).
    """
    kind = _kind_of(setting)
    if kind is None:
        return None
    home, _, name = target.path.rpartition(".")
    if not home and (meant := closest(name, dir(importlib.import_module(kind.package)))):
        return f"`{setting}._target_={name}`: write `{setting}._target_={kind.package}.{meant}`"
    if is_within(home, [kind.package]) and name in (kind.refused or {}):
        return f"`{setting}._target_={target.path}`: {(kind.refused or {})[name]}"
    if kind is _OPTIMIZER and "lr" in target.arguments:
        return f"`{setting}.lr`: set `{setting.removesuffix('optimizer')}learning_rate`"
    allowed = located_by(target) is not None
    return _not_of_its_kind(target, setting, kind) if allowed else None


def _not_of_its_kind(target: Target, setting: str, kind: _Kind) -> str | None:
    missing = [name for name in kind.methods if not offers(target, name)]
    foreign = is_listed(target.path) and not is_within(target.path, [kind.package])
    if not (missing or foreign):
        return None
    return (
        f"`{setting}._target_={target.path}` must be {kind.name}, with the methods "
        f"{', '.join(kind.methods)}; see `{kind.package}`"
    )


def _kind_of(setting: str) -> _Kind | None:
    return _SINGLE.get(setting) or _NAMED.get(setting.rpartition(".")[0])


def _at(config: Config, place: str) -> object:
    node: object = config
    for part in place.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


def _with(config: Config, parts: list[str], value: object) -> dict[str, Any]:
    first, *deeper = parts
    return {**config, first: _with(config[first], deeper, value) if deeper else value}
