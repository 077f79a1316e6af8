"""Each scorer's numbers against its formula written out slowly, or against what it must predict."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.activation.apoz import Apoz
from paretoprune.pruning.scorers.activation.mean_activation import MeanActivation
from paretoprune.pruning.scorers.activation.wanda import Wanda
from paretoprune.pruning.scorers.data_free.synflow import SynFlow
from paretoprune.pruning.scorers.gradient.fisher import Fisher
from paretoprune.pruning.scorers.gradient.grasp import Grasp
from paretoprune.pruning.scorers.gradient.snip import Snip
from paretoprune.pruning.scorers.gradient.taylor import Taylor
from paretoprune.pruning.scorers.gradient.taylor_activation import TaylorActivation
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.plan import Plan
from tests.kits import networks
from tests.kits.tasks import bound

X = torch.randn(10, 3, 8, 8, generator=torch.Generator().manual_seed(3))
Y = torch.randint(5, (10,), generator=torch.Generator().manual_seed(4))
UNEVEN = [(X[:7], Y[:7]), (X[7:], Y[7:])]  # means are over samples, not over batches


def per_channel(group: Group, values: dict[str, Tensor]) -> Tensor:
    """Element by element: the sum over all weights of a channel."""
    total = torch.zeros(group.width, dtype=torch.float64)
    for slot in group.slots:
        if slot.tensor in values and values[slot.tensor].dim() >= 2:
            for channel, positions in enumerate(slot.positions):
                for position in positions:
                    total[channel] += values[slot.tensor].select(slot.dim, position).sum()
    return total


def gradients_of(model: nn.Module, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    cross_entropy(model(x.double()), y).backward()
    return {name: p.grad.clone() for name, p in model.named_parameters()}


def mlp() -> tuple[nn.Sequential, tuple[Group, ...]]:
    """Linear(4, 6), ReLU, Linear(6, 3) with one group of six hidden units."""
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    model = networks.lively(model)
    return model, find_groups(model, torch.randn(2, 4)).prunable


def test_fisher_is_one_gradient_a_sample_written_out(case) -> None:
    model = copy.deepcopy(case.model).eval().double()
    squares = [gradients_of(model, X[i : i + 1], Y[i : i + 1]) for i in range(9)]
    values = {
        name: p.detach() ** 2 * torch.stack([s[name] ** 2 for s in squares]).mean(0) / 2
        for name, p in model.named_parameters()
    }
    scores = Fisher(samples=9)(case.model, case.groups, bound(UNEVEN))
    for group in case.groups:
        expected = per_channel(group, values).float()
        assert torch.allclose(scores[group.name], expected, rtol=1e-3, atol=1e-9)


def test_snip_is_autograd_in_training_mode_written_out(case) -> None:
    model = copy.deepcopy(case.model).train().double()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    before = {name: tensor.clone() for name, tensor in case.model.state_dict().items()}
    gradients = [
        {name: len(y) / 10 * g for name, g in gradients_of(model, x, y).items()} for x, y in UNEVEN
    ]
    values = {
        name: (p * (gradients[0][name] + gradients[1][name])).abs().detach()
        for name, p in model.named_parameters()
    }
    scores = Snip(batches=2)(case.model, case.groups, bound(UNEVEN))
    assert all(torch.equal(before[n], tensor) for n, tensor in case.model.state_dict().items())
    for group in case.groups:
        expected = per_channel(group, values).float()
        assert torch.allclose(scores[group.name], expected, rtol=1e-3, atol=1e-7)


def test_grasp_is_a_hessian_written_out() -> None:
    model, groups = mlp()
    model = model.double()
    x = torch.randn(10, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    sizes = [(6, 4), (3, 6)]
    biases = [layer.bias.detach() for layer in (model[0], model[2])]

    def loss(flat: Tensor) -> Tensor:
        first, second = flat[:24].reshape(sizes[0]), flat[24:].reshape(sizes[1])
        hidden = (x @ first.T + biases[0]).relu()
        return cross_entropy((hidden @ second.T + biases[1]) / 3.0, Y % 3)

    flat = torch.cat([model[0].weight.detach().flatten(), model[2].weight.detach().flatten()])
    gradient = torch.autograd.functional.jacobian(loss, flat)
    product = flat * (torch.autograd.functional.hessian(loss, flat) @ gradient)
    expected = product[:24].reshape(sizes[0]).sum(1) + product[24:].reshape(sizes[1]).sum(0)
    batches = [(x[:7], Y[:7] % 3), (x[7:], Y[7:] % 3)]
    scores = Grasp(batches=2, temperature=3.0)(model, groups, bound(batches))["0"]
    assert torch.allclose(scores, (expected - expected.min()).float(), rtol=1e-4, atol=1e-7)


def test_grasp_normalises_by_the_batch(resnet) -> None:
    """Statistics that BatchNorm keeps for evaluation change nothing."""
    other = copy.deepcopy(resnet.model)
    for module in other.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.add_(1.0)
    one, two = (Grasp()(model, resnet.groups, bound([(X, Y)])) for model in (resnet.model, other))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_grasp_predicts_the_loss_of_gradient_flow() -> None:
    """Shrinking a channel's weights by a factor 1 - e lowers |gradient|^2 by 2 e times the sum."""
    model, groups = mlp()
    model = nn.Sequential(model[0], nn.Tanh(), model[2]).double()
    x = torch.randn(32, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = torch.arange(32) % 3

    def flow(shrunk: int | None, step: float = 1e-5) -> float:
        changed = copy.deepcopy(model)
        if shrunk is not None:
            with torch.no_grad():
                changed[0].weight[shrunk] *= 1 - step
                changed[2].weight[:, shrunk] *= 1 - step
        gradients = gradients_of(changed, x, y)
        return sum(float((g**2).sum()) for name, g in gradients.items() if "weight" in name)

    lost = torch.tensor([(flow(None) - flow(channel)) / 2e-5 for channel in range(6)])
    scores = Grasp(temperature=1.0)(model, groups, bound([(x, y)]))["0"]
    assert torch.allclose(scores, lost - lost.min(), rtol=1e-2, atol=1e-5)


def test_taylor_of_activations_is_the_mean_of_what_taylor_sums() -> None:
    """With one sample and no biases, activation x gradient is weight x gradient of the readers."""
    model, groups = mlp()
    x, y = torch.randn(1, 4), torch.tensor([1])
    weight = model[2].weight
    model.zero_grad()
    cross_entropy(model(x), y).backward()
    expected = (weight * weight.grad).sum(0).abs().detach()
    model.zero_grad(set_to_none=True)
    scores = TaylorActivation(1)(model, groups, bound([(x, y)]))["0"]
    assert torch.allclose(scores, expected, rtol=1e-4, atol=1e-7)


def test_taylor_of_activations_predicts_the_change_of_each_samples_loss(case) -> None:
    """For a stream with many readers, too: silencing a share e of a channel, everywhere."""
    model, step = copy.deepcopy(case.model).double(), 1e-6
    group = case.groups[0]
    scores = TaylorActivation(2)(model, case.groups, bound((x.double(), y) for x, y in UNEVEN))
    parameters = dict(model.named_parameters())
    readers = [
        slot
        for slot in group.slots
        if slot.dim == 1 and slot.tensor in parameters and parameters[slot.tensor].dim() >= 2
    ]

    def losses(channel: int | None) -> Tensor:
        changed = copy.deepcopy(model)
        with torch.no_grad():
            for slot in readers if channel is not None else []:
                weight = changed.get_parameter(slot.tensor)
                weight.index_copy_(
                    1,
                    torch.tensor(slot.positions[channel]),
                    weight[:, list(slot.positions[channel])] * (1 - step),
                )
            return cross_entropy(changed(X.double()), Y, reduction="none")

    dense = losses(None)
    for channel in range(group.width):
        expected = (losses(channel) - dense).abs().mean() / step
        assert float(scores[group.name][channel]) == pytest.approx(float(expected), rel=1e-3)


def test_taylor_keeps_effects_apart_by_sample_in_its_form_of_2016() -> None:
    """Effects of opposite sign cancel over samples in the later form alone."""
    model = nn.Sequential(nn.Linear(1, 2, bias=False), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0], [0.5]]))
        model[1].weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 1.0]]))
    groups = find_groups(model, torch.randn(2, 1)).prunable
    x, y = torch.tensor([[1.0], [-1.0]]), torch.tensor([0, 0])
    apart = TaylorActivation(1)(model, groups, bound([(x, y)]))["0"]
    together = (
        Taylor(1)(model, groups, bound([(x, y)]))["0"].sqrt() / 2
    )  # both sides of the channel
    assert apart[0] > 1.5 * together[0]


