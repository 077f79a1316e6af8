"""BatchNorm scale (network slimming): channels with a small scale are unimportant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from paretoprune.errors import PruningError
from paretoprune.pruning.groups import Group, Slot
from paretoprune.pruning.scorers.parts.channels import Batches, sum_slot


@dataclass(frozen=True)
class BatchNormScale:
    """|scale| of a channel in BatchNorm, averaged over all BatchNorm layers of its group.

    Liu et al. 2017 (Learning Efficient Convolutional Networks through Network Slimming, section 3).
    """

    def __call__(
        self, model: nn.Module, groups: Sequence[Group], batches: Batches = ()
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,), higher is more important. No data are used.

        Raises:
            PruningError: a group passes no BatchNorm with a scale.
        """
        scales = {
            f"{path}.weight": module.weight.detach().abs()
            for path, module in model.named_modules()
            if isinstance(module, _BatchNorm) and module.affine
        }
        slots = {g.name: [s for s in g.slots if s.tensor in scales] for g in groups}
        without = [name for name, own in slots.items() if not own]
        if without:
            raise PruningError(
                f"the BatchNorm scorer cannot score group `{without[0]}` "
                f"({len(without)} of {len(groups)} groups pass no BatchNorm); "
                "use scorer=magnitude or scorer=taylor"
            )
        return {name: _mean(own, scales) for name, own in slots.items()}


def _mean(slots: Sequence[Slot], scales: dict[str, Tensor]) -> Tensor:
    readings = [sum_slot(slot, scales[slot.tensor]) / slot.per_channel for slot in slots]
    return torch.stack(readings).mean(0).float()
