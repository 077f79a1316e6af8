"""Own and accumulated error of each layer of a quantized model, beside the float model.

The accumulated error is that of the layer's output in the quantized model; the own error is that of
the quantized layer on the float model's input. Outputs are compared behind the BatchNorm that
follows the layer, since quantization folds it or shifts its statistics.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Interpreter, Node

from paretoprune.numerics import MOST_DB, LayerError
from paretoprune.quantization.called import IntegerModule, graph_of, tensors_of
from paretoprune.quantization.fold import find_folds
from paretoprune.quantization.points import LEVELS, source_point
from paretoprune.quantization.walk import LAYERS, WEIGHT, codes_of
from paretoprune.quantization.weights import RoundedModel
from paretoprune.tasks.inputs import Inputs

_KINDS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
_CHUNK = 16  # samples at a time: all activations of a chunk are held


def errors_of_weights(rounded: RoundedModel, model: nn.Module, inputs: Inputs) -> list[LayerError]:
    """Return the errors of a model with rounded weights.

    `model` is the float model, `inputs` validation samples; all on one device.
    """
    sums: dict[str, _Sums] = {}
    norms = _norms(model, inputs)
    for part in _chunks(inputs):
        expected, found = _values(model, norms, part), _values(rounded.model, norms, part)
        for path in [path for path in expected if path in found]:
            entering, wanted = expected[path]
            with torch.no_grad():
                own = _with_norm(rounded.model, path, norms)(entering)
            sums.setdefault(path, _Sums()).add(
                entering, wanted, found[path][0], own, found[path][1]
            )
    weights = {path: f"{path}.weight" for path in sums if f"{path}.weight" in rounded.weights}
    return [
        sums[path].error(path, rounded.bits[name], rounded.weights[name].codes.size)
        for path, name in weights.items()
    ]


def errors_of_module(module: IntegerModule, model: nn.Module, inputs: Inputs) -> list[LayerError]:
    """Return the errors of an integer module, on the CPU; `model` is the float model there."""
    graph = graph_of(module)
    sums: dict[Node, _Sums] = {}
    norms = _norms(model, inputs)
    for part in _chunks(inputs):
        watch = _Graph(graph, _values(model, norms, part), sums)
        with torch.inference_mode():
            watch.run(*tensors_of(module, part))
    return [_graph_error(graph, node, found) for node, found in sums.items()]


_Values = Mapping[str, tuple[Tensor, Tensor]]  # input and output of layers, by path


@dataclass
class _Sums:
    """Sums over samples of squared values and differences."""

    signal: float = 0.0
    own: float = 0.0
    accumulated: float = 0.0
    input_signal: float = 0.0
    input_noise: float = 0.0
    largest: float = 0.0
    count: int = 0
    saturated: int = 0

    def add(
        self, entering: Tensor, expected: Tensor, found: Tensor, own: Tensor, accumulated: Tensor
    ) -> None:
        """Add the float input and output; the quantized input, own and accumulated output."""
        self.signal += _power(expected)
        self.own += _power(own - expected)
        self.accumulated += _power(accumulated - expected)
        self.input_signal += _power(entering)
        self.input_noise += _power(found - entering)
        self.largest = max(self.largest, float(entering.abs().max()))
        self.count += entering.numel()

    def error(self, layer: str, bits: float, size: int, **integers: float) -> LayerError:
        """Return the ratios in decibels; `size` is the number of weights."""
        rms = math.sqrt(self.input_signal / max(1, self.count))
        return LayerError(
            layer=layer,
            bits=bits,
            size_bytes=math.ceil(size * bits / 8),
            own_db=_decibels(self.signal, self.own),
            accumulated_db=_decibels(self.signal, self.accumulated),
            input_db=_decibels(self.input_signal, self.input_noise),
            saturated=100 * self.saturated / max(1, self.count),
            crest=self.largest / rms if rms else 0.0,
            **integers,
        )


def _power(values: Tensor) -> float:
    return float(values.double().square().sum())


def _decibels(signal: float, noise: float) -> float:
    if not noise > 0 or not signal > 0:
        return MOST_DB
    return min(MOST_DB, 10 * math.log10(signal / noise))


def _chunks(inputs: Inputs) -> Iterator[Inputs]:
    for start in range(0, len(inputs), _CHUNK):
        yield inputs[start : start + _CHUNK]


def _norms(model: nn.Module, inputs: Inputs) -> dict[str, str]:
    return {fold.layer: fold.norm for fold in find_folds(model, inputs[:2])}


def _with_norm(model: nn.Module, path: str, norms: Mapping[str, str]) -> nn.Module:
    layer = model.get_submodule(path)
    return nn.Sequential(layer, model.get_submodule(norms[path])) if path in norms else layer


@torch.no_grad()
def _values(model: nn.Module, norms: Mapping[str, str], inputs: Inputs) -> _Values:
    """Return input and output of the layers that run once, behind their BatchNorm."""
    entering: dict[str, list[Tensor]] = {}
    leaving: dict[str, list[Tensor]] = {}
    with _noting(model, norms, entering, leaving):
        inputs.run(model)
    once = [path for path, seen in entering.items() if len(seen) == len(leaving[path]) == 1]
    return {path: (entering[path][0], leaving[path][0]) for path in once}


@contextmanager
def _noting(
    model: nn.Module,
    norms: Mapping[str, str],
    entering: dict[str, list[Tensor]],
    leaving: dict[str, list[Tensor]],
) -> Iterator[None]:
    def note(path: str, at: nn.Module, *, is_end: bool) -> Any:
        def hook(_: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
            if at is model.get_submodule(path) and args:
                entering.setdefault(path, []).append(args[0].detach().clone())
            if is_end:
                leaving.setdefault(path, []).append(output.detach().clone())

        return at.register_forward_hook(hook).remove

    with ExitStack() as stack:
        for path, layer in model.named_modules():
            if isinstance(layer, _KINDS):
                stack.callback(note(path, layer, is_end=path not in norms))
                if path in norms:
                    norm = model.get_submodule(norms[path])
                    stack.callback(note(path, norm, is_end=True))
        yield


class _Graph(Interpreter):
    """Runs an integer module and compares its layers with those of the float model."""

    def __init__(self, module: GraphModule, expected: _Values, sums: dict[Node, _Sums]) -> None:
        super().__init__(module, garbage_collect_values=False)
        self._expected, self._sums = expected, sums

    def run_node(self, n: Node) -> Any:
        """Return the value of the node."""
        value = super().run_node(n)
        path = _layer_of(n)
        if path in self._expected:
            entering, expected = self._expected[path]
            sums = self._sums.setdefault(n, _Sums())
            source = n.args[0]
            assert isinstance(source, Node)
            found = self.env[source]
            own = self._own(n, entering.reshape(found.shape))
            sums.add(
                entering,
                expected,
                found.reshape(entering.shape),
                own.reshape(expected.shape),
                value,
            )
            sums.saturated += self._saturated(n)
        return value

    def _own(self, node: Node, entering: Tensor) -> Tensor:
        """Return the layer's output for an input, rounded to the grid of the layer's input."""
        point = source_point(node.args[0])
        if point is not None:
            for operator in point:
                assert callable(operator.target)
                entering = operator.target(entering, *operator.args[1:])
        others = self.map_nodes_to_values(node.args[1:], node)
        assert callable(node.target) and isinstance(others, tuple)
        out: Tensor = node.target(entering, *others, **node.kwargs)
        return out

    def _saturated(self, node: Node) -> int:
        """Return the number of the values of the input that lie beyond its grid."""
        point = source_point(node.args[0])
        if point is None:
            return 0
        source, scale, zero = point[0].args[:3]
        assert isinstance(source, Node) and isinstance(scale, float) and isinstance(zero, int)
        codes = (self.env[source] / scale).round() + zero
        return int(((codes < 0) | (codes > LEVELS)).sum())


def _layer_of(node: Node) -> str:
    """Return the path of the layer that a node computes; empty for another node."""
    if node.target not in LAYERS or not isinstance(node.args[1], Node):
        return ""
    return str(node.args[1].meta.get(WEIGHT, "")).removesuffix(".weight")


def _graph_error(module: GraphModule, node: Node, sums: _Sums) -> LayerError:
    weight = node.args[1]
    assert isinstance(weight, Node)
    codes = codes_of(module, weight)
    integers: dict[str, float] = {}
    if source_point(node.args[0]) is not None:
        pairs = _pairs(codes)
        integers = {
            "largest_sum": LEVELS * float(codes.flatten(1).abs().sum(1).max()),
            "largest_pair": LEVELS * float(torch.maximum(pairs, -pairs).max()),
        }
    return sums.error(_layer_of(node), 8, codes.numel(), **integers)


def _pairs(codes: Tensor) -> Tensor:
    """Return bounds of the sums of two neighbouring weights of one sign, channels innermost."""
    rows = codes.movedim(1, -1).flatten(1)
    if rows.shape[1] % 2:
        rows = torch.nn.functional.pad(rows, (0, 1))
    both = rows.view(len(rows), -1, 2)
    return torch.stack([both.clamp(min=0).sum(2), both.clamp(max=0).sum(2)])
