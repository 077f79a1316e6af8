"""Token ids and their padding among the arguments of a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from paretoprune.errors import DataError
from paretoprune.results import DataInfo
from paretoprune.tasks.inputs import Inputs, unkeyed
from paretoprune.tasks.interface import LOADERS, Loaders, Task

_IDS = "input_ids"  # the name that transformers give them


def token_ids(inputs: Inputs) -> Tensor | None:
    """Return the token ids (N, L) of the arguments: `input_ids`, or the first of integers."""
    named = inputs.kwargs.get(_IDS)
    candidates = [named] if isinstance(named, Tensor) else [*inputs]
    return next((one for one in candidates if one.dtype == torch.int64 and one.ndim == 2), None)


def padding_mask(inputs: Inputs, padding_id: int | None = None) -> Tensor | None:
    """Return the mask (N, L) of the arguments, True at tokens and False at padding.

    It is the argument whose name contains `mask`, or one by position that is a mask; of bool, or
    of zeros and ones. Without such an argument, positions with the id `padding_id` are padding;
    None if that is None.
    """
    ids = token_ids(inputs)
    if ids is None:
        return None
    named = [one for name, one in inputs.tensors.items() if "mask" in name]
    placed = [one for one in inputs.args if isinstance(one, Tensor) and _is_mask(one)]
    for mask in (*named, *placed):
        if mask.shape == ids.shape:
            return mask.bool()
    return None if padding_id is None else ids != padding_id


def _is_mask(given: Tensor) -> bool:
    """Return True for a mask by position: of bool, or of zeros behind ones.

    Integers that begin with 0 are token types (segments).
    """
    if given.dtype == torch.bool:
        return True
    if given.ndim != 2 or given.is_floating_point():
        return False
    falling = (given[:, 1:] <= given[:, :-1]).all()
    return bool((given[:, :1] == 1).all() and falling and (given >= 0).all())


def described_tokens(task: Task, info: DataInfo, loaders: Loaders) -> DataInfo:
    """Check the token ids of all batches, and add the vocabulary's size and the largest length.

    The size is the one that the data state, or else one more than the largest id.

    Raises:
        DataError: the inputs are no token ids, or an id is out of range.
    """
    largest = longest = 0
    for ids in _all_ids(task, loaders):
        largest = max(largest, int(ids.max()))
        longest = max(longest, ids.shape[1])
    if not largest:
        raise DataError(
            "all token ids are 0, which is usually padding; check what the tokenizer returns"
        )
    if info.vocab_size and largest >= info.vocab_size:
        raise DataError(
            f"token ids must be below `vocab_size`, {info.vocab_size}, got {largest}; give the "
            "vocabulary that the texts were tokenised with"
        )
    return replace(info, vocab_size=info.vocab_size or largest + 1, input_shape=(longest,))


def _all_ids(task: Task, loaders: Loaders) -> Iterator[Tensor]:
    """Yield the token ids of all batches."""
    for part, loader in loaders.items():
        for batch in loader or ():
            inputs = task.inputs(unkeyed(batch))
            ids = token_ids(inputs)
            if ids is None or not ids.numel():
                found = ", ".join(f"{one.dtype} of shape {tuple(one.shape)}" for one in inputs)
                raise DataError(
                    f"{LOADERS[part]}(): inputs must be token ids, int64 of shape (N, L), got "
                    f"{found}; a tokenizer turns texts into ids"
                )
            if int(ids.min()) < 0:
                raise DataError(
                    f"{LOADERS[part]}(): token ids must be 0 or more, got {int(ids.min())}"
                )
            yield ids
