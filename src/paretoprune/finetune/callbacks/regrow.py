"""Dynamic sparse training: small weights are dropped and others regrown by gradient."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from paretoprune.finetune.module import FinetuneModule

# State of SGD and AdamW for each weight.
_MOMENTS = {"momentum_buffer", "exp_avg", "exp_avg_sq"}


class Regrow(Callback):
    """RigL, Evci et al. 2020 (Rigging the Lottery, section 3), on the weights of `masks`.

    Every `every` steps, a share of a tensor's active weights with the smallest absolute values is
    dropped and as many inactive ones are regrown, those with the largest absolute gradients of the
    last batch; they start at zero. The share decays from `exchanged` to zero along a cosine, and
    nothing is exchanged after `until`. At that step the largest `keep` weights of each tensor are
    selected, which matters if `masks` have more of them: overgrow and select, Chechik et al. 1998
    (Synaptic Pruning in Development: A Computational Account).

    Args:
        masks: initial masks by parameter name, True where a weight is active.
        keep: number of active weights of each tensor at the end.
        every: training steps between two exchanges.
        until: share of the training steps after which nothing is exchanged, in (0, 1].
        exchanged: share of the active weights exchanged at first, in (0, 1].
    """

    def __init__(
        self,
        masks: Mapping[str, Tensor],
        keep: Mapping[str, int],
        *,
        every: int,
        until: float,
        exchanged: float,
    ) -> None:
        self.masks = {name: mask.clone() for name, mask in masks.items()}
        self._keep = keep
        self._every, self._until, self._exchanged = every, until, exchanged
        self._step = 0
        self._last = 0  # step of the selection

    @property
    def complete(self) -> bool:
        """True once the masks are final."""
        return 0 < self._last <= self._step

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, FinetuneModule)
        device = next(pl_module.model.parameters()).device
        self.masks = {name: mask.to(device) for name, mask in self.masks.items()}
        self._step = 0
        self._last = max(1, round(self._until * pl_module.num_steps))

    @torch.no_grad()
    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        assert isinstance(pl_module, FinetuneModule)
        before, self._step = self._step, pl_module.progress.place
        weights = dict(pl_module.model.named_parameters())
        for name, mask in self.masks.items():
            weight = weights[name]
            weight.mul_(mask)
            if before < self._last <= self._step:
                self.masks[name] = largest(weight.abs(), self._keep[name])
            elif self._exchanges(before) and weight.grad is not None:  # a frozen one keeps its mask
                self.masks[name] = exchange(mask, weight, weight.grad, share=self._share())
            else:
                continue
            weight.mul_(self.masks[name])
            kept = pl_module.configure_optimizers().state[weight]
            for moment in _MOMENTS & kept.keys():  # none for regrown weights
                kept[moment].mul_(self.masks[name] & mask)

    @torch.no_grad()
    def apply(self, model: torch.nn.Module) -> None:
        """Set the weights that are masked now to zero."""
        weights = dict(model.named_parameters())
        for name, mask in self.masks.items():
            weights[name].mul_(mask)

    def _exchanges(self, before: int) -> bool:
        every = self._every
        return self._step < self._last and self._step // every > before // every

    def _share(self) -> float:
        return self._exchanged * (1 + math.cos(math.pi * self._step / self._last)) / 2


def exchange(mask: Tensor, weight: Tensor, gradient: Tensor, *, share: float) -> Tensor:
    """Return the mask after exchanging a share of its weights, with as many active ones."""
    active = int(mask.sum())
    count = min(round(share * active), mask.numel() - active)
    stays = largest(weight.abs().masked_fill(~mask, -1), active - count)
    comes = largest(gradient.abs().masked_fill(stays, -1), count)
    return stays | comes


def largest(values: Tensor, count: int) -> Tensor:
    """Return True for the largest `count` of the values; of equal ones the first."""
    order = torch.argsort(values.flatten(), descending=True, stable=True)
    mask = torch.zeros(values.numel(), dtype=torch.bool, device=values.device)
    mask[order[:count]] = True
    return mask.reshape(values.shape)
