"""Updates of the remaining weights of one layer from the moments of its inputs.

Each function takes the layer, its weight before pruning (as a matrix, one row per output) and the
moments, and changes the layer in place. Zeros of the layer stay zero.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from paretoprune.pruning.compensation.moments import Moments
from paretoprune.pruning.compensation.updatable import add_to, matrix_of

_DAMPING = 1e-2  # relative to the mean square of the inputs, for `obs`
_RIDGE = 0.1  # ridge penalty, relative to the mean variance of the inputs, for `least_squares`


def bias(layer: nn.Module, dense: Tensor, moments: Moments) -> None:
    """Bias correction: add the mean output error to the bias; without a bias, nothing changes.

    Nagel et al. 2019 (Data-Free Quantization Through Weight Equalization and Bias Correction,
    section 4.2) correct the errors of quantisation in this way.
    """
    if isinstance(layer.bias, Tensor):
        layer.bias += (moments.missing[:, -1] / moments.count).to(layer.bias)


def least_squares(layer: nn.Module, dense: Tensor, moments: Moments) -> None:
    """Least-squares reconstruction: fit weights and bias to the wanted outputs.

    He et al. 2017 (Channel Pruning for Accelerating Very Deep Neural Networks, section 3.1, step
    2), with a small ridge penalty on the change. Means of inputs and outputs are removed, since the
    bias, or the BatchNorm behind the layer, absorbs them. Where weights of a row are zero, only the
    others of the row change, which takes one solution per row.
    """
    centred = moments.centred()
    inputs, active = _damped(centred.inputs, _RIDGE), matrix_of(layer) != 0
    if active.all():
        change = torch.linalg.solve(inputs, centred.missing.T).T
    else:
        change = torch.zeros_like(centred.missing)
        for row, kept in enumerate(active):
            places = kept.nonzero().flatten()
            own = inputs.index_select(0, places).index_select(1, places)
            change[row, places] = torch.linalg.solve(own, centred.missing[row, places])
    add_to(layer, change)
    if isinstance(layer.bias, Tensor):
        lack = moments.missing[:, -1] - change @ moments.inputs[:-1, -1]
        layer.bias += (lack / moments.count).to(layer.bias)


def obs(layer: nn.Module, dense: Tensor, moments: Moments) -> None:
    """Optimal brain surgeon: zero the dense weight column by column; later columns compensate.

    Frantar and Alistarh 2023 (SparseGPT, section 3.3): the update of the optimal brain surgeon
    (Hassibi and Stork 1993) restricted to the weights that come later in the row, so that all rows
    share one factorisation. The zeros of the layer define which weights are removed.
    """
    weight = matrix_of(layer)
    size = weight.shape[1]
    active = weight != 0
    inverse = torch.linalg.inv(_damped(moments.inputs[:size, :size], _DAMPING))
    factor = torch.linalg.cholesky(inverse, upper=True)
    work = dense.double().clone()
    for column in range(size):
        error = torch.where(active[:, column], 0.0, work[:, column] / factor[column, column])
        work[:, column:] -= error[:, None] * factor[column, column:]
    add_to(layer, work * active - weight.double())


def _damped(inputs: Tensor, share: float) -> Tensor:
    """Add damping to the diagonal, so that weights of inputs that are always zero stay."""
    scale = inputs.diagonal().mean()
    return inputs + torch.eye(len(inputs)).to(inputs) * (share * scale + 1e-12)
