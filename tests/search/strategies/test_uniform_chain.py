"""Uniform chain only: even ratios, each model from the one before."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.kits.strategies import sweep


@pytest.mark.parametrize("max_macs", [64, 40])
def test_every_link_is_uniform_and_starts_from_the_one_before(
    tmp_path: Path, max_macs: int
) -> None:
    results = sweep("uniform_chain", tmp_path, max_macs=max_macs, baseline_ratios=())
    links = [result for result in results if result.origin == "uniform_chain"]
    assert len(links) >= 5
    assert links[0].parent is None
    for link in links:
        assert len(set(link.ratios.values())) == 1
        assert (link.metrics.macs or 0) <= max_macs
    for wider, narrower in pairwise(links):
        assert narrower.parent in (wider.number, wider.duplicate_of)
        assert all(narrower.widths[n] <= wider.widths[n] for n in wider.widths)
