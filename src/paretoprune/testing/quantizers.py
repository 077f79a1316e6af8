"""The contract of a quantizer, asserted on a small residual network."""

from __future__ import annotations

import torch

from paretoprune.quantization.quantizers.interface import Quantizer
from paretoprune.testing.networks import image_batch, residual_network

_MOST_CHANGED = 0.5  # relative error of the outputs at 8 bits or more; noise has about 1.4


def check_quantizer(quantizer: Quantizer) -> None:
    """Raise AssertionError where a quantizer does not keep its contract.

    Models are named, in evaluation mode, and have outputs of the trained model's shape, finite and
    close to its own where a weight has 8 bits; the same call gives the same outputs; the trained
    model is left as it was.
    """
    model, samples = residual_network(), image_batch(16)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        wanted = samples.inputs.run(model)
    models, again = quantizer.models(model, samples), quantizer.models(model, samples)
    assert models and [*models] == [*again], "the same models, by name, in every call"
    for name, make in models.items():
        found, repeated = make(), again[name]()
        assert not any(module.training for module in found.model.modules()), f"{name} is training"
        assert 0 < found.bits <= 32, f"{name} has {found.bits} bits"
        with torch.no_grad():
            outputs = samples.inputs.run(found.model)
            same = samples.inputs.run(repeated.model)
        assert outputs.shape == wanted.shape and torch.isfinite(outputs).all(), name
        assert torch.equal(outputs, same), f"{name} is not deterministic"
        error = float((outputs - wanted).norm() / wanted.norm())
        assert found.bits < 8 or error < _MOST_CHANGED, f"{name} changes the outputs by {error:.2f}"
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before), "weights changed"
