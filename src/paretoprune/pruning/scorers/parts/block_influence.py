"""Block influence: blocks whose output is similar to their input are unimportant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from paretoprune.errors import PruningError
from paretoprune.pruning.groups import Block
from paretoprune.pruning.modes import evaluating
from paretoprune.pruning.scorers.parts.channels import Batches


@torch.no_grad()
def block_influence(model: nn.Module, blocks: Sequence[Block], batches: Batches) -> list[float]:
    """Score each block by 1 - the mean cosine similarity of its output and input: 0 to 2.

    Men et al. 2024 (ShortGPT: Layers in Large Language Models are More Redundant Than You Expect,
    section 2.2, eq. 1), with the whole of a sample as one vector, without its padding. Data:
    inputs; cost: one forward pass per batch.

    Raises:
        PruningError: there is no batch.
    """
    seen: dict[str, list[Tensor]] = {block.path: [] for block in blocks}
    device = next(model.parameters()).device
    valid: Tensor | None = None
    with evaluating(model), ExitStack() as hooks:
        for path, cosines in seen.items():
            hooks.callback(_watch(model.get_submodule(path), cosines, lambda: valid))
        for batch in batches:
            valid = batch.valid
            batch.inputs.to(device).run(model)
    if not all(seen.values()):
        raise PruningError("blocks are scored on at least one batch of training data")
    return [1 - float(torch.cat(cosines).double().mean()) for cosines in seen.values()]


def _watch(
    module: nn.Module, cosines: list[Tensor], valid: Callable[[], Tensor | None]
) -> Callable[[], None]:
    """Collect the cosine similarity of each sample, until the returned function is called.

    `valid` gives the mask of the running batch.
    """
    entering: list[Tensor] = []

    def enter(_module: nn.Module, args: Any) -> None:
        # cloned, as a block may modify its input in place
        entering.append(_vectors(args[0], valid()).clone())

    def leave(_module: nn.Module, _args: Any, output: Tensor) -> None:
        leaving = _vectors(output, valid())
        cosines.append(cosine_similarity(entering.pop(), leaving).cpu())

    handles = [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]

    def stop() -> None:
        for handle in handles:
            handle.remove()

    return stop


def _vectors(states: Tensor, valid: Tensor | None) -> Tensor:
    """Return the samples as vectors, with zeros at padding where states are (N, positions, C)."""
    if valid is not None and states.dim() == 3 and tuple(states.shape[:2]) == tuple(valid.shape):
        states = states * valid.to(states)[:, :, None]
    return states.flatten(1)
