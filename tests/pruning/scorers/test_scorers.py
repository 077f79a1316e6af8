"""The contract of scorers: finite, repeatable scores of every channel, without side effects."""

from __future__ import annotations

import gc
import importlib
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import is_dataclass
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from paretoprune.config.compose import CONF
from paretoprune.config.instantiate import build
from paretoprune.config.load import load_settings
from paretoprune.config.target import Target
from paretoprune.errors import PruningError
from paretoprune.pruning import scorers
from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.activation.apoz import Apoz
from paretoprune.pruning.scorers.data_free.bn_scale import BatchNormScale
from paretoprune.pruning.scorers.data_free.random import Random
from paretoprune.pruning.scorers.parts.normalise import normalise
from paretoprune.pruning.structured.plan import make_plan
from paretoprune.tasks.bound import TaskBatch
from paretoprune.testing import check_scorer
from tests.config.test_load import composed
from tests.kits import networks
from tests.kits.scorers import SCORERS, WITH_DATA
from tests.kits.tasks import bound

# Networks with a group that passes no BatchNorm.
WITHOUT_SCALES = ("vgg", "vgg_without_batchnorm", "densenet")


def test_every_scorer_has_a_config() -> None:
    """So that the tests of the contract and the reference find it."""
    package = "paretoprune.pruning.scorers"
    folder = Path(scorers.__file__).parent
    defined = set()
    for kind in ("data_free", "activation", "gradient"):
        for file in (folder / kind).glob("[!_]*.py"):
            module = importlib.import_module(f"{package}.{kind}.{file.stem}")
            classes = [c for c in vars(module).values() if inspect.isclass(c)]
            defined |= {c for c in classes if c.__module__ == module.__name__ and called(c)}
    assert defined == {type(scorer) for scorer in SCORERS}


def called(found: type) -> bool:
    return is_dataclass(found) and any("__call__" in vars(owner) for owner in found.__mro__)


NAMES = sorted({path.stem for path in (CONF / "scorer").glob("*.yaml")} - {"own"})


@pytest.mark.parametrize("name", NAMES)
def test_every_config_keeps_the_contract(name: str) -> None:
    check_scorer(build(load_settings(composed(f"scorer={name}")).scorer, seed=0))


def test_the_contract_notices_scores_that_are_not_finite() -> None:
    def broken(model: nn.Module, groups: Sequence[Group], batches: object) -> dict[str, Tensor]:
        return {group.name: torch.full((group.width,), float("nan")) for group in groups}

    with pytest.raises(AssertionError, match="finite"):
        check_scorer(broken)


def batches() -> list[TaskBatch]:
    generator = torch.Generator().manual_seed(2)
    return bound(
        (
            torch.randn(4, 3, 8, 8, generator=generator),
            torch.randint(5, (4,), generator=generator),
        )
        for _ in range(3)
    )


@pytest.mark.parametrize("scorer", SCORERS, ids=str)
def test_finite_scores_for_every_channel(case, scorer) -> None:
    if isinstance(scorer, BatchNormScale) and case.name in WITHOUT_SCALES:
        with pytest.raises(PruningError, match="pass no BatchNorm"):
            scorer(case.model, case.groups, batches())
        return
    scores = scorer(case.model, case.groups, batches())
    assert list(scores) == [group.name for group in case.groups]
    for group in case.groups:
        score = scores[group.name]
        assert (score.shape, score.dtype, score.device.type) == (
            (group.width,),
            torch.float32,
            "cpu",
        )
        assert torch.isfinite(score).all() and (score >= 0).all() and not score.requires_grad
        # A linear bottleneck has no zeros, so there all channels are on all the time.
        assert len(score.unique()) > 1 or isinstance(scorer, Apoz)


