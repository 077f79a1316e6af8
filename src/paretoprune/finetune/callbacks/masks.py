"""Gradual pruning: masks that may grow while the network trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from paretoprune.finetune.module import FinetuneModule
from paretoprune.finetune.pruning_steps import gradual_share


class MaskSchedule(Callback):
    """Applies masks after every training step, along the cubic ramp of `gradual_share`.

    `mask_for(share)` returns the masks for a share of the plan, 0 to 1: by the names of the model's
    `state_dict`, tensors of the same shape with zeros where something is removed. Masks must be
    nested: a larger share removes all that a smaller one does. The full masks are reached after
    `ramp` (a share of the steps of the `fit`; 0: from the start) and stay to the end.
    """

    def __init__(
        self,
        mask_for: Callable[[float], Mapping[str, Tensor]],
        *,
        ramp: float,
        refresh_every: int = 10,
    ) -> None:
        self._mask_for = mask_for
        self._ramp = ramp
        self._refresh_every = refresh_every  # steps
        self._ramp_steps: int | None = None  # None: not started
        self._step = 0
        self._masked: list[tuple[Tensor, Tensor]] = []  # (model tensor, mask)

    @property
    def complete(self) -> bool:
        """True once the whole plan is masked."""
        return self._ramp_steps is not None and self._ramp_steps <= self._step

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, FinetuneModule)
        self._ramp_steps = max(1, round(self._ramp * pl_module.num_steps)) if self._ramp else 0
        self._step = 0
        self._masked = []
        if self.complete:
            self._refresh(pl_module.model, share=1.0)

    @torch.no_grad()
    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        assert isinstance(pl_module, FinetuneModule) and self._ramp_steps is not None
        growing, before = not self.complete, self._step
        self._step = pl_module.progress.place
        due = self._step // self._refresh_every > before // self._refresh_every
        if growing and (due or self.complete):
            self._refresh(pl_module.model, share=gradual_share(self._step, self._ramp_steps))
        # Momentum moves a weight even where its gradient is zero, hence after every step.
        self.apply(pl_module.model)

    @torch.no_grad()
    def apply(self, model: torch.nn.Module) -> None:
        """Set the weights that are masked now to zero."""
        for tensor, mask in self._masked:
            tensor.mul_(mask)

    def _refresh(self, model: torch.nn.Module, *, share: float) -> None:
        tensors = model.state_dict()
        self._masked = [
            (tensors[name], mask.to(tensors[name].device))
            for name, mask in self._mask_for(share).items()
        ]
