"""The outputs of a network on real inputs, as a part of its fingerprint."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable

import numpy as np
import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor, nn

from paretoprune.errors import WeightsError
from paretoprune.tasks.inputs import Example, inputs_of
from paretoprune.tasks.nest import tensors_in

_MOST = 256  # maximum number of outputs stored
_DIGITS = 6


def outputs_of(model: nn.Module, example: Example) -> tuple[float, ...] | None:
    """Return the first outputs of a copy in evaluation mode, on the CPU.

    None if the network cannot be copied or run, which is reported elsewhere, and if its outputs are
    random or hold no numbers: these cannot show what has changed.
    """
    inputs = inputs_of(example).cpu()
    try:
        probe = copy.deepcopy(model).cpu().eval()
        with isolate_rng(include_cuda=False), torch.inference_mode():
            _seed()
            # The second pass is not re-seeded, so that a stochastic network gives different
            # outputs.
            first, second = (_numbers(inputs.run(probe)) for _ in range(2))
    except Exception:  # a user's network may raise anything
        return None
    return first if first == second else None


def refuse_not_finite(model: nn.Module) -> None:
    """Raise WeightsError for parameters that are NaN or infinite, and for NaN in buffers."""
    wrong = [name for name, each in model.named_parameters() if _has(each, _not_finite)]
    wrong += [name for name, each in model.named_buffers() if _has(each, torch.isnan)]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise WeightsError(
            f"the network's weights hold NaN or infinite values, in {', '.join(wrong[:3])}{more}; "
            "nothing can be trained or measured with them: give other `model.weights`, or mend the "
            "network's initialisation"
        )


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    """Return True if two networks have bitwise identical weights."""
    states = one.state_dict(), other.state_dict()
    return states[0].keys() == states[1].keys() and all(
        torch.equal(tensor.cpu(), states[1][name].cpu()) for name, tensor in states[0].items()
    )


def _numbers(outputs: object) -> tuple[float, ...] | None:
    found = [one.flatten()[:_MOST] for one in tensors_in(outputs) if one.is_floating_point()]
    if not found:
        return None
    values = torch.cat([one.double() for one in found])[:_MOST].tolist()
    return tuple(float(f"{value:.{_DIGITS}g}") for value in values)


def _not_finite(values: Tensor) -> Tensor:
    return ~values.isfinite()


def _has(values: Tensor, kind: Callable[[Tensor], Tensor]) -> bool:
    if isinstance(values, nn.UninitializedParameter | nn.UninitializedBuffer):
        return False
    if not (values.is_floating_point() or values.is_complex()) or values.is_meta:
        return False
    return bool(kind(values.detach()).any())


def _seed() -> None:
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
