"""Values logged by a LightningModule, reduced over the batches as Lightning's Trainer does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning import LightningModule
from torch import nn

Reduction = str | Callable[..., Any]
_REDUCTIONS: Mapping[Any, str] = {
    torch.mean: "mean",
    torch.sum: "sum",
    torch.min: "min",
    torch.max: "max",
}


@dataclass
class _Series:
    """The values that were logged under one name, with the number of samples of each."""

    reduction: Reduction
    values: list[Any] = field(default_factory=list)  # numbers and tensors of one
    counts: list[int] = field(default_factory=list)

    def reduced(self) -> float:
        kind = _REDUCTIONS.get(self.reduction, self.reduction)
        values = [float(value) for value in self.values]
        if kind == "mean":
            total = sum(value * count for value, count in zip(values, self.counts, strict=True))
            return total / sum(self.counts)
        if callable(kind):
            return float(kind(torch.tensor(values)))
        return float({"sum": sum, "min": min, "max": max}[str(kind)](values))  # type: ignore[operator]


class Logged:
    """The values of `self.log` and `self.log_dict`, by name.

    A torchmetrics metric is computed and reset at the end; numbers are averaged over the samples,
    or reduced by the `reduce_fx` of the call.
    """

    def __init__(self) -> None:
        self.count = 1  # samples of the current batch
        self._metrics: dict[str, Any] = {}
        self._series: dict[str, _Series] = {}

    def log(
        self,
        name: str,
        value: Any,
        *args: Any,
        reduce_fx: Reduction = "mean",
        batch_size: int | None = None,
        **unused: Any,
    ) -> None:
        """Take in a value in place of `LightningModule.log`."""
        if hasattr(value, "compute") and hasattr(value, "update"):
            self._metrics[name] = value
            return
        series = self._series.setdefault(name, _Series(reduce_fx))
        # Not read here, which would wait for a GPU in every step.
        series.values.append(value.detach() if isinstance(value, torch.Tensor) else value)
        series.counts.append(batch_size or self.count)

    def log_dict(self, dictionary: Mapping[str, Any], *args: Any, **options: Any) -> None:
        """Take in several values in place of `LightningModule.log_dict`."""
        for name, value in dictionary.items():
            self.log(name, value, *args, **options)

    def compute(self) -> dict[str, float]:
        """Return the values by name, those that are one number."""
        found = {name: series.reduced() for name, series in self._series.items()}
        for name, metric in self._metrics.items():
            value = metric.compute()
            metric.reset()
            if not isinstance(value, torch.Tensor) or value.numel() == 1:
                found[name] = float(value)
        return found

    @property
    def higher_is_better(self) -> dict[str, bool]:
        """The direction of the metrics that state it, by name."""
        stated = {
            name: getattr(one, "higher_is_better", None) for name, one in self._metrics.items()
        }
        return {name: better for name, better in stated.items() if better is not None}


@contextmanager
def recording(model: nn.Module) -> Iterator[Logged]:
    """Inside, values logged by the model and by LightningModules within it are recorded.

    `self.log` works without a Trainer then.
    """
    logged = Logged()
    modules = [module for module in model.modules() if isinstance(module, LightningModule)]
    with ExitStack() as restoring:
        for module in modules:
            for name in ("log", "log_dict"):
                restoring.callback(_restore, module, name, vars(module).get(name))
                vars(module)[name] = getattr(logged, name)
        yield logged


def _restore(module: nn.Module, name: str, before: Any) -> None:
    """Set an attribute as it was, where recordings lie within each other."""
    if before is None:
        del vars(module)[name]
    else:
        vars(module)[name] = before
