"""`allocation=erk`: the Erdos-Renyi kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass

from paretoprune.search.allocation.methods.interface import Allocation, AllocationContext, Path
from paretoprune.search.allocation.paths import erdos_renyi_path


@dataclass(frozen=True)
class ErdosRenyi(Allocation):
    """Large layers lose a larger share: Evci et al. 2020 (Rigging the Lottery, section 3).

    The kept share of a group is proportional to the sum of the dimensions of its weights over their
    product.
    """

    def path(self, context: AllocationContext, /) -> Path:
        """Return the path of a falling scale of the kept shares."""
        factors = {
            name: sum(map(sum, shapes)) / sum(map(math.prod, shapes))
            for name, shapes in context.shapes.items()
        }
        return erdos_renyi_path(context.groups, factors, max_ratio=context.max_ratio)
