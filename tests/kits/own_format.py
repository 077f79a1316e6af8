"""A format whose engine computes right numbers for sequences of ten positions alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from paretoprune.formats.format import Contents, GraphFormat, Runner
from paretoprune.formats.pt2 import pt2

if TYPE_CHECKING:
    from torch import Tensor


def ten_positions() -> GraphFormat:
    """Return the format."""
    known = pt2()

    def opened(contents: Contents, threads: int | None) -> Runner:
        run = known.open(contents, threads)

        def wrong_elsewhere(*args: Tensor, **kwargs: Tensor) -> Any:
            given = next(iter((*args, *kwargs.values())))
            return run(*args, **kwargs) + (given.shape[1] != 10)

        return wrong_elsewhere

    return replace(known, open=opened)
