"""`quantization=mixed`: weights of different bits by layer in a compact file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Literal

from torch import nn

from paretoprune.config.values import MeanBits
from paretoprune.errors import QuantizationError
from paretoprune.quantization.allocation import Damages, allocate_bits, in_words, mean_bits
from paretoprune.quantization.compact import compact_bytes
from paretoprune.quantization.quantizers.interface import QuantizedModel, SearchedBits
from paretoprune.quantization.sensitivity import damages, fisher_information
from paretoprune.quantization.shift import check_finite
from paretoprune.quantization.weights import round_weights, weights_of
from paretoprune.tasks.bound import TaskBatch

_log = logging.getLogger(__name__)

WIDTHS = (8, 6, 4, 3, 2)  # bits that a layer may have
AUTO = (8, 4, 3, 2.5, 2)  # means of `bits=auto`


class Mixed:
    """Rounds weights to 8, 6, 4, 3 or 2 bits by layer, `bits` on average.

    Bits are allocated by the expected increase of the loss. Several means give several models of
    each trial. With `auto`, bits are searched together with sizes: a trial has the models from 8
    down to 2 mean bits that may be on the front. `size_bytes` counts the compact file.

    Raises:
        QuantizationError: `bits` is not between 2 and 8.
    """

    def __init__(self, bits: MeanBits | list[MeanBits] | Literal["auto"] = 3) -> None:
        self.searches_bits = bits == "auto"
        means = bits if isinstance(bits, list) else AUTO if bits == "auto" else [bits]
        for mean in means:
            if not WIDTHS[-1] <= mean <= WIDTHS[0]:
                raise QuantizationError(
                    f"`quantization.bits={mean:g}` must be between {WIDTHS[-1]} and {WIDTHS[0]}: a "
                    f"symmetric grid has at least {WIDTHS[-1]} bits (-1, 0, 1)"
                )
        self._means: Sequence[float] = list(dict.fromkeys(means))

    def models(
        self, model: nn.Module, samples: TaskBatch, /
    ) -> Mapping[str, SearchedBits] | Mapping[str, Callable[[], QuantizedModel]]:
        """Return a model for each mean, named after it: `mixed3`, `mixed2.5`."""

        @cache
        def known() -> Damages:
            check_finite(samples.inputs)
            return damages(model, fisher_information(model, samples), WIDTHS)

        makers = {mean: partial(_rounded, model, samples, known, mean) for mean in self._means}
        if self.searches_bits:
            return {f"mixed{mean:g}": SearchedBits(mean, make) for mean, make in makers.items()}
        return {f"mixed{mean:g}": make for mean, make in makers.items()}


def _rounded(
    model: nn.Module, samples: TaskBatch, known: Callable[[], Damages], mean: float
) -> QuantizedModel:
    sizes = {name: weight.numel() for name, weight in weights_of(model, tied=False).items()}
    bits = allocate_bits(known(), sizes, mean=mean)
    _log.info("%s", in_words(bits, sizes))
    rounded = round_weights(model, bits, samples.inputs)
    size = len(compact_bytes(rounded, samples.inputs[:2]))
    return QuantizedModel(rounded.model, mean_bits(bits, sizes), rounded, size)
