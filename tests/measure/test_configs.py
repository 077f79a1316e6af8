"""The files under conf/measure are settings."""

from __future__ import annotations

from pathlib import Path

from omegaconf import OmegaConf

from paretoprune.config.groups.measure import MeasureSettings

CONF = Path(__file__).parents[2] / "conf" / "measure"


def test_each_file() -> None:
    found = {path.stem: MeasureSettings(**OmegaConf.load(path)) for path in CONF.iterdir()}
    assert found == {"default": MeasureSettings(), "fast": MeasureSettings(latency=False)}
