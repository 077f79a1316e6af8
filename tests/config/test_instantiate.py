"""The gate: all that can be reached in the allowed packages is thrown at it, in every form."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import lightning
import optuna
import pytest
import timm
import torch
import torchmetrics
import torchvision
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from paretoprune.config.callables import refusal
from paretoprune.config.instantiate import build
from paretoprune.config.model_builders import builder_mistakes
from paretoprune.config.target import Target
from paretoprune.config.targets.arguments import find_mistakes
from paretoprune.errors import SettingsError
from paretoprune.executors.interface import Executor
from paretoprune.pruning.compensation.methods.auto import Auto as AutoCompensation
from paretoprune.pruning.compensation.methods.interface import Compensation
from paretoprune.pruning.sparse_training.interface import SparseTraining
from paretoprune.search.allocation.methods.interface import Allocation
from paretoprune.tasks.guess import Auto
from paretoprune.tasks.interface import Task
from paretoprune.trial.schedules.interface import Schedule

CONF = Path(__file__).resolve().parents[2] / "conf"
ROOTS = ("torch.nn", "torch.optim", "torchvision", "torchmetrics", "optuna", "timm", "paretoprune")
BASES = (
    nn.Module,
    torch.optim.Optimizer,
    torch.optim.lr_scheduler.LRScheduler,
    torchmetrics.Metric,
    optuna.samplers.BaseSampler,
    optuna.samplers.nsgaii.BaseCrossover,
    lightning.LightningDataModule,
    Task,
    Auto,
    Executor,
    Schedule,
    Allocation,
    Compensation,
    AutoCompensation,
    SparseTraining,
)
# Scorers, which are called, and classes and functions that make a strategy or an executor.
VARIANTS = (
    "paretoprune.pruning.scorers.",
    "paretoprune.search.strategies.",
    "paretoprune.executors.",
    "paretoprune.formats.",
    "paretoprune.quantization.quantizers.",
)
MADE = ("paretoprune.models.", "paretoprune.data.")
FUNCTIONS = {
    timm.create_model,
    torchvision.models.get_model,
    *map(torchvision.models.get_model_builder, torchvision.models.list_models()),
}


def everything() -> Iterator[tuple[str, Any]]:
    """Every callable that a loaded module of the allowed packages names, public or not."""
    for name in ("paretoprune.cli.launch", "paretoprune.quantization.quantizers.mixed"):
        importlib.import_module(name)
    for module_name, module in sorted(sys.modules.items()):
        if module_name.startswith(ROOTS) and module is not None:
            for name, value in sorted(vars(module).items()):
                if callable(value):
                    yield f"{module_name}.{name}", value


THROWN = dict(everything())
PASSED = [path for path in THROWN if refusal(path) is None]


def test_enough_is_thrown() -> None:
    assert len(THROWN) > 10_000
    assert 300 < len(PASSED) < len(THROWN) / 4


def test_only_what_is_listed_passes() -> None:
    for path in PASSED:
        found = THROWN[path]
        assert not any(part.startswith("_") for part in path.split(".")), path
        if inspect.isclass(found):
            ours = found.__module__.startswith(VARIANTS)
            assert issubclass(found, BASES) or ours, path
            assert not issubclass(found, torch.fx.GraphModule), path
        elif found not in FUNCTIONS:
            assert found.__module__.startswith((*MADE, *VARIANTS)), path
            assert inspect.signature(found).return_annotation != "None", path


def test_nothing_that_passes_lends_its_methods() -> None:
    for path in PASSED[::5]:
        for name in vars(THROWN[path]):
            assert refusal(f"{path}.{name}") is not None, f"{path}.{name}"
    assert refusal("torch.nn.Embedding.from_pretrained") is not None


def test_a_class_that_passes_has_no_argument_that_fetches() -> None:
    """Constructors are called with whatever a config says; functions of libraries are not."""
    fetching = {"pretrained", "url", "checkpoint_path", "model_name_or_path", "cache_dir"}
    for path in PASSED:
        if inspect.isclass(THROWN[path]) and not path.startswith("paretoprune."):
            names = inspect.signature(THROWN[path]).parameters.keys()
            assert not names & fetching, path
            assert "weights" not in names or not path.startswith("torchvision."), path


@pytest.mark.parametrize("name", torchvision.models.list_models()[::7])
@pytest.mark.parametrize("argument", ["weights", "weights_backbone", "pretrained"])
def test_builders_of_torchvision_fetch_nothing(name: str, argument: str) -> None:
    builder = torchvision.models.get_model_builder(name)
    path = f"{builder.__module__}.{builder.__name__}"
    target = Target(path=path, arguments={argument: "DEFAULT"})
    assert find_mistakes(target, setting="model")
    assert find_mistakes(Target(path=path, arguments={"_args_": [True]}), setting="model")
    assert not builder_mistakes(path, builder, [], {argument: None})


def test_what_a_builder_fetches_by_default_is_left_out() -> None:
    path = "torchvision.models.detection.ssdlite320_mobilenet_v3_large"
    with torch.device("meta"):
        assert isinstance(build(Target(path=path)), nn.Module)  # its backbone's weights: none


TIMM = [
    {"model_name": "hf-hub:someone/model"},
    {"model_name": "local-dir:/tmp/x"},
    {"model_name": "resnet18.hf-hub:x"},
    {"model_name": "resnet18", "pretrained": True},
    {"model_name": "resnet18", "checkpoint_path": "/tmp/x.pth"},
    {"model_name": "resnet18", "pretrained_cfg": {"url": "file:///tmp/x.pth"}},
    {"model_name": "resnet18", "more": [{"url": "file:///tmp/x.pth"}]},
    {"_args_": ["resnet18", True]},
    {"model_name": "resnet18", "_partial_": True},
    {},
]


@pytest.mark.parametrize("arguments", TIMM)
def test_timm_builds_listed_names_alone(arguments: dict[str, Any]) -> None:
    assert find_mistakes(Target(path="timm.create_model", arguments=arguments), setting="model")


def test_timm_builds_a_listed_name() -> None:
    arguments = {"model_name": "test_resnet.r160_in1k", "num_classes": 3, "drop_path_rate": 0.1}
    target = Target(path="timm.create_model", arguments=arguments)
    assert find_mistakes(target, setting="model") == []
    assert isinstance(build(target), nn.Module)


LAYER = {"_target_": "torch.nn.Linear", "in_features": 1, "out_features": 1}
RESNET = "torchvision.models.resnet18"
HIDDEN: list[tuple[str, dict[str, Any]]] = [
    ("torch.nn.Sequential", {"_args_": [{**LAYER, "_partial_": "true"}]}),
    ("torch.nn.Sequential", {"_args_": [{**LAYER, "_partial_": 1}]}),
    ("torch.nn.Sequential", {"_args_": [{**LAYER, "_convert_": "object"}]}),
    ("torch.nn.Sequential", {"_args_": [[[{"_target_": "os.system"}]]]}),
    ("torch.nn.Sequential", {"_args_": {"0": {"_target_": "os.system"}}}),
    ("torch.nn.Sequential", {"_args_": "abc"}),
    ("torch.nn.Sequential", {"_args_ ": [1]}),
    ("torch.nn.Sequential", {"_convert_": "all"}),
    ("torch.nn.Sequential", {"__class__": "x"}),
    ("functools.partial", {"_args_": ["os.system"]}),
    ("torch.nn.modules.module.partial", {"_args_": ["os.system"]}),
    (RESNET, {"weights": "IMAGENET1K_V1"}),
    (RESNET, {"weights": {"_target_": "torchvision.models.ResNet18_Weights"}}),
    (RESNET, {"norm_layer": {"_target_": RESNET, "_partial_": True}}),
    (RESNET, {"norm_layer": {"_target_": RESNET, "_partial_": True, "weights": "DEFAULT"}}),
    ("torchvision.models.get_model", {"_args_": ["resnet18", "DEFAULT"]}),
    ("torchvision.models.get_model", {"name": "resnet18", "config": {"weights": "DEFAULT"}}),
    ("timm.create_model", {"model_name": "resnet18", "cache_dir": "/tmp/x"}),
    ("timm.create_model", {"model_name": "resnet18", "pretrained_cfg_overlay": {"url": "x"}}),
    ("timm.create_model", {"model_name": "resnet18/../x"}),
    ("timm.create_model", {"model_name": ["resnet18"]}),
]
NAMES = [
    *("torch..nn.Linear", "torch.nn.Linear.", "torch.nn.", " torch.nn.Linear", "torch.nn.Linear\n"),
    *("\uff54orch.nn.Linear", "torch.nn.L\u0131near", "torch.nn.__builtins__.eval"),
    *("torch.nn.modules.__spec__.loader", "torch.nn.Linear.forward.__func__"),
    *("torch.nn.Linear.__class__", "torch.nn.Embedding.from_pretrained"),
    *("timm.create_model.__globals__", "timm.models.load_checkpoint"),
    *("torchvision.models.get_weight", "torchvision.models.ResNet18_Weights"),
    *("lightning.pytorch.callbacks.LambdaCallback", "paretoprune.models.weights.load_weights"),
]


@pytest.mark.parametrize(("path", "arguments"), [*HIDDEN, *((name, {}) for name in NAMES)], ids=str)
def test_names_and_arguments_in_disguise_are_refused(path: str, arguments: dict[str, Any]) -> None:
    target = Target(path=path, arguments=arguments)
    assert find_mistakes(target, setting="model")
    with pytest.raises(SettingsError):
        build(target)


LOGGER = {"_target_": "lightning.pytorch.loggers.CSVLogger", "save_dir": "here"}
NPZ = {"_target_": "paretoprune.data.npz", "path": "a.npz"}


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ("model", "lightning.pytorch.loggers.MLFlowLogger"),
        ("model", "paretoprune.data.npz"),
        ("model", "paretoprune.executors.processes.Processes"),
        ("model", "optuna.samplers.RandomSampler"),
        ("model", "torch.optim.SGD"),
        ("data", "lightning.pytorch.loggers.MLFlowLogger"),
        ("data", "torch.nn.Identity"),
        ("scorer", "lightning.pytorch.loggers.MLFlowLogger"),
    ],
)
def test_a_listed_class_in_the_place_of_another_kind_is_not_built(setting: str, path: str) -> None:
    mistakes = find_mistakes(Target(path=path), setting=setting)
    assert mistakes[0].startswith(f"`{setting}._target_={path}` is no {setting}, which comes from")


@pytest.mark.parametrize("hidden", [LOGGER, NPZ, {**LOGGER, "_partial_": True}], ids=str)
def test_what_reads_or_connects_when_it_is_built_is_no_part_of_a_model(hidden: Any) -> None:
    for arguments in ({"_args_": [hidden]}, {"a": {"b": [hidden]}}):
        target = Target(path="torch.nn.Sequential", arguments=arguments)
        (mistake,) = find_mistakes(target, setting="model")
        assert "may only be named in" in mistake or "reads data" in mistake


def test_no_logger_hides_in_another_target() -> None:
    target = Target(path="paretoprune.data.npz", arguments={"path": LOGGER})
    with pytest.raises(SettingsError, match=r"may only be named in .*tracking\.loggers"):
        build(target)


EVIL = st.sampled_from(
    [
        {"_target_": "os.system", "command": "true"},
        {"_target_": "torch.load", "f": "x.pth"},
        {"_target_": "torch.nn.Module.load_state_dict"},
        {"_target_": "torchvision.models.resnet18", "weights": "DEFAULT"},
        {"_target_": ["os", "system"]},
        {"_target_": "torch.nn.Linear", "_recursive_": False},
        "${oc.env:HOME}",
        "${oc.create:{_target_: os.system}}",
        "a ${seed}",
        {"${oc.env:HOME}": 1},
        object(),
        {1: 2},
    ]
)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    call = {"_target_": st.just("torch.nn.Sequential")}
    return st.one_of(
        inner.map(lambda one: [1, one]),
        inner.map(lambda one: {"a": None, "b": one}),
        st.fixed_dictionaries({**call, "_args_": inner.map(lambda one: [one])}),
        st.fixed_dictionaries({**call, "_partial_": st.just(True), "x": inner}),
    )


@given(st.recursive(EVIL, _nested, max_leaves=4))
@settings(max_examples=200, deadline=None)
def test_what_is_refused_is_refused_wherever_it_hides(hidden: Any) -> None:
    for arguments in ({"in_features": hidden}, {"_args_": [hidden]}, {"_args_": hidden}):
        target = Target(path="torch.nn.Sequential", arguments=arguments)
        assert find_mistakes(target, setting="model")
        with pytest.raises(SettingsError):
            build(target)


def test_an_argument_cannot_take_the_targets_place() -> None:
    arguments = {"_target_": "os.system", "in_features": 2, "out_features": 3}
    assert isinstance(build(Target(path="torch.nn.Linear", arguments=arguments)), nn.Linear)


def test_values_without_end_are_refused() -> None:
    itself: list[Any] = []
    itself.append(itself)
    doubled: Any = 1
    for _ in range(60):
        doubled = [doubled, doubled]
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    for endless in (itself, doubled, deep):
        target = Target(path="torch.nn.Sequential", arguments={"_args_": [endless]})
        assert "more than 10,000 values" in find_mistakes(target, setting="model")[0]
    while isinstance(deep, list):  # its own destructor would need as deep a stack
        deep = deep.pop()


def test_nested_and_partial_targets_are_built() -> None:
    layers = [{"_target_": "torch.nn.Linear", "in_features": 2, "out_features": 3}]
    built = build(Target(path="torch.nn.Sequential", arguments={"_args_": layers}))
    assert isinstance(built[0], nn.Linear)
    norm = {"_target_": "torch.nn.BatchNorm2d", "momentum": 0.2, "_partial_": True}
    target = Target(path="torchvision.models.resnet18", arguments={"norm_layer": norm})
    model = build(target, seed=1)
    assert model.bn1.momentum == 0.2
    assert isinstance(model._norm_layer, partial)


@pytest.mark.parametrize("file", sorted(CONF.rglob("*.yaml")), ids=lambda p: p.parent.name + p.stem)
def test_all_variants_of_ours_pass(file: Path) -> None:
    paths = [line.split(": ")[1].split()[0] for line in _lines(file) if "_target_: " in line]
    paths = [path for path in paths if path != "???"]  # of the options named `own`
    assert all(refusal(path) is None for path in paths), paths
    assert yaml.safe_load(file.read_text()) is not None or not paths


def _lines(file: Path) -> list[str]:
    """Return the lines without their comments."""
    return [line.partition("#")[0] for line in file.read_text().splitlines()]
