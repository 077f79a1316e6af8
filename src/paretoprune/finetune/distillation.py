"""Knowledge distillation from the dense model, whose outputs are computed once and cached."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from paretoprune.finetune.numerics.memory_format import as_channels_last
from paretoprune.tasks.interface import Batch, Outputs, Task
from paretoprune.tasks.nest import map_tensors, tensors_in

_MOST_BYTES = 2**31  # of a cache


class Teacher:
    """The dense model as teacher, with a cache of its outputs by sample.

    A sample is identified by its key, an integer in [0, `num_keys`) that also identifies its
    augmented view; equal keys must mean equal inputs. Its outputs are computed at the first
    request. Batches without keys, or all batches with `num_keys` = 0, are computed each time, and
    so are outputs without a row for each sample, or too large for the cache.

    Args:
        dense_model: copied; runs in evaluation mode.
        task: what the batches mean.
        device: device of the model and of the cache.
        num_keys: size of the cache, which takes 2 bytes (float16) per key and output.
        bfloat16: compute under bfloat16 autocast, as training does with `precision=bf16`; faster.
    """

    def __init__(
        self,
        dense_model: nn.Module,
        task: Task,
        *,
        device: torch.device,
        num_keys: int = 0,
        bfloat16: bool = False,
    ) -> None:
        self._model = deepcopy(dense_model).to(device).eval().requires_grad_(False)
        self._model.to(memory_format=torch.channels_last)
        self._task = task
        self._bfloat16 = bfloat16
        self._cache: Outputs = None  # like the outputs, with a row for each key
        self._filled = torch.zeros(num_keys, dtype=torch.bool, device=device)
        self._complete = False

    def __deepcopy__(self, memo: object) -> Teacher:
        """Return itself: a callback that copies the module it trains needs no second teacher."""
        return self

    @torch.no_grad()
    def outputs(self, batch: Batch, key: Tensor | None = None) -> Outputs:
        """Return the outputs in float32 for a batch of samples with keys (N,)."""
        if key is None or not len(self._filled):
            return self._compute(batch)
        if not self._complete:
            computed = self._remember(batch, key)
            if computed is not None:
                return computed
        return map_tensors(self._cache, lambda kept: kept[key].float())

    def _remember(self, batch: Batch, key: Tensor) -> Outputs:
        """Compute and cache outputs that are missing; return the outputs if they cannot be
        cached."""
        new = ~self._filled[key]
        if not new.any():
            return None
        outputs = self._compute(self._task.take(batch, new.nonzero().flatten()))
        if self._cache is None:
            if not self._fits(outputs, int(new.sum())):
                self._filled = self._filled[:0]
                return self._compute(batch)
            self._cache = map_tensors(outputs, self._rows)
        if not self._matches(outputs):
            self._filled = self._filled[:0]
            return self._compute(batch)
        fresh = key[new]
        for kept, found in zip(tensors_in(self._cache), tensors_in(outputs), strict=True):
            kept[fresh] = found.half()
        self._filled[fresh] = True
        self._complete = bool(self._filled.all())
        return None

    def _rows(self, output: Tensor) -> Tensor:
        shape = (len(self._filled), *output.shape[1:])
        return torch.empty(shape, dtype=torch.float16, device=output.device)

    def _matches(self, outputs: Outputs) -> bool:
        """Return True if the outputs have the shape of the cached ones: lengths may vary."""
        pairs = zip(tensors_in(self._cache), tensors_in(outputs), strict=True)
        return all(kept.shape[1:] == found.shape[1:] for kept, found in pairs)

    def _fits(self, outputs: Outputs, count: int) -> bool:
        """Return True if there is a row for each sample, of numbers, and all rows fit in memory."""
        found = list(tensors_in(outputs))
        rows = all(one.dim() and len(one) == count and one.is_floating_point() for one in found)
        num_bytes = sum(2 * len(self._filled) * one[0].numel() for one in found) if rows else 0
        return bool(found) and rows and num_bytes <= _MOST_BYTES

    def _compute(self, batch: Batch) -> Outputs:
        batch = as_channels_last(batch)
        device = self._task.inputs(batch).device
        with torch.autocast(device.type, torch.bfloat16, enabled=self._bfloat16):
            return self._task.outputs(self._model, batch)
