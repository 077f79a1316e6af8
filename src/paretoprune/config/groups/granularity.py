"""`granularity=...`: the unit that pruning removes."""

from __future__ import annotations

from paretoprune.config.target import Target

# The granularity of configs that name none.
CHANNELS = Target(path="paretoprune.pruning.granularities.channels.Channels")
