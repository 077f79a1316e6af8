"""`compensation=auto`: the method that suits the other settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Auto:
    """Least squares if channels or blocks of a trained network are removed; otherwise none.

    `Settings.compensation_method` chooses, before any network is known.
    """
