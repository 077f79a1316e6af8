"""Knowledge distillation from the dense model, whose logits are computed once and cached."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from paretoprune.finetune.numerics.memory_format import as_channels_last


class Teacher:
    """The dense model as teacher, with a cache of its logits by sample.

    A sample is identified by its key, an integer in [0, `num_keys`) that also identifies its
    augmented view; equal keys must mean equal inputs. Its logits are computed at the first request.
    Batches without keys, or all batches with `num_keys` = 0, are computed each time.

    Args:
        dense_model: copied; runs in evaluation mode.
        num_classes: number of logits.
        device: device of the model and of the cache.
        num_keys: size of the cache, which takes 2 * `num_keys` * `num_classes` bytes (float16).
        bfloat16: compute under bfloat16 autocast, as training does with `precision=bf16`; faster.
    """

    def __init__(
        self,
        dense_model: nn.Module,
        *,
        num_classes: int,
        device: torch.device,
        num_keys: int = 0,
        bfloat16: bool = False,
    ) -> None:
        self._model = deepcopy(dense_model).to(device).eval().requires_grad_(False)
        self._model.to(memory_format=torch.channels_last)
        self._bfloat16 = bfloat16
        self._logits = torch.empty(num_keys, num_classes, dtype=torch.float16, device=device)
        self._filled = torch.zeros(num_keys, dtype=torch.bool, device=device)
        self._complete = num_keys == 0

    @torch.no_grad()
    def logits(self, x: Tensor, key: Tensor | None = None) -> Tensor:
        """Return logits (N, num_classes) in float32 of the samples `x` (N, ...) with keys (N,)."""
        if key is None or not len(self._logits):
            return self._compute(x)
        if not self._complete:
            self._remember(x, key)
        return self._logits[key].float()

    def _remember(self, x: Tensor, key: Tensor) -> None:
        new = ~self._filled[key]
        if new.any():
            self._logits[key[new]] = self._compute(x[new]).half()
            self._filled[key[new]] = True
            self._complete = bool(self._filled.all())

    def _compute(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self._bfloat16):
            logits: Tensor = self._model(as_channels_last(x))
        return logits.float()


def distillation_loss(
    student: Tensor, teacher: Tensor, labels: Tensor, *, weight: float, temperature: float
) -> Tensor:
    """Return (1 - weight) * cross-entropy + weight * T^2 * KL(teacher || student).

    Both distributions of the divergence are at temperature T. `student` and `teacher` are logits
    (N, classes), `labels` is (N,). Hinton et al. 2015, section 2; T^2 keeps the scale of the
    gradients when the temperature changes.
    """
    divergence = kl_div(
        log_softmax(student / temperature, dim=1),
        log_softmax(teacher / temperature, dim=1),
        reduction="batchmean",
        log_target=True,
    )
    hard = cross_entropy(student, labels)
    return (1 - weight) * hard + weight * temperature**2 * divergence
