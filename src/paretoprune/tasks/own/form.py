"""The arguments of a model's `forward`, as parts of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from paretoprune.tasks.inputs import Inputs
from paretoprune.tasks.interface import Batch
from paretoprune.tasks.nest import tensors_in

Path = tuple[int | str, ...]  # of keys, from a batch to a part of it


@dataclass(frozen=True)
class Form:
    """The places of the arguments of `forward` in a batch."""

    args: tuple[Path, ...] = ()
    kwargs: tuple[tuple[str, Path], ...] = ()

    def inputs(self, batch: Batch) -> Inputs:
        """Return the arguments for a batch."""
        named = {name: _at(batch, path) for name, path in self.kwargs}
        return Inputs(tuple(_at(batch, path) for path in self.args), named)


class Arguments:
    """Inside, keeps the arguments of the first call of a model."""

    def __init__(self, model: nn.Module) -> None:
        self.args: tuple[Any, ...] | None = None  # None: not called
        self.kwargs: Mapping[str, Any] = {}
        self._model = model

    def __enter__(self) -> Arguments:
        self._handle = self._model.register_forward_pre_hook(self._keep, with_kwargs=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.remove()

    def form_in(self, batch: Batch) -> Form | None:
        """Return the form of the call, if all its arguments are parts of the batch."""
        if self.args is None:
            return None
        paths = [_path_of(value, batch) for value in (*self.args, *self.kwargs.values())]
        if None in paths or not paths:
            return None
        found = [path for path in paths if path is not None]
        count = len(self.args)
        return Form(tuple(found[:count]), tuple(zip(self.kwargs, found[count:], strict=True)))

    def _keep(self, _model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self.args is None:
            self.args, self.kwargs = args, kwargs


def form_like(example: Any, batch: Batch) -> Form | None:
    """Return the form of a module's `example_input_array` in a batch; None if it tells nothing.

    As in Lightning, a mapping holds keyword arguments, a tuple several arguments, and anything else
    is the only argument.
    """
    if (
        isinstance(example, Mapping)
        and isinstance(batch, Mapping)
        and example.keys() <= batch.keys()
    ):
        return Form((), tuple((str(name), (name,)) for name in example))
    parts = batch if isinstance(batch, tuple | list) else ()
    if isinstance(example, tuple) and len(example) <= len(parts):
        return Form(tuple((place,) for place in range(len(example))))
    if isinstance(example, Tensor):
        return Form(((),) if isinstance(batch, Tensor) else (_first_tensor(batch),))
    return None


def _first_tensor(batch: Batch) -> Path:
    return next(path for path, value in _parts(batch, ()) if isinstance(value, Tensor))


def _path_of(value: Any, batch: Batch) -> Path | None:
    """Return the path of a part that is `value` itself; None if there is no such part."""
    if next(tensors_in(value), None) is None:
        return None
    return next((path for path, part in _parts(batch, ()) if part is value), None)


def _parts(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    yield path, value
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _parts(inner, (*path, name))
    elif isinstance(value, tuple | list):
        for place, inner in enumerate(value):
            yield from _parts(inner, (*path, place))


def _at(batch: Batch, path: Path) -> Any:
    for key in path:
        batch = batch[key]
    return batch
