"""`task=...`: the inputs, the loss and the metrics of a batch."""

from __future__ import annotations

from paretoprune.config.target import Target

# The task of configs that name none: guessed from the batches and the model's class.
AUTO = Target(path="paretoprune.tasks.guess.Auto")
