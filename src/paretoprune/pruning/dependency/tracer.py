"""Propagation of labels through a forward pass, operation by operation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

from paretoprune.pruning.dependency.call import Call
from paretoprune.pruning.dependency.module_paths import following_paths
from paretoprune.pruning.dependency.operations import CONVOLUTIONS, MOVES, PRODUCTS, factors, follow
from paretoprune.pruning.dependency.symbols import Labels, Symbols
from paretoprune.pruning.structured.equivalence import flat
from paretoprune.tasks.inputs import Example, inputs_of

OUTPUT = "its channels are the network's outputs"


@dataclass(frozen=True)
class MatmulCost:
    """A matrix product or convolution without parameters, with its module and planes."""

    path: str
    macs: int
    sides: tuple[Tensor, ...]
    result: tuple[Tensor, ...]


@dataclass(frozen=True)
class Trace:
    """Result of `trace`: symbols, their places, and the tensors and products that were used."""

    symbols: Symbols
    places: list[tuple[str, int, Tensor]]  # (tensor, dimension, its symbols)
    work: list[MatmulCost]
    weights: set[str]  # tensors that produce channels, by a product or an embedding
    used: set[str]  # tensors that take part in any operation


def trace(model: nn.Module, examples: Sequence[Example]) -> Trace:
    """Follow the channels of every parameter and buffer through forward passes of the model.

    One pass for each of the `examples`. The model should be a copy in evaluation mode on the CPU.
    """
    follower = _Follower()
    places = follower.label_tensors(model)
    for example in examples:
        inputs = inputs_of(example)
        for tensor in inputs:
            follower.labels[tensor] = Labels()
        with following_paths(model, follower.stack), _step_by_step(), torch.no_grad(), follower:
            outputs = inputs.run(model)
        for tensor in flat(outputs):
            labels = follower.labels.get(tensor) or Labels()
            follower.symbols.use(labels)
            for plane in labels.planes:
                follower.symbols.fix(plane, OUTPUT)
    return Trace(follower.symbols, places, follower.work, follower.weights, follower.used)


@contextmanager
def _step_by_step() -> Iterator[None]:
    """Disable fused operations: attention as matrix products, recurrent layers step by step."""
    mkldnn: Any = torch.backends.mkldnn
    before = torch.backends.mha.get_fastpath_enabled(), mkldnn.enabled
    torch.backends.mha.set_fastpath_enabled(False)
    mkldnn.enabled = False
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before[0])
        mkldnn.enabled = before[1]


class _Follower(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Dispatch mode that executes operations unchanged and labels their results."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.symbols = Symbols()
        self.labels: Any = WeakIdKeyDictionary()  # by tensor; newly created tensors have none
        self.stack: list[str] = []
        self.work: list[MatmulCost] = []
        self.weights: set[str] = set()
        self.used: set[str] = set()
        self._names: dict[int, str] = {}  # of parameters and buffers, by memory address
        self._parameters: set[str] = set()

    def label_tensors(self, model: nn.Module) -> list[tuple[str, int, Tensor]]:
        """Create a symbol for each index of each dimension of each tensor."""
        places = []
        self._parameters = {name for name, _ in model.named_parameters()}
        stored = model.state_dict().keys() | self._parameters
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
            planes = []
            for dim, size in enumerate(tensor.shape):
                if size > 1:
                    own = self.symbols.new(size)
                    places.append((name, dim, own))
                    if name not in stored:
                        self.symbols.computed.append(own.numpy().astype(np.int64))
                    planes.append(own.reshape([-1 if d == dim else 1 for d in range(tensor.dim())]))
            self.labels[tensor] = Labels(tuple(planes))
            self._names[tensor.untyped_storage().data_ptr()] = name
        return places

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        shapes = [one.shape if isinstance(one, Tensor) else None for one in args]
        result = func(*args, **kwargs)
        if any(one in self.labels for one in _tensors((args, kwargs))):
            path = self.stack[-1] if self.stack else ""
            what = f"`{path}` ({func.overloadpacket.__name__.strip('_')})"
            call = Call(self.symbols, func, args, kwargs, result, what, self.labels, shapes)
            self._use(call)
            if _tensors(result):
                self._follow(call, path)
        return result

    def _use(self, call: Call) -> None:
        """Mark inputs as used, unless they are only rearranged and their labels passed on."""
        for tensor in _tensors((call.args[call.name in MOVES :], call.kwargs)):
            self.symbols.use(self.labels.get(tensor))

    def _follow(self, call: Call, path: str) -> None:
        try:
            given = follow(call)
        except Exception:  # Unknown, or a rule that does not handle this shape
            given = self._give_up(call)
        results = _tensors(call.result)
        if not isinstance(given, list):
            # Further results, such as the statistics of a norm, are seldom used: no labels.
            given = [given if one.shape == results[0].shape else Labels() for one in results]
        self._note(call, path, given[0])
        for one, labels in zip(results, given, strict=True):
            if labels is not None:
                self.labels[one] = labels

    def _give_up(self, call: Call) -> Labels:
        for tensor in _tensors((call.args, call.kwargs)):
            for plane in (self.labels.get(tensor) or Labels()).planes:
                self.symbols.fix(plane, f"the effect of {call.what} on channels is not known")
        return Labels()

    def _note(self, call: Call, path: str, labels: Labels | None) -> None:
        """Record the weights that produce channels, and the products without parameters."""
        if call.name in PRODUCTS:
            numbers: Sequence[int] = factors(call)
        elif call.name in CONVOLUTIONS:
            numbers = (1,)
        else:
            numbers = (0,) if call.name == "embedding" else ()
        self.used |= self._names_of(_tensors((call.args, call.kwargs)))
        names = self._names_of([call.args[number] for number in numbers])
        self.weights |= names
        if call.name in PRODUCTS and not names & self._parameters:
            left, right = (call.args[number] for number in numbers)
            self._note_work(call, path, numbers, left.numel() * right.shape[-1], labels)
        if call.name in CONVOLUTIONS and not names & self._parameters:
            macs = call.result.numel() * call.args[1][0].numel()
            self._note_work(call, path, (0,), macs, labels)

    def _note_work(
        self, call: Call, path: str, sides: Sequence[int], macs: int, labels: Labels | None
    ) -> None:
        planes = tuple(plane for number in sides for plane in call.at(number).planes)
        self.work.append(MatmulCost(path, macs, planes, labels.planes if labels else ()))

    def _names_of(self, tensors: Sequence[Tensor]) -> set[str]:
        memory = [tensor.untyped_storage().data_ptr() for tensor in tensors]
        return {self._names[one] for one in memory if one in self._names}


def _tensors(values: Any) -> list[Tensor]:
    return [one for one in tree_leaves(values) if isinstance(one, Tensor)]
