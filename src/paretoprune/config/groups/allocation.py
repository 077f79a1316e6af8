"""`allocation=...`: the division of a single run's target among the groups."""

from __future__ import annotations

from paretoprune.config.target import Target

# The allocation of configs that name none.
UNIFORM = Target(path="paretoprune.search.allocation.methods.uniform.Uniform")
