"""Full-rank factors of a layer, by SVD or by PCA of a linear layer's outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from paretoprune.low_rank.pair import Factorable, Pair, empty_pair, pairs_of, with_pairs
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.inputs import Example, inputs_of

_UNSEEN_WEIGHT = 1e-6  # weight of directions absent from the samples, in an output PCA
_EPSILON = 1e-30  # lower bound of norms, against division by zero


@torch.no_grad()
def factored(
    model: nn.Module, paths: Sequence[str], samples: Example | TaskBatch | None = None
) -> nn.Module:
    """Return a copy that computes the same, with a full-rank pair for each of the layers.

    Components are ordered by contribution, the largest first. With calibration `samples`,
    those of linear layers are the principal components of their outputs on these samples.
    """
    form = with_pairs(model, paths)
    linear = [path for path in paths if isinstance(model.get_submodule(path), nn.Linear)]
    moments = output_moments(model, linear, samples) if samples is not None and linear else {}
    for path, pair in pairs_of(form).items():
        if path in paths:
            fill(pair, model.get_submodule(path), moments.get(path))  # type: ignore[arg-type]
    return form


def pair_of(layer: Factorable, moments: Tensor | None = None) -> Pair:
    """Return the full-rank pair that computes the same as the layer."""
    pair = empty_pair(layer)
    fill(pair, layer, moments)
    return pair


@torch.no_grad()
def fill(pair: Pair, layer: Factorable, moments: Tensor | None = None) -> None:
    """Set a pair's weights so that it computes the same as the layer.

    `moments`, (outputs, outputs), is the sum of y y^T over samples, of a linear layer's outputs y
    without the bias. With it, components are principal components of the outputs, else singular
    vectors of the weight.
    """
    matrix = as_matrix(layer.weight)
    if moments is None:
        set_factors(pair, *singular_factors(matrix))
    else:
        set_factors(pair, *output_factors(matrix, moments))
    if layer.bias is not None:
        assert pair.second.bias is not None
        pair.second.bias.copy_(layer.bias)


def set_factors(pair: Pair, first: Tensor, second: Tensor) -> None:
    """Set a pair's weights to factors (inputs x height, rank) and (rank, outputs x width)."""
    rank, (_, width) = pair.rank, pair.kernel
    pair.first.weight.copy_(first.T.reshape(pair.first.weight.shape))
    rows = second.reshape(rank, -1, width).transpose(0, 1)  # (outputs, rank, width)
    pair.second.weight.copy_(rows.reshape(pair.second.weight.shape))


def as_matrix(weight: Tensor) -> Tensor:
    """Reshape a weight (outputs, inputs, height, width) to a matrix, in float64.

    The matrix is (inputs x height, outputs x width). A pair of rank r is a product of (inputs x
    height, r) and (r, outputs x width) equal to it. For a linear layer it is the transposed weight.
    """
    if weight.dim() == 2:
        weight = weight[:, :, None, None]
    return weight.detach().double().permute(1, 2, 0, 3).flatten(2).flatten(0, 1)


def singular_factors(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return balanced factors (m, r) and (r, n) of a matrix (m, n), by its SVD.

    Each has the square root of the singular values.
    """
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    root = values.sqrt()
    return left * root, root[:, None] * right


def output_factors(matrix: Tensor, moments: Tensor) -> tuple[Tensor, Tensor]:
    """Return balanced factors of a matrix (inputs, outputs) by PCA of its outputs.

    The first r components are the best rank-r approximation of the outputs with second moments
    `moments`.
    """
    moments = moments.double()
    own = matrix.T @ matrix  # orders directions absent from the samples, after all others
    scale = moments.trace() / own.trace().clamp_min(_EPSILON)
    _, directions = torch.linalg.eigh(moments + _UNSEEN_WEIGHT * scale * own)
    second = directions.flip(1)[:, : min(matrix.shape)].T
    first = matrix @ second.T
    root = first.norm(dim=0).clamp_min(_EPSILON).sqrt()
    return first / root, second * root[:, None]


def output_moments(
    model: nn.Module, paths: Sequence[str], samples: Example | TaskBatch
) -> Mapping[str, Tensor]:
    """Return the sum of y y^T over samples and positions, by path: (outputs, outputs), float64.

    y are a linear layer's outputs without the bias; padding, which a batch of a task knows, is left
    out. The model runs once, in evaluation mode.
    """
    sums: dict[str, Tensor] = {}
    valid = samples.valid if isinstance(samples, TaskBatch) else None
    inputs = samples.inputs if isinstance(samples, TaskBatch) else inputs_of(samples)

    def note(path: str, layer: nn.Module, output: Tensor) -> None:
        if valid is not None and tuple(output.shape[:-1]) == tuple(valid.shape):
            output = output[valid.to(output.device, torch.bool)]
        y = output.reshape(-1, output.shape[-1])
        if isinstance(layer.bias, Tensor):
            y = y - layer.bias
        sums[path] = sums.get(path, 0) + (y.T @ y).double()

    was_training = model.training
    with _watching(model, paths, note):
        try:
            inputs.run(model.eval())
        finally:
            model.train(was_training)
    return {path: total for path, total in sums.items() if torch.isfinite(total).all()}


@contextmanager
def _watching(model: nn.Module, paths: Sequence[str], note: Any) -> Iterator[None]:
    handles = [
        model.get_submodule(path).register_forward_hook(
            lambda layer, _args, output, path=path: note(path, layer, output)
        )
        for path in paths
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
