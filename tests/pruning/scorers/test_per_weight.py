"""Scores of single weights: the kit for all scorers that give them, and their formulas."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from paretoprune.errors import PruningError
from paretoprune.pruning.groups import Group, Slot, row_of_positions
from paretoprune.pruning.scorers.activation.obs import Obs
from paretoprune.pruning.scorers.activation.wanda import Wanda
from paretoprune.pruning.scorers.data_free.lamp import Lamp
from paretoprune.pruning.scorers.data_free.magnitude import Magnitude
from paretoprune.pruning.scorers.data_free.synflow import SynFlow
from paretoprune.pruning.scorers.gradient.fisher import Fisher
from paretoprune.pruning.scorers.gradient.movement import Movement
from paretoprune.pruning.scorers.gradient.obd import Obd
from paretoprune.pruning.scorers.gradient.snip import Snip
from paretoprune.pruning.scorers.gradient.taylor import Taylor
from paretoprune.pruning.scorers.interface import WeightScorer
from paretoprune.pruning.scorers.parts.channels import sum_slot
from paretoprune.pruning.unstructured.layers import find_layers
from paretoprune.pruning.unstructured.patterns import Weights
from tests.kits import networks
from tests.kits import scorers as found
from tests.kits.tasks import bound
from tests.pruning.scorers.test_scorers import batches

SCORERS = [scorer for scorer in found.SCORERS if isinstance(scorer, WeightScorer)]
# The score of a channel is the sum of those of its weights.
ADDITIVE = [Snip(2), Fisher(4), SynFlow()]


def tensors_of(model: nn.Module) -> list[str]:
    return [layer.tensor for layer in find_layers(model, Weights()).found]


@pytest.mark.parametrize("scorer", SCORERS, ids=str)
def test_the_kit(scorer: WeightScorer) -> None:
    """Finite scores of the weights' shapes, twice the same, and no trace in the model."""
    assert isinstance(scorer, WeightScorer)
    model = networks.build("resnet").train()
    model.bn1.eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    tensors = tensors_of(model)
    first, second = (scorer.per_weight(model, tensors, batches()) for _ in range(2))
    assert list(first) == tensors
    for name, scores in first.items():
        assert scores.shape == before[name].shape and scores.dtype == torch.float32
        assert torch.isfinite(scores).all() and not scores.requires_grad
        assert torch.equal(scores, second[name]) and len(scores.unique()) > 1
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert [module.training for module in model.modules()] == modes
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


@pytest.mark.parametrize("scorer", ADDITIVE, ids=str)
def test_the_weights_of_a_channel_add_up_to_its_score(resnet, scorer) -> None:
    names = sorted(
        {s.tensor for g in resnet.groups for s in g.slots if s.tensor.endswith("weight")}
    )
    shapes = dict(resnet.model.named_parameters())
    tensors = [name for name in names if shapes[name].dim() > 1]
    weights = scorer.per_weight(resnet.model, tensors, batches())
    channels = scorer(resnet.model, resnet.groups, batches())
    for group in resnet.groups:
        slots = [slot for slot in group.slots if slot.tensor in weights]
        total = sum(sum_slot(slot, weights[slot.tensor]) for slot in slots)
        torch.testing.assert_close(total.float(), channels[group.name], rtol=1e-3, atol=1e-6)


def small() -> tuple[nn.Sequential, Group]:
    """Three inputs, four hidden units, three classes; the group is that of the hidden units."""
    generator = torch.Generator().manual_seed(5)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 1, generator=generator)
    row = row_of_positions(4)
    return model, Group("0", 4, (Slot("0.weight", 0, row), Slot("2.weight", 1, row)))


def data() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(6)
    x = torch.randn(40, 3, generator=generator, dtype=torch.float64)
    return x, torch.randint(3, (40,), generator=generator)


def test_magnitude_lamp_and_taylor_are_their_formulas() -> None:
    model, _ = small()
    x, y = data()
    weight = model[2].weight
    gradient = torch.autograd.grad(cross_entropy(model(x), y), weight)[0]
    found = {
        type(s).__name__: s.per_weight(model, ["2.weight"], bound([(x, y)]))["2.weight"]
        for s in (Magnitude(), Lamp(), Taylor(), Snip())
    }
    squares = weight.detach().square().flatten()
    lamp = [float(s / squares[squares >= s].sum()) for s in squares]
    torch.testing.assert_close(found["Magnitude"], weight.detach().abs().float())
    torch.testing.assert_close(found["Lamp"].flatten(), torch.tensor(lamp))
    product = (weight * gradient).detach()
    torch.testing.assert_close(found["Taylor"], product.square().float())
    torch.testing.assert_close(found["Snip"], product.abs().float())


