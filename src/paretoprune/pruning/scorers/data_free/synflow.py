"""SynFlow: synaptic flow from the inputs to the outputs, without data."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from paretoprune.errors import PruningError
from paretoprune.pruning.scorers.parts.channels import Batches
from paretoprune.pruning.scorers.parts.sums import SummedOverWeights
from paretoprune.pruning.structured.equivalence import run
from paretoprune.tasks.inputs import Inputs

# Small enough that ReLU6, sigmoids etc. stay in their linear range; its scale cancels out.
_FAINT = 1e-100


@dataclass(frozen=True)
class SynFlow(SummedOverWeights):
    """Sum of |weight| x dR/d|weight| over the weights of a channel, divided by R.

    R is the sum of the outputs of a linearised, positive network: |weights|, no biases, BatchNorm
    reduced to |scale| / standard deviation, a constant input. Tanaka et al. 2020 (Pruning Neural
    Networks without any Data by Iteratively Conserving Synaptic Flow, section 6), scored once
    instead of in many small pruning steps. The scores of one side of a layer through which all of
    the flow passes add up to 1.
    """

    def values(
        self, model: nn.Module, tensors: Sequence[str], batches: Batches
    ) -> dict[str, Tensor]:
        """Return |weight| x dR/d|weight| / R. Of the data, only the shape of one sample is used.

        Raises:
            PruningError: there is no batch, or the flow is zero or not finite.
        """
        linear = _positive_copy(model)
        sample = _ones_like_a_sample(batches).to(next(linear.parameters()).device)
        weights = {name: w for name, w in linear.named_parameters() if w.dim() >= 2}
        with torch.enable_grad():
            flow = torch.stack([output.sum() for output in run(linear, sample)]).sum()
            gradients = torch.autograd.grad(flow, list(weights.values()), materialize_grads=True)
        if not (torch.isfinite(flow) and flow > 0):
            raise PruningError("the synaptic flow of the model is zero, NaN or infinite")
        shares = {
            name: weight.detach() * (gradient / flow.detach())
            for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
        }
        return {name: shares[name] for name in tensors}


def _positive_copy(model: nn.Module) -> nn.Module:
    linear = copy.deepcopy(model).double().eval().requires_grad_(True)
    with torch.no_grad():
        for name, parameter in linear.named_parameters():
            if name.rpartition(".")[2].startswith("bias"):
                parameter.zero_()
            else:
                parameter.abs_()
        for module in linear.modules():
            if isinstance(module, _BatchNorm) and module.running_mean is not None:
                module.running_mean.zero_()
    return linear


def _ones_like_a_sample(batches: Batches) -> Inputs:
    for batch in batches:
        sample = batch.inputs[:1]
        if not all(tensor.is_floating_point() for tensor in sample):
            raise PruningError(
                "scorer=synflow needs an input of ones, and the model's inputs are "
                "whole numbers; use scorer=magnitude or scorer=taylor"
            )
        return sample.map(lambda x: torch.full_like(x, _FAINT, dtype=torch.float64))
    raise PruningError("this scorer needs at least one batch, for the shape of the inputs")
