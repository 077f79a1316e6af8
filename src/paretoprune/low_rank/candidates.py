"""Selection of the layers that can be factored, with a reason for each layer that cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor, nn

from paretoprune.low_rank.pair import full_ranks, with_pairs
from paretoprune.tasks.inputs import Example, inputs_of

_KINDS = (nn.Conv2d, nn.Linear)


def candidates_of(
    model: nn.Module, example: Example, *, min_width: int
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the paths of layers that can be factored, and a reason by path for the others.

    These are plain two-dimensional convolutions and linear layers of at least `min_width` inputs
    and outputs that the network calls as modules. Other kinds are not listed.
    """
    paths = Counter(
        path
        for module in model.modules()
        for path in _paths(model, module)
        if isinstance(module, _KINDS)
    )
    whole = {path: reason for path in paths if (reason := _why_not(model, path, min_width))}
    found = tuple(path for path in paths if path not in whole)
    if _runs(model, found, example):
        return found, whole
    for path in found:
        if not _runs(model, (path,), example):
            whole[path] = "the network uses its weight without calling the layer"
    return tuple(path for path in found if path not in whole), whole


def _paths(model: nn.Module, module: nn.Module) -> list[str]:
    return [path for path, other in model.named_modules(remove_duplicate=False) if other is module]


def _why_not(model: nn.Module, path: str, min_width: int) -> str | None:
    layer = model.get_submodule(path)
    if type(layer) not in _KINDS or "weight" not in layer._parameters:
        return f"{type(layer).__name__} computes its weight, or is not a plain layer"
    if isinstance(layer, nn.Conv2d) and layer.groups > 1:
        return "a grouped convolution is factored already"
    if isinstance(layer, nn.Conv2d) and layer.padding_mode != "zeros":
        return f"it pads by `{layer.padding_mode}`, not with zeros"
    names = [n for n, p in model.named_parameters(remove_duplicate=False) if p is layer.weight]
    if len(names) > 1:
        return "its weight has several names"
    if not path:
        return "it is the whole network"
    assert isinstance(layer.weight, Tensor)
    if isinstance(layer, nn.Conv2d) and min(layer.kernel_size) == 1:
        return "its kernel has size 1, and two such layers take longer than they save"
    outputs, inputs = layer.weight.shape[:2]
    if min(outputs, inputs) < min_width:
        return f"{inputs} inputs and {outputs} outputs; the minimum is {min_width}"
    return None


def _runs(model: nn.Module, paths: tuple[str, ...], example: Example) -> bool:
    form = with_pairs(model, full_ranks(model, paths))
    return not paths or _try(lambda: inputs_of(example)[:2].run(form.eval()))


@torch.no_grad()
def _try(run: Callable[[], object]) -> bool:
    try:
        run()
    except Exception:  # a user's network may raise anything
        return False
    return True
