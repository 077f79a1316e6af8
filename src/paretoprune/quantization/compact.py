"""Contents of a compact file of a model, and its size, the metric `stored_bytes`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from paretoprune.errors import QuantizationError
from paretoprune.formats.compact import Rounded, encode_compact
from paretoprune.formats.compact_reader import decode_compact
from paretoprune.quantization.fold import Fold, as_affine, find_folds, folded_state
from paretoprune.quantization.grid import rescaled
from paretoprune.quantization.weights import RoundedModel, round_weights
from paretoprune.tasks.inputs import Example

STORED_BITS = 8  # of `stored_bytes`: nearly lossless without training


def stored_bytes(model: nn.Module, example: Example) -> int:
    """Return the bytes of the compact file of the model with weights rounded to 8 bits.

    `example` is an input on the model's device.

    Raises:
        QuantizationError: a weight is NaN or infinite.
    """
    return len(compact_bytes(round_weights(model, STORED_BITS), example))


def compact_bytes(rounded: RoundedModel, example: Example) -> bytes:
    """Return the content of the compact file of a model with rounded weights.

    A BatchNorm behind a layer is folded into the step sizes of the layer's grid, so that only one
    of its four vectors is stored; of any other BatchNorm two.
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
    """Return the tensors of a compact file in the dtypes of the model's state, ready to load.

    Only the precision of floating point numbers is changed. Tensors of other types, and those that
    the model does not have, keep their stored dtype.

    Raises:
        WeightsError: the content is damaged, or holds more elements than the model has.
    """
    own = model.state_dict()
    most = sum(tensor.numel() for tensor in own.values())
    found = decode_compact(content, most_elements=most)
    return {name: _like(torch.tensor(array), own.get(name)) for name, array in found.items()}


def _like(tensor: Tensor, own: Tensor | None) -> Tensor:
    if own is not None and own.is_floating_point() and tensor.is_floating_point():
        return tensor.to(own.dtype)
    return tensor


def _folded_weights(rounded: RoundedModel, folds: Sequence[Fold]) -> dict[str, Rounded]:
    """Multiply step sizes by the BatchNorm factor behind; codes are unchanged."""
    names = [f"{fold.layer}.weight" for fold in folds]
    factors = [as_affine(rounded.model.get_submodule(fold.norm))[0] for fold in folds]
    return {
        name: rescaled(rounded.weights[name], factor)
        for name, factor in zip(names, factors, strict=True)
    }


def _first_names(model: nn.Module) -> dict[str, str]:
    """Return the first name of each tensor of the state: weights may be tied."""
    first: dict[tuple[int, torch.Size], str] = {}
    names = {}
    for name, tensor in model.state_dict().items():
        key = (tensor.data_ptr(), tensor.shape)
        names[name] = first.setdefault(key, name) if tensor.numel() else name
    return names


def _array(name: str, tensor: Tensor) -> NDArray[Any]:
    """Convert the tensor to numpy; bfloat16, which numpy lacks, becomes float32."""
    if tensor.is_quantized or tensor.layout is not torch.strided:
        raise QuantizationError(
            f"`{name}` is not a dense tensor, and a compact file can hold no other"
        )
    plain = tensor.detach().cpu()
    array: NDArray[Any] = (plain.float() if plain.dtype is torch.bfloat16 else plain).numpy()
    return array
