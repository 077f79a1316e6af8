"""Which channels hang together: torch-pruning's dependency graph, read into our own groups.

This is the only file that knows torch-pruning. Its graph is built on a copy of the model and only
looked at; nothing is ever pruned with it.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import torch
import torch_pruning
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch_pruning.dependency import index_mapping

from paretoprune.errors import PruningError
from paretoprune.pruning.equivalence import Example, as_arguments, run
from paretoprune.pruning.fuse import Found, Place, Positions, fuse
from paretoprune.pruning.groups import Group, Groups, Slot
from paretoprune.pruning.layers import Unsupported, channel_dims, is_grouped
from paretoprune.results import KeptGroup

_MOST_DIMS_OF_A_FLATTEN = 4  # samples, channels, height, width


def discover_groups(model: nn.Module, example: Example) -> Groups:
    """The groups that the model's graph suggests, none of them proved yet.

    `example` is one input of the model (or a tuple, one per argument) with its batch axis. Layers
    whose channels are the network's outputs are in no group. A group with a part that cannot be
    sliced is kept, with the reason. The model stays as it is.

    Raises:
        PruningError: the model does not run on the example, or its graph cannot be read.
    """
    working, arguments = _working_copy(model, example)
    with warnings.catch_warnings(), _lenient_about_reshapes():
        warnings.simplefilter("ignore")
        try:
            graph = torch_pruning.DependencyGraph().build_dependency(
                working, arguments, verbose=False
            )
        except Exception as error:
            raise PruningError(
                f"the graph of this model cannot be read ({type(error).__name__}: {error})"
            ) from error
        return _Reader(graph, working).read()


@contextmanager
def _lenient_about_reshapes() -> Iterator[None]:
    """Reshapes that torch-pruning cannot follow spoil what passes them, and nothing else.

    It takes the end of a channel shuffle, a view of five dimensions as four, for a flatten, because
    it looks for sizes where torch no longer saves them; then its indices multiply at every shuffle,
    or it divides by zero and gives up the whole model.
    """
    follow = index_mapping.update_reshape_index_mapping

    def follow_if_possible(graph: Any, node: Any) -> None:
        sizes = getattr(node.grad_fn, "_saved_self_sym_sizes", ())
        with suppress(ZeroDivisionError):
            if len(sizes) <= _MOST_DIMS_OF_A_FLATTEN:
                follow(graph, node)

    index_mapping.update_reshape_index_mapping = follow_if_possible
    try:
        yield
    finally:
        index_mapping.update_reshape_index_mapping = follow


def _working_copy(model: nn.Module, example: Example) -> tuple[nn.Module, tuple[Tensor, ...]]:
    # The graph is traced through autograd, so every parameter must take part, frozen or not.
    try:
        working = copy.deepcopy(model).cpu().eval().requires_grad_(True)
    except Exception as error:
        raise PruningError(f"the model cannot be copied: {error}") from error
    arguments = tuple(
        tensor.detach().cpu().clone().as_subclass(Tensor) for tensor in as_arguments(example)
    )
    try:
        with torch.no_grad():
            run(working, arguments)
    except PruningError:
        raise
    except Exception as error:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in arguments)
        sentence = f"the model does not run on an input of shape {shapes}: {error}"
        raise PruningError(sentence) from error
    return working, arguments


@dataclass
class _Reader:
    """Reads the graph root by root, in the order in which the model lists its layers."""

    graph: Any
    model: nn.Module
    taken: dict[Place, set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.paths = {module: name for name, module in self.model.named_modules()}
        self.parameters = {id(p): name for name, p in self.model.named_parameters()}
        self.tensors: dict[str, Tensor] = dict(self.model.named_parameters())
        self.tensors.update(self.model.named_buffers())
        self.tied = _tied_names(self.model)

    def read(self) -> Groups:
        prunable: list[Group] = []
        kept: list[KeptGroup] = []
        for found in fuse([self._collect(root) for root in self._roots()]):
            reason = next(iter([*found.reasons, *self._all_faults(found)]), None)
            if found.is_output:
                continue
            if reason is None:
                prunable.append(Group(found.name, found.width, _slots(found)))
            else:
                kept.append(KeptGroup(found.name, found.width, reason))
        return Groups(tuple(prunable), tuple(kept))

    def _roots(self) -> Iterator[nn.Module]:
        for module, path in self.paths.items():
            if isinstance(module, _ConvNd | nn.Linear) and module in self.graph.module2node:
                dim = 1 if isinstance(module, _ConvNd) and module.transposed else 0
                if not self.taken.get((f"{path}.weight", dim)):
                    yield module

    def _collect(self, root: nn.Module) -> Found:
        """Every place that the root's channels reach, and what speaks against removing them."""
        found = Found(self.paths[root], _width(root))
        try:
            pruner = self.graph.get_pruner_of_module(root)
            items = self.graph.get_pruning_group(
                root, pruner.prune_out_channels, list(range(found.width))
            )
        except Exception as error:  # of one layer; the others may be fine
            found.reasons.append(_unreadable(error))
            return found
        for item in items:
            out = self.graph.is_out_channel_pruning_fn(item.dep.handler)
            found.is_output |= out and not item.dep.target.outputs
            pairs = list(zip(item.root_idxs, item.idxs, strict=True))
            try:
                places = self._places(item.dep.target, out)
                size = self._block_size(item.dep.target.module, out)
            except Unsupported as reason:
                found.reasons.append(str(reason))
                continue
            for channel, position in pairs:
                for place in places:
                    found.note(place, channel, position)
                if size:
                    path = self.paths[item.dep.target.module]
                    found.note_block(path, channel, position // size)
        clash = self._take(found.places)
        found.reasons += [clash] if clash else []
        found.reasons += ["it has a single channel"] if found.width == 1 else []
        return found

    def _places(self, node: Any, out: bool) -> list[Place]:
        module = node.module
        if isinstance(module, nn.Parameter):
            return [(self.parameters[id(module)], node.pruning_dim % module.dim())]
        if module not in self.paths:  # an operation without tensors, such as an addition
            return []
        path = self.paths[module]
        return [(f"{path}.{tensor}", dim) for tensor, dim in channel_dims(module, path, out=out)]

    def _block_size(self, module: nn.Module, out: bool) -> int | None:
        """How many inputs or outputs a group of a grouped convolution has; None for others."""
        if isinstance(module, _ConvNd) and is_grouped(module):
            return (module.out_channels if out else module.in_channels) // module.groups
        return None

    def _take(self, found: dict[Place, Positions]) -> str | None:
        """Note the places as used; a sentence where an earlier group has used one."""
        clash = None
        for place, positions in found.items():
            taken = self.taken.setdefault(place, set())
            indices = {index for channel in positions.values() for index in channel}
            if taken & indices:
                clash = f"`{place[0]}` belongs to another group too"
            taken |= indices
        return clash

    def _all_faults(self, found: Found) -> Iterator[str]:
        for (name, dim), positions in found.places.items():
            yield from self._faults(name, dim, positions, found.width)

    def _faults(self, name: str, dim: int, positions: Positions, width: int) -> Iterator[str]:
        if name not in self.tensors:
            yield f"`{name}` is no plain tensor of the model (a parametrization computes it)"
            return
        if name in self.tied:
            yield f"`{name}` is shared with `{self.tied[name]}`"
        indices = [index for channel in positions.values() for index in channel]
        if set(positions) != set(range(width)) or len({len(p) for p in positions.values()}) > 1:
            yield f"its channels reach `{name}` unevenly (a split or slice of the channels)"
        elif len(set(indices)) < len(indices):
            yield f"several of its channels are one channel of `{name}` (a reshape)"
        elif max(indices) >= self.tensors[name].shape[dim]:
            yield f"its channels do not fit `{name}`"


def _unreadable(error: Exception) -> str:
    return (
        f"where its channels go cannot be read ({type(error).__name__}: {error}), as after a "
        "shuffle or a split by fixed numbers"
    )


def _slots(found: Found) -> tuple[Slot, ...]:
    return tuple(
        Slot(name, dim, tuple(tuple(sorted(positions[c])) for c in range(found.width)))
        for (name, dim), positions in found.places.items()
    )


def _width(root: nn.Module) -> int:
    if isinstance(root, _ConvNd):
        return root.out_channels
    assert isinstance(root, nn.Linear)
    return root.out_features


def _tied_names(model: nn.Module) -> dict[str, str]:
    """Tensors that share their memory with one of another name."""
    by_memory: dict[int, list[str]] = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if isinstance(tensor, Tensor) and tensor.numel():
            by_memory.setdefault(tensor.untyped_storage().data_ptr(), []).append(name)
    return {
        name: next(other for other in names if other != name)
        for names in by_memory.values()
        if len(names) > 1
        for name in names
    }