@pytest.mark.parametrize("scorer", SCORERS, ids=str)
def test_the_same_scores_and_plan_every_time(resnet, scorer) -> None:
    first = scorer(resnet.model, resnet.groups, batches())
    second = scorer(networks.build("resnet"), resnet.groups, batches())
    assert all(torch.equal(first[name], second[name]) for name in first)
    widths = {group.name: group.width // 2 for group in resnet.groups}
    assert make_plan(resnet.groups, first, widths) == make_plan(resnet.groups, second, widths)


@pytest.mark.parametrize("scorer", SCORERS, ids=str)
def test_the_model_is_left_as_it_was(resnet, scorer) -> None:
    model = networks.build("resnet").train()
    model.bn1.eval()
    model.layer1.requires_grad_(False)
    model.fc.weight.grad = torch.ones_like(model.fc.weight)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    frozen = [p.requires_grad for p in model.parameters()]
    state = torch.get_rng_state()
    with torch.no_grad():
        scorer(model, resnet.groups, batches())
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())
    assert [module.training for module in model.modules()] == modes
    assert [p.requires_grad for p in model.parameters()] == frozen
    assert [name for name, p in model.named_parameters() if p.grad is not None] == ["fc.weight"]
    assert torch.equal(model.fc.weight.grad, torch.ones_like(model.fc.weight))
    assert not any(
        m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in model.modules()
    )
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.usefixtures("light_heap")
@pytest.mark.parametrize("scorer", SCORERS, ids=str)
def test_nothing_is_left_behind_by_many_calls(resnet, scorer) -> None:
    def call() -> int:
        scorer(resnet.model, resnet.groups[:2], batches())
        gc.collect()
        return sum(isinstance_quietly(thing) for thing in gc.get_objects())

    call()
    before = call()
    for _ in range(8):
        scorer(resnet.model, resnet.groups[:2], batches())
    assert call() <= before


def isinstance_quietly(thing: object) -> bool:
    """Return True for tensors and modules, without asking lazy modules for their class."""
    return issubclass(type(thing), Tensor | nn.Module)


@pytest.mark.parametrize("scorer", WITH_DATA, ids=str)
def test_no_batch_is_reported(resnet, scorer) -> None:
    with pytest.raises(PruningError, match="at least one batch"):
        scorer(resnet.model, resnet.groups, [])


@pytest.mark.parametrize("scorer", WITH_DATA, ids=str)
def test_a_diverged_model_is_reported(resnet, scorer) -> None:
    model = networks.build("resnet")
    with torch.no_grad():
        model.conv1.weight.fill_(float("nan"))
    with pytest.raises(PruningError, match="NaN"):
        scorer(model, resnet.groups, batches())
    assert not any(m._forward_pre_hooks for m in model.modules())


@pytest.mark.parametrize("scorer", WITH_DATA, ids=str)
def test_no_more_batches_are_taken_than_asked_for(resnet, scorer) -> None:
    taken: list[int] = []

    def counted() -> Iterator[TaskBatch]:
        while True:
            taken.append(1)
            yield batches()[0]

    scorer(resnet.model, resnet.groups, counted())
    assert len(taken) <= 2


def test_random_depends_on_the_seed_alone(resnet) -> None:
    one, two = (Random(seed)(resnet.model, resnet.groups) for seed in (1, 2))
    assert not torch.equal(one["conv1"], two["conv1"])


def test_normalise_puts_every_mean_at_one() -> None:
    scores = {"a": torch.tensor([1.0, 3.0]), "b": torch.tensor([100.0, 200.0, 0.0])}
    found = normalise({**scores, "dead": torch.zeros(2)})
    assert found["a"].tolist() == [0.5, 1.5]
    assert found["b"].tolist() == [1.0, 2.0, 0.0]
    assert found["dead"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("scorer", SCORERS, ids=str)
def test_frozen_weights_have_the_scores_of_others(resnet, scorer) -> None:
    frozen = networks.build("resnet").requires_grad_(False)
    expected = scorer(resnet.model, resnet.groups, batches())
    found = scorer(frozen, resnet.groups, batches())
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("name", NAMES)
def test_a_config_has_the_defaults_of_its_class(name: str) -> None:
    """So that a scorer is the same from Python as from the command line."""
    config = OmegaConf.to_container(OmegaConf.load(CONF / "scorer" / f"{name}.yaml"))
    assert isinstance(config, dict)
    target = Target(path=config.pop("_target_"))
    given = {key: value for key, value in config.items() if not str(value).startswith("${")}
    assert build(Target(path=target.path, arguments=given)) == build(target)
