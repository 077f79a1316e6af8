"""Inputs with the vectors of a model, as `task=embedding` takes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from lightning import LightningDataModule
from torch import Tensor, nn

from paretoprune.data.data_info import loaders_of, prepare
from paretoprune.data.given import GivenData, as_datamodule
from paretoprune.tasks.embedding import Embedding
from paretoprune.tasks.inputs import unkeyed


def embedded(
    model: nn.Module, data: GivenData, task: Embedding | None = None
) -> LightningDataModule:
    """Return the data with the model's vector of each sample as its target.

    Batches of `data` are the inputs: a tensor, a mapping of keywords, or a tuple whose first part
    they are; other parts are left out. The model runs once over each part, in evaluation mode on
    its own device, and is left as it was. `task` pools the states of tokens.
    """
    module = as_datamodule(data)
    prepare(module)
    parts = {
        part: _Embedded(model, loader, task or Embedding())
        for part, loader in loaders_of(module).items()
        if loader is not None
    }
    return as_datamodule([parts[part] for part in ("train", "validation", "test") if part in parts])


class _Embedded:
    """A loader's batches, each a pair of inputs and vectors; computed once."""

    def __init__(self, model: nn.Module, loader: Iterable[Any], task: Embedding) -> None:
        self._batches = [*_computed(model, loader, task)]

    def __iter__(self) -> Iterator[tuple[Any, Tensor]]:
        return iter(self._batches)

    def __len__(self) -> int:
        return len(self._batches)


@torch.no_grad()
def _computed(
    model: nn.Module, loader: Iterable[Any], task: Embedding
) -> Iterator[tuple[Any, Tensor]]:
    device = next(model.parameters()).device
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        for batch in loader:
            inputs = _inputs(unkeyed(batch))
            pair = (inputs, None)
            found = task.pooled(task.inputs(pair).to(device).run(model), pair)
            yield inputs, found.float().cpu()
    finally:
        for module, training in modes:
            module.training = training


def _inputs(batch: Any) -> Any:
    if isinstance(batch, Mapping):
        return {name: one for name, one in batch.items() if name not in ("labels", "label")}
    return batch[0] if isinstance(batch, tuple | list) else batch
