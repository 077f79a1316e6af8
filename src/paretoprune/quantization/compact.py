"""What a compact file of a model holds, and how many bytes that is: `stored_bytes`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from paretoprune.errors import QuantizationError
from paretoprune.formats.compact import Rounded, decode_compact, encode_compact
from paretoprune.quantization.fold import Fold, as_affine, find_folds, folded_state
from paretoprune.quantization.grid import rescaled
from paretoprune.quantization.weights import RoundedModel, round_weights

STORED_BITS = 8  # at which `stored_bytes` counts: what costs hardly any quality without training


def stored_bytes(model: nn.Module, example: Tensor) -> int:
    """Bytes of the compact file of the model with its weights rounded to 8 bits.

    `example` (N, ...) is an input on the model's device.

    Raises:
        QuantizationError: a weight is NaN or infinite.
    """
    return len(compact_bytes(round_weights(model, STORED_BITS), example))


def compact_bytes(rounded: RoundedModel, example: Tensor) -> bytes:
    """The content of the compact file of a model with rounded weights.

    A BatchNorm behind a layer goes into the steps of the layer's grid, so that of its four vectors
    only one is stored; of another BatchNorm two.
    """
    folds = find_folds(rounded.model, example)
    state = folded_state(rounded.model, folds)
    weights = {**rounded.weights, **_folded_weights(rounded, folds)}
    arrays: dict[str, NDArray[Any] | Rounded] = {}
    for name, first in _first_names(rounded.model).items():
        if name == first:
            arrays[name] = weights[name] if name in weights else _array(name, state[name])
        arrays[name] = arrays[first]
    return encode_compact(arrays)


def compact_state(content: bytes, model: nn.Module) -> dict[str, Tensor]:
    """The tensors of a compact file in the types of the model's state, to load into it.

    Tensors that the model does not have keep the type that they are stored in.

    Raises:
        WeightsError: the content is damaged.
    """
    own = model.state_dict()
    return {
        name: torch.tensor(array, dtype=own[name].dtype if name in own else None)
        for name, array in decode_compact(content).items()
    }


def _folded_weights(rounded: RoundedModel, folds: Sequence[Fold]) -> dict[str, Rounded]:
    """The weights before a BatchNorm with its multiplier in their steps: the codes stay."""
    names = [f"{fold.layer}.weight" for fold in folds]
    factors = [as_affine(rounded.model.get_submodule(fold.norm))[0] for fold in folds]
    return {
        name: rescaled(rounded.weights[name], factor)
        for name, factor in zip(names, factors, strict=True)
    }


def _first_names(model: nn.Module) -> dict[str, str]:
    """For each tensor of the state, the first name of the same tensor: weights may be tied."""
    first: dict[tuple[int, torch.Size], str] = {}
    names = {}
    for name, tensor in model.state_dict().items():
        key = (tensor.data_ptr(), tensor.shape)
        names[name] = first.setdefault(key, name) if tensor.numel() else name
    return names


def _array(name: str, tensor: Tensor) -> NDArray[Any]:
    """The tensor for a file; bfloat16, which numpy does not have, as float32."""
    if tensor.is_quantized or tensor.layout is not torch.strided:
        raise QuantizationError(
            f"`{name}` is not a plain tensor, and a compact file holds no other"
        )
    plain = tensor.detach().cpu()
    array: NDArray[Any] = (plain.float() if plain.dtype is torch.bfloat16 else plain).numpy()
    return array
