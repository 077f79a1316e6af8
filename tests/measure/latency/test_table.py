"""The table: sums of look-ups, and a real one measured on this machine."""

from __future__ import annotations

import json

import pytest
import torch

from paretoprune.measure.latency.adaptive_grid import survey
from paretoprune.measure.latency.layers import Layer, trace_layers
from paretoprune.measure.latency.table import LatencyTable, measure_table
from tests.kits import networks


def layers_of(name: str) -> tuple[Layer, ...]:
    return trace_layers(networks.build(name), networks.example())


def table_of(layers: tuple[Layer, ...]) -> LatencyTable:
    """A table of a machine whose times are the product of the widths."""
    places = {place for layer in layers for place in (layer.place_in, layer.place_out)}
    times = survey(layers, places, 4, lambda points: [i * o / 1000 for _, i, o in points])
    return LatencyTable(layers, times)


@pytest.mark.parametrize("name", ["resnet", "mobilenet", "resnext"])
def test_the_whole_is_the_sum_over_the_layers(name: str) -> None:
    layers = layers_of(name)
    parts = table_of(layers).parts({})
    expected = sum(s.width_in * s.width_out / 1000 for s in (layer.shape for layer in layers))
    assert parts.layers_ms == pytest.approx(expected)
    assert parts.num_layers == len(layers)
    assert parts.elements == sum(s.per_output * s.width_out for s in (x.shape for x in layers))


def test_narrower_layers_are_looked_up_at_their_widths() -> None:
    layers = layers_of("vgg")
    sizes = {("features.0.weight", 0): 4, ("features.4.weight", 1): 4}
    parts = table_of(layers).parts(sizes)
    # 3 -> 4 -> 12 channels, then 48 -> 20 -> 5 features
    assert parts.layers_ms == pytest.approx((3 * 4 + 4 * 12 + 48 * 20 + 20 * 5) / 1000)


def test_the_layers_of_modules_that_are_gone_are_left_out() -> None:
    layers = layers_of("resnet")
    table = table_of(layers)
    inside = [layer for layer in layers if layer.place_out[0].startswith("layer1.1.")]
    assert 0 < len(inside) < len(layers)
    without = table.parts({}, ["layer1.1", "layer1.10"])  # the second of them does not exist
    assert without == LatencyTable(
        tuple(layer for layer in layers if layer not in inside), table.surfaces
    ).parts({})


def test_there_and_back_as_json() -> None:
    layers = layers_of("resnet")
    table = table_of(layers)
    again = LatencyTable.from_json(layers, json.loads(json.dumps(table.to_json())))
    assert again == table
    assert again.parts({}) == table.parts({})


def test_a_table_of_another_network_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks"):
        LatencyTable.from_json(layers_of("vgg"), table_of(layers_of("resnet")).to_json())


def test_a_table_measured_here_has_positive_times() -> None:
    layers = layers_of("mobilenet")
    places = {place for layer in layers for place in (layer.place_in, layer.place_out)}
    table = measure_table(layers, places, step=4, device=torch.device("cpu"), threads=1)
    for surface in table.surfaces.values():
        assert min(map(min, surface.times_ms)) > 0
    assert table.parts({}).layers_ms > 0
