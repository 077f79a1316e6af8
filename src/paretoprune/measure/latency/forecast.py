"""The forecast of a pruned model's latency: the table's sum, calibrated on whole models."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from paretoprune.measure.latency.calibration import Calibration, Check
from paretoprune.measure.latency.layers import Layer, Place
from paretoprune.measure.latency.table import LatencyTable


@dataclass(frozen=True)
class Forecast:
    """What a model of any widths will take, in a table's look-ups, and how well that holds."""

    table: LatencyTable
    calibration: Calibration
    check: Check

    def latency_ms(self, sizes: Mapping[Place, int], gone: Collection[str] = ()) -> float:
        """The latency where dimensions of tensors have `sizes` (dense where absent), without the
        modules that are `gone`, by their paths."""
        return self.calibration.predict(self.table.parts(sizes, gone))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "calibration": asdict(self.calibration),
            "check": asdict(self.check),
            "table": self.table.to_json(),
        }

    @classmethod
    def from_json(cls, layers: tuple[Layer, ...], data: Mapping[str, Any]) -> Forecast:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for other data."""
        return cls(
            LatencyTable.from_json(layers, data["table"]),
            Calibration(**data["calibration"]),
            Check(**data["check"]),
        )
