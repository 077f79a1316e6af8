"""Records and units of the qualities that a user's own code measures."""

from __future__ import annotations

from paretoprune.errors import DataError
from paretoprune.metrics import QUANTITIES, Direction, Quantity


def quality_of(name: str, direction: Direction) -> Quantity:
    """Return the record of a quality; that of the registry for a known name in its direction."""
    known = QUANTITIES.get(name)
    if known is not None and known.direction == direction:
        return known
    return Quantity(name, name, direction, "quality", note="on validation data")


def in_unit(quality: Quantity, value: float) -> float:
    """Return a measured value in the unit of its record: shares of a rate in percent.

    Raises:
        DataError: a value with the name of a rate is not a share from 0 to 1.
    """
    if not quality.is_rate:
        return value
    if not 0.0 <= value <= 1.0:
        raise DataError(
            f"`{quality.name}` is {value:.4g}, but a value of this name must be a share from 0 to "
            "1, as torchmetrics gives it; divide it by 100, or use another name"
        )
    return 100.0 * value
