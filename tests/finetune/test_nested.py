"""Smaller networks in a larger one's weights: what they are, and how they are trained."""

from __future__ import annotations

import copy
import random

import pytest
import torch
from torch import Tensor, nn

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.finetune.fit import FitResult, fit
from paretoprune.finetune.nested import Slice, drawn, num_at_once
from paretoprune.finetune.training_run import TrainingRun
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.structured.apply import apply_plan, kept_positions
from paretoprune.pruning.structured.plan import Plan
from tests.finetune.nets import CPU, NUM_CLASSES, batches, weights
from tests.kits import networks
from tests.kits.tasks import CLASSES
from tests.pruning.structured.test_attention import TOKENS, Own

NETWORKS = (*networks.PRUNABLE, "attention")


def made(name: str) -> tuple[nn.Module, Tensor]:
    """A network in training mode, and an input."""
    if name == "attention":
        return networks.lively(Own()).train(), TOKENS
    return networks.build(name).train(), networks.example()


def parted(model: nn.Module, example: Tensor, *, keep: int) -> tuple[Slice, nn.Module]:
    """A slice with one of `keep` channels of each group, and its parameters' places.

    The places are those of the flat parameters of `model`: numbers that were cut as weights are.
    """
    groups = find_groups(copy.deepcopy(model).eval(), example).prunable
    gone = {g.name: [c for c in range(g.width) if c % keep] for g in groups}
    plan = Plan({name: tuple(channels) for name, channels in gone.items()})
    numbered = copy.deepcopy(model).double()
    for parameter in numbered.parameters():
        parameter.data = torch.arange(parameter.numel()).double().view(parameter.shape)
    one = Slice(apply_plan(model, groups, plan), kept_positions(model, groups, plan))
    return one, apply_plan(numbered, groups, plan)


def filled(places: nn.Module, one: Slice, model: nn.Module) -> nn.Module:
    """A network of its own of the slice's shapes, with the weights at these places of `model`."""
    own = copy.deepcopy(one.network)
    source, where = dict(model.named_parameters()), dict(places.named_parameters())
    for name, parameter in own.named_parameters():
        parameter.data = source[name].detach().flatten()[where[name].detach().long()]
    return own


@pytest.mark.parametrize("keep", [2, 4])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_slice_is_the_model_that_a_cut_leaves_and_trains_the_larger_one(
    name: str, keep: int
) -> None:
    """Its answers to the bit, also after training; its gradients at their places, 0 elsewhere."""
    model, example = made(name)
    one, places = parted(model, example, keep=keep)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.25)
    alone = filled(places, one, model)
    torch.manual_seed(0)  # of dropout
    expected = alone(example)
    torch.manual_seed(0)
    found = one.within(model)(example)
    assert torch.equal(found, expected)
    for answer in (found, expected):
        torch.autograd.backward(answer.square().sum())
    assert all(parameter.grad is None for parameter in one.network.parameters())
    where, own = dict(places.named_parameters()), dict(alone.named_parameters())
    for name, parameter in model.named_parameters():
        if name in own and parameter.requires_grad:
            wanted = torch.zeros(parameter.numel())
            wanted[where[name].detach().long()] = own[name].grad  # type: ignore[assignment]
            assert parameter.grad is not None
            torch.testing.assert_close(parameter.grad.flatten(), wanted)


class Small(nn.Sequential):
    """Two convolutions; nothing in it is random."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__(
            nn.Conv2d(2, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, NUM_CLASSES),
        )


def halves_and_quarters(model: nn.Module) -> list[Slice]:
    """The smallest first."""
    example = batches(1)[0][0]
    return [parted(model, example, keep=keep)[0] for keep in (4, 2)]


def trained(model: nn.Module, nested: list[Slice], **changes: object) -> FitResult:
    settings = FinetuneSettings(learning_rate=0.2, precision="32")
    arguments = {
        "train_loader": batches(6),
        "val_loader": batches(2, seed=1),
        "settings": settings,
        "epochs": 12,
        "seed": 0,
        "device": CPU,
        "nested": nested,
    } | changes
    return fit(model, CLASSES, TrainingRun(**arguments))  # type: ignore[arg-type]


def accuracy(one: Slice, model: nn.Module) -> float:
    """Percent, in training mode, on batches that it was not trained on."""
    with torch.no_grad():
        right = [
            (one.within(model)(x).argmax(1) == y).float().mean() for x, y in batches(4, seed=2)
        ]
    return 100 * torch.stack(right).mean().item()


def test_all_are_trained_at_once_and_the_same_seed_gives_the_same_bits() -> None:
    found = []
    for _ in range(2):
        model = Small()
        nested = halves_and_quarters(model)
        result = trained(model, nested)
        assert result.curve[-1].quality > 80
        assert min(accuracy(one, model) for one in nested) > 80
        found.append(weights(model))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    alone = Small()
    trained(alone, [])
    assert max(accuracy(one, alone) for one in halves_and_quarters(alone)) < 75


def test_a_step_follows_the_mean_of_the_losses_of_all() -> None:
    [batch] = batches(1)
    model = Small()
    nested = halves_and_quarters(model)
    for network in (model, *nested):
        answer = network(batch[0]) if network is model else network.within(model)(batch[0])
        torch.autograd.backward(nn.functional.cross_entropy(answer, batch[1]) / 3)
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    before = weights(model)
    plain = FinetuneSettings(learning_rate=0.1, momentum=0.0, weight_decay=0.0, precision="32")
    result = trained(model, nested, train_loader=[batch], epochs=1, settings=plain)
    rate = result.curve[0].learning_rate
    for name, parameter in model.named_parameters():
        step = before[name] - parameter.detach()
        torch.testing.assert_close(step, rate * gradients[name], rtol=1e-3, atol=1e-6)


def test_the_weights_are_those_of_the_last_epoch() -> None:
    """Not those of the best: what the larger network is worth is not all that matters.

    On labels that are all wrong it is worth less and less.
    """
    wrong = [[x, (y + 1) % NUM_CLASSES] for x, y in batches(2, seed=1)]
    for nested in (True, False):
        model = Small()
        slices = halves_and_quarters(model) if nested else []
        result = trained(model, slices, val_loader=wrong)
        accuracies = [record.quality for record in result.curve]
        assert max(accuracies) > accuracies[-1]
        assert (result.best_epoch == 12) == (result.best_quality == accuracies[-1]) == nested


def test_the_smallest_is_in_every_step_and_the_others_take_turns() -> None:
    nothing = nn.Identity()
    slices = [Slice(nothing, {str(number): {}}) for number in range(6)]
    random.seed(0)
    steps = [drawn(slices) for _ in range(50)]
    assert all(step[0] is slices[0] for step in steps)
    assert all(len(step) == 3 and len({id(one) for one in step}) == 3 for step in steps)
    assert {id(one) for step in steps for one in step} == {id(one) for one in slices}
    for count in range(6):
        assert num_at_once(count) == 1 + len(drawn(slices[:count]))
