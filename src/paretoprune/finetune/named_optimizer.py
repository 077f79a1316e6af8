"""Optimizers and learning-rate schedulers that the settings name by `_target_`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from torch.optim import Optimizer

from paretoprune.config.instantiate import factory
from paretoprune.config.target import Target
from paretoprune.config.targets.signatures import argument_names

Groups = Sequence[dict[str, Any]]


class Schedule(Protocol):
    """A learning-rate scheduler of torch, or an object like one."""

    def step(self) -> None:
        """Set the learning rate of the next step."""


def named_optimizer(target: Target, groups: Groups, *, learning_rate: float) -> Optimizer:
    """Return the optimizer that `target` names, over parameter groups with their weight decays.

    One that has no `weight_decay`, or that is given one, gets the parameters alone.
    """
    decays = "weight_decay" in argument_names(target)
    if "weight_decay" in target.arguments or not decays:
        groups = [{"params": group["params"]} for group in groups]
    groups = [group for group in groups if group["params"]]
    made: Optimizer = factory(target)(params=groups, lr=learning_rate)
    return made


def named_schedule(
    target: Target, optimizer: Optimizer, *, learning_rate: float, num_steps: int
) -> Schedule:
    """Return the scheduler that `target` names, which is stepped after each of `num_steps` steps.

    Lengths (`T_max`, `total_steps`, `total_iters`) are the number of steps, and `max_lr` is the
    learning rate, unless the target gives them.
    """
    made: Schedule = factory(target)(
        optimizer=optimizer,
        max_lr=learning_rate,
        total_steps=num_steps,
        total_iters=num_steps,
        T_max=num_steps,
    )
    return made