def entering(model: nn.Module, path: str) -> Tensor:
    """Return the inputs of a layer for all of X."""
    seen: list[Tensor] = []
    handle = model.get_submodule(path).register_forward_pre_hook(
        lambda _module, args: seen.append(args[0].detach().clone())
    )
    with torch.no_grad():
        model(X)
    handle.remove()
    return seen[0]


def test_activations_are_those_that_enter_the_readers(vgg, resnet) -> None:
    flat = entering(vgg.model, "classifier.0").reshape(10, 12, 4)  # after the flatten
    mean = MeanActivation(2)(vgg.model, vgg.groups, bound(UNEVEN))["features.4"]
    on = Apoz(2)(vgg.model, vgg.groups, bound(UNEVEN))["features.4"]
    assert torch.allclose(mean, flat.abs().mean((0, 2)))
    assert torch.allclose(on, (flat > 0).float().mean((0, 2)))
    assert 0 < float(on.mean()) < 1
    readers = ("layer1.0.conv1", "layer1.1.conv1", "layer2.0.conv1", "layer2.0.downsample.0")
    stream = [entering(resnet.model, path).mean((0, 2, 3)) for path in readers]  # after a ReLU
    mean = MeanActivation(2)(resnet.model, resnet.groups, bound(UNEVEN))["conv1"]
    assert torch.allclose(mean, torch.stack(stream).mean(0))


