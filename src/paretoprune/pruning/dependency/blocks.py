"""Residual blocks that can be removed as a whole, leaving the shortcut.

Blocks are found by trial: a module is a removable block if, with the last layer of each of its
branches set to zero, it returns its input or an activation of it, which can then replace the block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any

import torch
from torch import Tensor, nn

from paretoprune.errors import PruningError
from paretoprune.pruning.groups import Block, Group
from paretoprune.pruning.structured.equivalence import run
from paretoprune.tasks.inputs import Example

_LEFT = ("Identity", "ReLU", "SiLU", "GELU", "ReLU6", "Hardswish")  # of torch.nn, as replacements
_BRANCHES = 2  # residual branches in sequence; two in a transformer block
_MOST_TRIALS = 60  # combinations of layers per module

Silent = tuple[str, ...]  # names of parameters


class Skipped(nn.Module):
    """Replacement of a removed block: its shortcut, followed by the activation `replacement`."""

    def __init__(self, replacement: str) -> None:
        super().__init__()
        if replacement not in _LEFT:  # may be read from a file
            raise PruningError(
                f"a removed block is replaced by one of {', '.join(_LEFT)}, not `{replacement}`"
            )
        self.activation: nn.Module = getattr(nn, replacement)()

    def forward(self, x: Tensor, *_args: Any, **_kwargs: Any) -> Tensor:
        """Return the block's output for zero branches."""
        result: Tensor = self.activation(x)
        return result


def skip(model: nn.Module, blocks: Sequence[Block]) -> None:
    """Replace these blocks of the model, in place, by their shortcuts."""
    for block in blocks:
        around, _, name = block.path.rpartition(".")
        gone = model.get_submodule(block.path)
        setattr(model.get_submodule(around), name, Skipped(block.replacement).train(gone.training))


@torch.no_grad()
def find_blocks(working: nn.Module, inputs: Example) -> tuple[Group, ...]:
    """Find removable blocks of a copy in evaluation mode, each as an unproved group of width 1.

    Of nested modules only the innermost counts. Blocks that share tensors with the rest of the
    network are excluded.
    """
    found: dict[str, Block] = {}
    tried: dict[object, Sequence[Silent]] = {}  # by module class and layer names
    calls = _calls(working, inputs)
    for path in sorted(calls, key=lambda path: -path.count(".")):
        if any(inner.startswith(f"{path}.") for inner in found) or _shares(working, path):
            continue
        module = working.get_submodule(path)
        kind = type(module), tuple(_layers(module))
        tried.setdefault(kind, list(_trials(module)))
        for silent in tried[kind]:
            replacement = _left(module, calls[path], silent)
            if replacement is not None:
                found[path] = Block(path, replacement, tuple(f"{path}.{name}" for name in silent))
                break
        tried[kind] = [silent] if path in found else []
    return tuple(Group(path, 1, (), block=found[path]) for path in calls if path in found)


@dataclass(frozen=True)
class _Call:
    """The arguments of one call of a module."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def _calls(model: nn.Module, inputs: Example) -> dict[str, _Call]:
    """Return the modules called exactly once that return a tensor of their input's shape."""
    calls: dict[str, list[_Call]] = {}
    handles = []
    for path, module in model.named_modules():
        if not path or not list(module.children()):
            continue

        def note(_module: nn.Module, args: Any, kwargs: Any, path: str = path) -> None:
            calls.setdefault(path, []).append(_Call(_copied(args), kwargs))

        def check(
            _module: nn.Module, _args: Any, _kwargs: Any, output: Any, path: str = path
        ) -> None:
            first = calls[path][-1].args[:1]
            if not isinstance(output, Tensor) or not first or _shape(first[0]) != output.shape:
                calls[path].append(_Call((), {}))  # as if called twice: excluded

        handles.append(module.register_forward_pre_hook(note, with_kwargs=True))
        handles.append(module.register_forward_hook(check, with_kwargs=True))
    try:
        run(model, inputs)
    finally:
        for handle in handles:
            handle.remove()
    return {path: own[0] for path, own in calls.items() if len(own) == 1}


def _trials(module: nn.Module) -> Iterator[Silent]:
    """Yield combinations of layers that may end the branches, the last layers first."""
    layers = list(_layers(module).values())[::-1]
    sets = (chosen for count in range(1, _BRANCHES + 1) for chosen in combinations(layers, count))
    for chosen in islice(sets, _MOST_TRIALS):
        yield tuple(name for own in chosen for name in own)


def _layers(module: nn.Module) -> dict[str, list[str]]:
    """Return the parameter names of each layer, in the order of registration."""
    layers: dict[str, list[str]] = {}
    for name, _ in module.named_parameters():
        layers.setdefault(name.rpartition(".")[0], []).append(name)
    return layers


def _left(module: nn.Module, call: _Call, silent: Silent) -> str | None:
    """Return the member of `_LEFT` that the module computes with these parameters at zero."""
    parameters = dict(module.named_parameters())
    before = {name: parameters[name].clone() for name in silent}
    try:
        for name in silent:
            parameters[name].zero_()
        output = module(*_copied(call.args), **call.kwargs)
    except Exception:
        return None
    finally:
        for name, value in before.items():
            parameters[name].copy_(value)
    x = call.args[0]
    return next((one for one in _LEFT if torch.equal(output, Skipped(one)(x))), None)


def _shares(model: nn.Module, path: str) -> bool:
    """Return True if a tensor of the module is also registered outside of it."""
    inside = {id(one) for one in model.get_submodule(path).parameters()}
    outside = model.named_parameters(remove_duplicate=False)
    return any(id(one) in inside and not name.startswith(f"{path}.") for name, one in outside)


def _copied(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Copy the tensors among the arguments, which the module may modify in place."""
    return tuple(one.clone() if isinstance(one, Tensor) else one for one in args)


def _shape(value: Any) -> torch.Size | None:
    return value.shape if isinstance(value, Tensor) else None
