"""The contract of an export format, asserted on a small network."""

from __future__ import annotations

import torch
from torch import nn

from paretoprune.config.instantiate import build
from paretoprune.config.target import Target
from paretoprune.formats.format import GraphFormat
from paretoprune.formats.tracing import trace
from paretoprune.tasks.inputs import Inputs

_TOLERANCE = 1e-4  # of a logit


def check_format(form: Target) -> None:
    """Raise AssertionError if an export format breaks its contract.

    `Target(path="my_package.my_format", trust=["my_package"])` names a function as `format=` does.
    It returns a GraphFormat whose files, written and opened again, give the outputs of the traced
    network to within 1e-4, for one sample and for several, with one thread and with the default
    number. Writing the same network twice gives the same file names.

    Raises:
        ExportError: the format cannot represent a network of convolutions.
    """
    known = build(form)
    assert isinstance(known, GraphFormat), "a format is a function that returns a GraphFormat"
    assert known.description.strip(), "`description` is empty"
    assert all(name.startswith("model.") for name in known.files), "files begin with `model.`"
    model, inputs = _network(), torch.linspace(-1, 1, 3 * 3 * 64).reshape(3, 3, 8, 8)
    contents = known.encode(trace(model, inputs, samples=known.samples))
    assert set(contents) == {*known.files}, f"`files` are {known.files}, written {[*contents]}"
    for threads in (1, None):
        run = known.open(contents, threads)
        for given in (inputs[:1], inputs):
            with torch.inference_mode():
                found, expected = run(given), Inputs((given,)).run(model)
            assert found.shape == expected.shape, f"outputs have shape {tuple(found.shape)}"
            difference = float((found - expected).abs().max())
            assert difference < _TOLERANCE, f"outputs differ by up to {difference:.3g}"


def _network() -> nn.Module:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(6, 4),
        ).eval()
