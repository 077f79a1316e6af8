"""What every scorer must do: finite scores for every channel, repeatably, and no trace left."""

from __future__ import annotations

import pytest
import torch

from paretoprune.pruning import BatchNormScale, Magnitude, Random, Taylor, make_plan, normalise
from tests.kits import networks

SCORERS = [Magnitude(1), Magnitude(2), Taylor(2), BatchNormScale(), Random(3)]


def batches() -> list[tuple[torch.Tensor, ...]]:
    generator = torch.Generator().manual_seed(2)
    return [
        (
            torch.randn(4, 3, 8, 8, generator=generator),
            torch.randint(5, (4,), generator=generator),
            torch.arange(4),
        )
        for _ in range(3)
    ]


@pytest.mark.parametrize("scorer", SCORERS, ids=str)
def test_finite_scores_for_every_channel(case, scorer) -> None:
    if case.name == "vgg_without_batchnorm" and isinstance(scorer, BatchNormScale):
        pytest.skip("has its own test")
    if case.name in ("vgg", "densenet") and isinstance(scorer, BatchNormScale):
        pytest.skip("has layers without BatchNorm")
    scores = scorer(case.model, case.groups, batches())
    assert list(scores) == [group.name for group in case.groups]
    for group in case.groups:
        score = scores[group.name]
        assert (score.shape, score.dtype, score.device.type) == (
            (group.width,),
            torch.float32,
            "cpu",
        )
        assert torch.isfinite(score).all() and (score >= 0).all() and len(score.unique()) > 1


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
    assert not any(m._forward_hooks or m._backward_hooks for m in model.modules())
    assert torch.equal(torch.get_rng_state(), state)


def test_random_depends_on_the_seed_alone(resnet) -> None:
    one, two = (Random(seed)(resnet.model, resnet.groups) for seed in (1, 2))
    assert not torch.equal(one["conv1"], two["conv1"])


def test_normalise_puts_every_mean_at_one() -> None:
    scores = {"a": torch.tensor([1.0, 3.0]), "b": torch.tensor([100.0, 200.0, 0.0])}
    found = normalise({**scores, "dead": torch.zeros(2)})
    assert found["a"].tolist() == [0.5, 1.5]
    assert found["b"].tolist() == [1.0, 2.0, 0.0]
    assert found["dead"].tolist() == [0.0, 0.0]
