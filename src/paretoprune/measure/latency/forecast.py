"""Forecast of a pruned model's latency: the table's sum, calibrated on whole models."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from paretoprune.measure.latency.calibration import Calibration, Check
from paretoprune.measure.latency.layers import Layer, Place
from paretoprune.measure.latency.table import LatencyTable


@dataclass(frozen=True)
class Forecast:
    """Latency model for any widths, from table lookups, with its validation error."""

    table: LatencyTable
    calibration: Calibration
    check: Check

    def latency_ms(self, sizes: Mapping[Place, int], gone: Collection[str] = ()) -> float:
        """Return the latency at these tensor sizes (dense where absent).

        `gone` has the paths of removed modules.
        """
        return self.calibration.predict(self.table.parts(sizes, gone))

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json.dumps`."""
        return {
            "calibration": asdict(self.calibration),
            "check": asdict(self.check),
            "table": self.table.to_json(),
        }

    @classmethod
    def from_json(cls, layers: tuple[Layer, ...], data: Mapping[str, Any]) -> Forecast:
        """Inverse of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: the data are not such a forecast.
        """
        return cls(
            LatencyTable.from_json(layers, data["table"]),
            Calibration(**data["calibration"]),
            Check(**data["check"]),
        )
