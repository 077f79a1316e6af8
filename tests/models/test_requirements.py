"""Networks that cannot be trained, pruned or compared: each its own sentence, before any work."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from paretoprune.errors import SettingsError
from paretoprune.models.requirements import check_network, initialise_lazy
from paretoprune.results import DataInfo
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.classification import Classification
from paretoprune.tasks.inputs import inputs_of

CLASSES = 3
INFO = DataInfo(CLASSES, (1, 8, 8), 8, 8, 0, "")


class Net(nn.Module):
    """A convolution and a classifier; the variants below differ in one thing each."""

    def __init__(self) -> None:
        super().__init__()
        self.conv: nn.Module = nn.Conv2d(1, 4, 3, padding=1)
        self.fc: nn.Module = nn.Linear(4, CLASSES)

    def features(self, x: Tensor) -> Tensor:
        return self.conv(x).relu().mean((2, 3))

    def forward(self, x: Tensor) -> object:
        return self.fc(self.features(x))


class Auxiliary(Net):
    def forward(self, x: Tensor) -> object:
        y = self.fc(self.features(x))
        return (y, y) if self.training else y


class AuxiliaryDict(Net):
    def forward(self, x: Tensor) -> object:
        y = self.fc(self.features(x))
        return {"out": y, "aux": y} if self.training else y


class OtherShape(Net):
    def forward(self, x: Tensor) -> object:
        y = self.fc(self.features(x))
        return y[:, :2] if self.training else y


class FailsInTraining(Net):
    def forward(self, x: Tensor, target: Tensor | None = None) -> object:
        if self.training and target is None:
            raise ValueError("targets are needed")
        return self.fc(self.features(x))


class Counts(Net):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor) -> object:
        self.steps += 1
        return super().forward(x)


class Drifts(Net):
    def forward(self, x: Tensor) -> object:
        with torch.no_grad():
            self.fc.weight.mul_(0.999)
        return super().forward(x)


class Random(Net):
    def forward(self, x: Tensor) -> object:
        return self.fc(nn.functional.dropout(self.features(x), 0.5, training=True))


class Remembers(Net):
    def __init__(self) -> None:
        super().__init__()
        self.last: Tensor | None = None

    def forward(self, x: Tensor) -> object:
        features = self.features(x)
        mixed = features if self.last is None else features + self.last.mean()
        self.last = features.detach()
        return self.fc(mixed)


class NoSingles(Net):
    def forward(self, x: Tensor) -> object:
        return self.fc(self.features(x).squeeze())


class Complex(Net):
    def __init__(self) -> None:
        super().__init__()
        self.filter = nn.Parameter(torch.ones(5, dtype=torch.complex64))

    def forward(self, x: Tensor) -> object:
        return super().forward(torch.fft.irfft(torch.fft.rfft(x) * self.filter, n=x.shape[-1]))


class InPlace(Net):
    def forward(self, x: Tensor) -> object:
        y = self.conv(x).sigmoid()
        z = y * y
        y.add_(1)  # autograd needs the old value
        return self.fc(z.mean((2, 3)))


def scripted() -> Net:
    model = Net()
    model.conv = torch.jit.script(nn.Sequential(model.conv, nn.ReLU()))
    return model


def reparametrized(change: Callable[[nn.Module], object]) -> Net:
    model = Net()
    change(model.conv)
    return model


def frozen() -> Net:
    return Net().requires_grad_(False)


def wrong_classes() -> Net:
    model = Net()
    model.fc = nn.Linear(4, 7)
    return model


def batch() -> TaskBatch:
    return TaskBatch(Classification(), (example(), torch.arange(8) % CLASSES))


def example() -> Tensor:
    return torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.filterwarnings("ignore:.torch.jit.script:FutureWarning")
@pytest.mark.filterwarnings("ignore:.torch.nn.utils.weight_norm:FutureWarning")
@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (
            lambda: reparametrized(nn.utils.weight_norm),
            r"part `conv` \(a Conv2d\) is computed by torch.nn.utils.weight_norm",
        ),
        (
            lambda: reparametrized(nn.utils.spectral_norm),
            r"part `conv` \(a Conv2d\) is computed by torch.nn.utils.spectral_norm",
        ),
        (
            lambda: reparametrized(lambda one: prune.l1_unstructured(one, "weight", 0.5)),
            r"part `conv` \(a Conv2d\) is computed by torch.nn.utils.prune",
        ),
        (Auxiliary, r"in training mode .* shape \(8, 3\).* got a tuple of 2"),
        (AuxiliaryDict, r"in training mode .* got a dict"),
        (OtherShape, r"in training mode .* got \(8, 2\)"),
        (FailsInTraining, "does not run in training mode: ValueError: targets are needed"),
        (Counts, "evaluation mode changes the model's `steps`"),
        (Drifts, "evaluation mode changes the model's `fc.weight`"),
        (Random, "different outputs for the same input even in evaluation mode"),
        (Remembers, "different outputs for the same input even in evaluation mode"),
        (NoSingles, r"single sample must have the shape \(1, 3\)"),
        (Complex, r"`filter` is complex \(torch.complex64\)"),
        (InPlace, "cannot be trained: RuntimeError: one of the variables needed"),
        (scripted, "part `conv` is compiled by TorchScript"),
        (lambda: torch.compile(Net()), "wrapped by torch.compile"),
        (frozen, "no parameter of the model can be trained"),
        (wrong_classes, r"must have the shape \(8, 3\), got \(8, 7\)"),
        (lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(CLASSES)), "`1.weight` has no shape"),
        (lambda: nn.Linear(3, 3), r"cannot take inputs of shape \(8, 1, 8, 8\)"),
    ],
)
def test_it_is_refused_in_one_sentence(build: Callable[[], nn.Module], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence) as error:
        check_network(build(), batch(), INFO)
    assert len(error.value.mistakes) == 1 and "\n" not in error.value.mistakes[0]


def test_inputs_of_another_precision_are_to_be_converted() -> None:
    doubled = TaskBatch(Classification(), (example().double(), torch.arange(8) % CLASSES))
    with pytest.raises(
        SettingsError, match=r"are torch.float64, convert them by `.to\(torch.float32"
    ):
        check_network(Net(), doubled, INFO)


@pytest.mark.parametrize("training", [True, False])
def test_a_usual_network_passes_and_stays_as_it_is(
    training: bool, caplog: pytest.LogCaptureFixture
) -> None:
    model = nn.Sequential(Net().conv, nn.BatchNorm2d(4), nn.Dropout(), nn.Flatten())
    model.append(nn.Linear(4 * 64, CLASSES)).train(training)
    model[0].requires_grad_(False)
    before = copy.deepcopy(model.state_dict())
    drawn = torch.get_rng_state()
    check_network(model, batch(), INFO)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert model.training == training and all(p.grad is None for p in model.parameters())
    assert torch.equal(drawn, torch.get_rng_state())
    assert not caplog.records


def test_a_network_that_depends_on_the_batch_is_named(caplog: pytest.LogCaptureFixture) -> None:
    class Centred(Net):
        def forward(self, x: Tensor) -> object:
            features = self.features(x)
            return self.fc(features - features.mean(0))

    check_network(Centred(), batch(), INFO)
    assert "depend on the other samples of the batch" in caplog.text


class BuiltLate(nn.Module):
    """A layer that exists from the first forward pass on."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc: nn.Module | None = None

    def forward(self, x: Tensor) -> Tensor:
        features = self.conv(x).flatten(1)
        if self.fc is None:
            self.fc = nn.Linear(features.shape[1], CLASSES)
        return self.fc(features)


def lazy() -> nn.Module:
    return nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(3))


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize("build", [lazy, BuiltLate])
def test_layers_get_their_parameters_before_anything_else(build: Callable[[], nn.Module]) -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(0)
        model = initialise_lazy(build(), inputs_of(torch.rand(2, 1, 8, 8)))
        assert model.training
        check_network(model, batch(), INFO)
        states.append(model.state_dict())
    assert all(torch.equal(states[0][name], tensor) for name, tensor in states[1].items())
    assert any(tuple(tensor.shape) == (3, 4 * 36) for tensor in states[0].values())


def test_a_network_without_such_layers_is_not_run() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    before = copy.deepcopy(model.state_dict())
    assert initialise_lazy(model, inputs_of(torch.rand(2, 1, 8, 8))) is model
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_lazy_layers_that_cannot_run_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"fails on an input of shape \(2, 1\)"):
        initialise_lazy(lazy(), inputs_of(torch.rand(2, 1)))
