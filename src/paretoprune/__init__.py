"""paretoprune: search how much to prune from each layer of a trained network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paretoprune.export.load import load_model
    from paretoprune.report.tables import load_sweep

__all__ = ["load_model", "load_sweep"]


def __getattr__(name: str) -> Any:
    """Import torch and pandas only for who asks: the commands' `--help` does not."""
    if name == "load_model":
        from paretoprune.export.load import load_model

        return load_model
    if name == "load_sweep":
        from paretoprune.report.tables import load_sweep

        return load_sweep
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
