"""Inputs like those of a data set, where only its description is at hand."""

from __future__ import annotations

import torch

from paretoprune.results import Argument, DataInfo
from paretoprune.tasks.inputs import Inputs


def stand_in(info: DataInfo, count: int, *, seed: int | None = None) -> Inputs:
    """Return inputs of `count` samples with the names, shapes and dtypes of a data set.

    Floating-point numbers are standard normal with a `seed`, zero without one. Integers are the
    largest that was seen, which is valid as an index, as a length and in a padding mask.
    """
    generator = torch.Generator().manual_seed(seed or 0)
    arguments = info.arguments or (Argument("0", tuple(info.input_shape), "float32"),)
    args, kwargs = [], {}
    for argument in arguments:
        dtype, shape = getattr(torch, argument.dtype), (count, *argument.shape)
        if not isinstance(dtype, torch.dtype):
            raise ValueError(f"`{argument.dtype}` is no dtype")
        if not dtype.is_floating_point:
            tensor = torch.full(shape, argument.largest or 0, dtype=dtype)
        elif seed is None:
            tensor = torch.zeros(shape, dtype=dtype)
        else:
            tensor = torch.randn(shape, generator=generator).to(dtype)
        if argument.is_keyword:
            kwargs[argument.name] = tensor
        else:
            args.append(tensor)
    return Inputs(tuple(args), kwargs)


def arguments_of(inputs: Inputs, names: list[str]) -> tuple[Argument, ...]:
    """Return the description of the tensors of `inputs`, whose arguments have these names."""
    positional = sum(isinstance(one, torch.Tensor) for one in inputs.args)
    return tuple(
        Argument(
            name,
            tuple(tensor.shape[1:]),
            str(tensor.dtype).removeprefix("torch."),
            largest=_largest(tensor),
            is_keyword=place >= positional,
        )
        for place, (name, tensor) in enumerate(zip(names, inputs.tensors.values(), strict=True))
    )


def _largest(tensor: torch.Tensor) -> int | None:
    if tensor.is_floating_point() or tensor.is_complex() or not tensor.numel():
        return None
    return int(tensor.max())