def test_taylor_squares_batch_by_batch() -> None:
    """Two batches whose gradients cancel leave a weight important."""
    model, _ = small()
    x, y = data()
    halves = [(x[:20], y[:20]), (x[20:], y[20:])]
    squares = []
    for inputs, labels in halves:
        loss = cross_entropy(model(inputs), labels)
        gradient = torch.autograd.grad(loss, model[2].weight)[0]
        squares.append((model[2].weight * gradient).detach().square())
    found = Taylor(2).per_weight(model, ["2.weight"], bound(halves))["2.weight"]
    torch.testing.assert_close(found, torch.stack(squares).mean(0).float())


def test_obd_clamps_the_sum_of_a_channel_and_not_its_terms() -> None:
    model, group = small()
    scorer, names = Obd(1, probes=1), ["0.weight", "2.weight"]
    diagonal = scorer.diagonal(model, {n: model.get_parameter(n) for n in names}, bound([data()]))
    terms = {n: model.get_parameter(n).detach().square() * diagonal[n] / 2 for n in names}
    assert any(bool((values < 0).any()) for values in terms.values())
    sums = sum(sum_slot(slot, terms[slot.tensor]) for slot in group.slots)
    torch.testing.assert_close(
        scorer(model, [group], bound([data()]))["0"], sums.clamp(min=0).float()
    )
    found = scorer.per_weight(model, names, bound([data()]))
    torch.testing.assert_close(found["0.weight"], terms["0.weight"].clamp(min=0).float())


