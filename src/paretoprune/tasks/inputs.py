"""One call of a model: its arguments, and the only place in which a model is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from paretoprune.tasks.nest import join, map_tensors, take, tensors_in

_WITH_NAME = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Inputs:
    """The arguments of one call of a model on a batch.

    Every tensor has the batch axis first. A list has one entry for each sample, such as images of
    several sizes; tensors that belong to all samples have no dimension.
    """

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def run(self, model: nn.Module) -> Any:
        """Return what the model returns, a nest of tensors."""
        return model(*self.args, **self.kwargs)

    def __len__(self) -> int:
        """Number of samples."""
        for value in (*self.args, *self.kwargs.values()):
            if isinstance(value, list):
                return len(value)
            for tensor in tensors_in(value):
                if tensor.dim():
                    return len(tensor)
        return 0

    def __getitem__(self, index: slice | Tensor) -> Inputs:
        """Return the inputs of these samples."""
        args, kwargs = take((self.args, dict(self.kwargs)), index, len(self), _always)
        return Inputs(args, kwargs)

    def __iter__(self) -> Iterator[Tensor]:
        """Iterate over the tensors of all arguments, in order."""
        yield from tensors_in((self.args, self.kwargs))

    def map(self, change: Callable[[Tensor], Tensor]) -> Inputs:
        """Return the inputs with every tensor changed."""
        args, kwargs = map_tensors((self.args, dict(self.kwargs)), change)
        return Inputs(args, kwargs)

    def to(self, device: torch.device | str) -> Inputs:
        """Return the inputs on a device."""
        return self.map(lambda tensor: tensor.to(device))

    def cpu(self) -> Inputs:
        """Return the inputs on the CPU, without their history."""
        return self.map(lambda tensor: tensor.detach().cpu())

    def contiguous(self) -> Inputs:
        """Return the inputs in contiguous memory format."""
        return self.map(lambda tensor: tensor.contiguous())

    @property
    def is_ragged(self) -> bool:
        """True if an argument is a list of samples, whose tensors have no batch axis."""
        return any(isinstance(value, list) for value in (*self.args, *self.kwargs.values()))

    @property
    def device(self) -> torch.device:
        """Device of the first tensor."""
        return next(iter(self)).device

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The arguments that are tensors, by keyword, or by their position as "0", "1" ..."""
        named = {**{str(place): one for place, one in enumerate(self.args)}, **self.kwargs}
        return {name: one for name, one in named.items() if isinstance(one, Tensor)}

    def tensors_of(self, model: nn.Module) -> dict[str, Tensor]:
        """The arguments that are tensors, by the names that the model's `forward` gives them."""
        try:
            parameters = inspect.signature(model.forward).parameters.values()
            names = [one.name for one in parameters if one.kind in _WITH_NAME]
        except (TypeError, ValueError):
            names = []
        known = {str(place): name for place, name in enumerate(names)}
        return {known.get(name, name): one for name, one in self.tensors.items()}

    @property
    def only(self) -> Tensor:
        """The tensor, where there is one argument. Raises TypeError for several arguments."""
        found = list(self)
        if len(found) != 1:
            raise TypeError(f"this takes one input tensor, and the model has {len(found)}")
        return found[0]

    @classmethod
    def joined(cls, parts: Sequence[Inputs]) -> Inputs:
        """Return several inputs as one; shorter tensors are padded with zeros at the end."""
        args, kwargs = join([(part.args, dict(part.kwargs)) for part in parts], _always)
        return cls(args, kwargs)


# One tensor, one tensor for each argument, or the arguments themselves.
Example = Tensor | Sequence[Tensor] | Inputs


def inputs_of(example: Example) -> Inputs:
    """Return the arguments of a call for an example."""
    if isinstance(example, Inputs):
        return example
    return Inputs((example,) if isinstance(example, Tensor) else tuple(example))


class Keyed(NamedTuple):
    """A batch of one of our own loaders with the keys of its samples.

    A key is an integer (N,) that identifies a sample and its augmented view: equal keys mean equal
    inputs. The dense model's outputs are cached by it.
    """

    batch: Any
    key: Tensor


def unkeyed(batch: Any) -> Any:
    """Return the batch without the keys of its samples."""
    return batch.batch if isinstance(batch, Keyed) else batch


def key_of(batch: Any) -> Tensor | None:
    """Return the keys of the samples of a batch, if it has any."""
    return batch.key if isinstance(batch, Keyed) else None


def _always(_: list[Any]) -> bool:
    return True
