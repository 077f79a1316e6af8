"""Arguments that the program provides to targets."""

from __future__ import annotations

from collections.abc import Mapping

# Arguments supplied by the program when it calls a target; users need not set them. A model's
# class is offered the arguments that the task derives from the data.
PROVIDED: Mapping[str, tuple[str, ...]] = {
    "data": ("seed", "pretrained"),
    "task": (),
    "scorer": ("seed",),
    "schedule": (),
    "granularity": (),
    "allocation": (),
    "compensation": (),
    "sparse_training": (),
    "executor": ("context",),
    "quantization": (),
    "search.strategy": ("context",),
    "search.strategy.sampler": ("seed",),
}