def test_wanda_of_grouped_convolutions_takes_each_weights_own_input() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(4, 6, 1, groups=2, bias=False)
    x = torch.randn(8, 4, 3, 3)
    found = Wanda().per_weight(nn.Sequential(conv), ["0.weight"], bound([(x, torch.zeros(8))]))
    norms = x.square().mean((0, 2, 3)).sqrt()
    expected = torch.stack(
        [conv.weight[o, :, 0, 0].abs() * norms[2 * (o // 3) : 2 * (o // 3) + 2] for o in range(6)]
    )
    torch.testing.assert_close(found["0.weight"][:, :, 0, 0], expected.detach())


def test_movement_is_the_sum_over_steps_of_plain_descent() -> None:
    model, _ = small()
    x, y = data()
    parts = [(x[:20], y[:20]), (x[20:], y[20:])]
    found = Movement(2, learning_rate=0.1).per_weight(model, ["2.weight"], bound(parts))["2.weight"]
    weight, total = model[2].weight.detach().clone(), torch.zeros(3, 4, dtype=torch.float64)
    for inputs, labels in parts:
        weight.requires_grad_(True)
        hidden = model[1](model[0](inputs)).detach()
        loss = cross_entropy(hidden @ weight.T + model[2].bias.detach(), labels)
        (gradient,) = torch.autograd.grad(loss, weight)
        weight = weight.detach()
        total -= weight * gradient
        weight = weight - 0.1 * gradient
    torch.testing.assert_close(found, total.float())


def test_obd_is_half_of_weight_squared_times_the_curvature() -> None:
    """Against the exact Hessian of the last layer, which random signs estimate without bias."""
    model, _ = small()
    x, y = data()
    hidden, bias = model[1](model[0](x)).detach(), model[2].bias.detach()

    def loss(weight: torch.Tensor) -> torch.Tensor:
        return cross_entropy(hidden @ weight.T + bias, y)

    weight = model[2].weight.detach()
    hessian = torch.autograd.functional.hessian(loss, weight).reshape(12, 12)
    exact = hessian.diagonal().reshape(3, 4)
    weights = {"2.weight": model[2].weight}
    found = Obd(1, probes=4000).diagonal(model, weights, bound([(x, y)]))["2.weight"]
    off = hessian.square().sum(1).reshape(3, 4) - exact.square()
    assert ((found - exact).abs() < 5 * (off / 4000).sqrt() + 1e-12).all()
    scores = Obd(1, probes=50).per_weight(model, ["2.weight"], bound([(x, y)]))["2.weight"]
    estimate = Obd(1, probes=50).diagonal(model, weights, bound([(x, y)]))["2.weight"]
    torch.testing.assert_close(scores, (weight.square() * estimate.clamp(min=0) / 2).float())


def test_obs_is_the_error_that_least_squares_leaves() -> None:
    """Of a layer without a unit: the smallest mean squared change of its outputs, halved."""
    model, group = small()
    x, _ = data()
    scores = Obs()(model, [group], bound([(x,)]))["0"]
    inputs, weight = model[1](model[0](x)).detach(), model[2].weight.detach()
    damping = (1e-2 * inputs.square().mean() * len(x)) ** 0.5 * torch.eye(4, dtype=torch.float64)
    padded = torch.cat([inputs, damping])  # what the damping of the scorer amounts to
    for unit in range(4):
        rest = [other for other in range(4) if other != unit]
        wanted = padded @ weight.T
        solution = torch.linalg.lstsq(padded[:, rest], wanted).solution
        left = (wanted - padded[:, rest] @ solution).square().sum() / len(x) / 2
        assert float(scores[unit]) == pytest.approx(float(left), rel=1e-5)
    single = Obs().per_weight(model, ["2.weight"], bound([(x,)]))["2.weight"]
    torch.testing.assert_close(single.sum(0), scores, rtol=1e-5, atol=0)


def test_obs_of_inputs_that_are_always_zero_is_next_to_nothing() -> None:
    """Removing them changes no output; the damping alone is left, and it is positive."""
    model, group = small()
    with torch.no_grad():
        for parameter in model[0].parameters():
            parameter.zero_()
    x, _ = data()
    scores = Obs()(model, [group], bound([(x,)]))["0"]
    assert ((scores > 0) & (scores < 1e-10)).all()


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("transposed", [False, True])
def test_wanda_is_the_weight_times_the_norm_of_its_own_input(transposed: bool, groups: int) -> None:
    """Of the input that a weight reads: its row of a transposed convolution, else its column."""
    torch.manual_seed(0)
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    model = nn.Sequential(nn.Identity(), kind(4, 6, 3, groups=groups))
    x = torch.randn(5, 4, 7, 7) * torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(-1, 1, 1)
    [(name, scores)] = Wanda().per_weight(model, ["1.weight"], bound([(x,)])).items()
    norms = x.double().square().mean((0, 2, 3)).sqrt()
    weight = dict(model.named_parameters())[name].detach()
    for row in range(len(weight)):
        for column in range(weight.shape[1]):
            own = row if transposed else row * groups // 6 * (4 // groups) + column
            expected = (weight[row, column].abs() * norms[own]).float()
            torch.testing.assert_close(scores[row, column], expected)


@pytest.mark.parametrize("name", ["0.weight", "2.weight"])
def test_the_signs_of_obd_are_independent_and_of_length_one(name: str) -> None:
    """In the rows of the Hessian of the first layer nothing cancels."""
    model, _ = small()
    x, y = data()
    weight = model.get_parameter(name)

    def loss(changed: torch.Tensor) -> torch.Tensor:
        return cross_entropy(torch.func.functional_call(model, {name: changed}, x), y)

    hessian = torch.autograd.functional.hessian(loss, weight.detach())
    hessian = hessian.reshape(weight.numel(), weight.numel())
    found = Obd(1, probes=4000).diagonal(model, {name: weight}, bound([(x, y)]))[name].flatten()
    off = hessian.square().sum(1) - hessian.diagonal().square()
    assert ((found - hessian.diagonal()).abs() < 5 * (off / 4000).sqrt() + 1e-12).all()


@pytest.mark.parametrize("scorer", [Movement(2), Obd(1, probes=2)], ids=str)
def test_a_channel_has_what_becomes_of_the_sum_of_its_weights(scorer: Movement | Obd) -> None:
    model, group = small()
    x, y = data()
    parts = [(x[:20], y[:20]), (x[20:], y[20:])]
    values = scorer.values(model, ["0.weight", "2.weight"], bound(parts))
    sums = values["0.weight"].sum(1) + values["2.weight"].sum(0)
    is_shifted = isinstance(scorer, Movement)
    expected = sums - sums.min() if is_shifted else sums.clamp(min=0)
    torch.testing.assert_close(scorer(model, [group], bound(parts))["0"], expected.float())


@pytest.mark.parametrize(
    "layer", [nn.Conv2d(4, 4, 1, groups=2), nn.ConvTranspose2d(4, 4, 1)], ids=lambda one: str(one)
)
def test_obs_names_layers_whose_outputs_are_no_product_with_all_inputs(layer: nn.Module) -> None:
    model = nn.Sequential(layer)
    with pytest.raises(PruningError, match="`0` is not a plain convolution or linear layer"):
        Obs().per_weight(model, ["0.weight"], bound([(torch.randn(2, 4, 3, 3), torch.zeros(2))]))


class Idle(nn.Module):
    """A layer that the loss does not use."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.idle = nn.Linear(3, 2), nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.used(x)
        return found


@pytest.mark.parametrize(
    "scorer", [one for one in SCORERS if ".gradient." in type(one).__module__], ids=str
)
def test_weights_that_the_loss_does_not_use_are_unimportant(scorer: WeightScorer) -> None:
    x = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
    parts = [(x[:6], torch.arange(6) % 2), (x[6:], torch.arange(6) % 2)]
    model = networks.lively(Idle())
    scores = scorer.per_weight(model, ["used.weight", "idle.weight"], bound(parts))
    assert not scores["idle.weight"].any() and scores["used.weight"].any()