def test_wanda_is_weight_by_weight(vgg) -> None:
    weight = vgg.model.classifier[0].weight.detach()
    norm = entering(vgg.model, "classifier.0").square().mean(0).sqrt()
    expected = [
        sum(
            float((weight[:, j].abs() * norm[j]).sum()) for j in range(4 * channel, 4 * channel + 4)
        )
        for channel in range(12)
    ]
    scores = Wanda(2)(vgg.model, vgg.groups, bound(UNEVEN))["features.4"]
    assert scores.tolist() == pytest.approx(expected, rel=1e-5)


def test_synflow_is_the_product_of_absolute_weights() -> None:
    """Of the paths through a hidden unit: column sums times row sums, over all units."""
    model, groups = mlp()
    first, second = model[0].weight.detach().abs(), model[2].weight.detach().abs()
    through = first.sum(1) * second.sum(0)
    expected = 2 * through / through.sum()  # once as output, once as input
    assert torch.allclose(SynFlow()(model, groups, bound([(torch.randn(2, 4),)]))["0"], expected)


@pytest.mark.parametrize("name", ["vgg", "mobilenet"])
def test_synflow_is_the_share_of_the_flow_that_a_channel_carries(name: str) -> None:
    """Removing a channel of a chain takes half of its score, one side's, off the flow."""
    from tests.kits.cases import make_case

    case = make_case(name)
    group = case.groups[-1] if name == "vgg" else case.groups[1]
    scores = SynFlow()(case.model, case.groups, bound(UNEVEN))[group.name]
    sides = 3 if name == "mobilenet" else 2  # an expansion has a depthwise convolution besides
    if name == "vgg":
        assert float(scores.sum()) == pytest.approx(sides, rel=1e-5)
    pruned = apply_plan(case.model, case.groups, Plan({group.name: (0,)}))
    assert positive_flow(pruned) / positive_flow(case.model) == pytest.approx(
        1 - float(scores[0]) / sides, rel=1e-6
    )


def positive_flow(model: nn.Module) -> float:
    """The sum of outputs of |weights| without biases, for a faint constant input."""
    linear = copy.deepcopy(model).double()
    with torch.no_grad():
        for tensor_name, tensor in linear.state_dict().items():
            if tensor_name.endswith(("bias", "running_mean")):
                tensor.zero_()
            elif tensor.is_floating_point():
                tensor.abs_()
        return float(linear(torch.full((1, 3, 8, 8), 1e-100, dtype=torch.float64)).sum())
