"""Facts of a picked model for its card: device, layers."""

from __future__ import annotations

import torch
from torch import nn

from paretoprune.config.groups.measure import MeasureSettings
from paretoprune.measure.device import device_name
from paretoprune.measure.macs import macs_per_layer
from paretoprune.pick.card.model_card import LayerRow
from paretoprune.tasks.inputs import Example


def layers_of(dense: nn.Module, pruned: nn.Module, example: Example) -> list[LayerRow]:
    """Every layer whose weight has two dimensions or more, with its MACs."""
    dense_macs, macs = macs_per_layer(dense, example), macs_per_layer(pruned, example)
    before = dict(dense.named_parameters())
    rows = []
    for path, weight in pruned.named_parameters():
        if not path.endswith(".weight") or weight.dim() < 2:
            continue
        name = path.removesuffix(".weight")
        # Of two layers in the place of one, the first is laid beside that one.
        whole = name if path in before else name.rpartition(".")[0]
        rows.append(
            LayerRow(
                name=name,
                dense_shape=tuple(before[f"{whole}.weight"].shape),
                shape=tuple(weight.shape),
                dense_macs=0 if name.endswith(".second") else dense_macs.get(whole, 0),
                macs=macs.get(name, 0),
            )
        )
    return rows


def device_in_words(device: torch.device, settings: MeasureSettings) -> str:
    """Return a sentence on the device and the conditions of latency measurements."""
    batch, threads = f"batch of {settings.latency_batch_size}", settings.latency_threads
    if device.type != "cpu":
        return f"{device_name(device)}, {batch}"
    return f"{device_name(device)}, {threads} thread{'s' if threads > 1 else ''}, {batch}"
