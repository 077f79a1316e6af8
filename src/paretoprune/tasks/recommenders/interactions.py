"""Users and items of recommenders: the form of their batches, and what a model is offered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from paretoprune.errors import DataError
from paretoprune.tasks.inputs import Inputs, unkeyed
from paretoprune.tasks.interface import Batch, Loaders


@dataclass(frozen=True)
class Catalogue:
    """The numbers of users and items, ids from 0."""

    num_users: int
    num_items: int


def users_and_items(inputs: Inputs) -> tuple[Tensor, Tensor]:
    """Return the ids of users and items (N,): the first two tensors of the inputs.

    Raises:
        DataError: the inputs begin with something else.
    """
    found = [*inputs][:2]
    if len(found) < 2 or any(one.dtype != torch.int64 or one.ndim != 1 for one in found):
        given = ", ".join(f"{one.dtype} of shape {tuple(one.shape)}" for one in found)
        raise DataError(
            "the inputs of a recommender must begin with the ids of users and of items, int64 (N,) "
            f"each, got {given or 'nothing'}"
        )
    return found[0], found[1]


def are_users_and_items(inputs: Inputs) -> bool:
    """Return True for inputs that begin with two tensors of ids."""
    try:
        users_and_items(inputs)
    except DataError:
        return False
    return True


def catalogue_of(batches: Iterable[Inputs]) -> Catalogue:
    """Return the numbers of users and items in all parts of the data.

    Raises:
        DataError: an id is below 0.
    """
    largest, smallest = torch.full((2,), -1), torch.zeros(2, dtype=torch.int64)
    for inputs in batches:
        ids = torch.stack(users_and_items(inputs)).cpu()
        largest = torch.maximum(largest, ids.max(1).values)
        smallest = torch.minimum(smallest, ids.min(1).values)
    if int(smallest.min()) < 0:
        raise DataError(f"ids must be counted from 0, got {int(smallest.min())}")
    return Catalogue(int(largest[0]) + 1, int(largest[1]) + 1)


def all_batches(loaders: Loaders) -> Iterable[Batch]:
    """Yield the batches of all parts, without the keys of their samples."""
    for loader in loaders.values():
        yield from map(unkeyed, loader or ())
