"""The groups of a model that may be pruned: discovered, then proved by removing channels.

The proof works on a copy with random weights in double precision, where a wrong channel cannot hide
behind small or dead weights, and where a right one differs by rounding alone.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from paretoprune.errors import EquivalenceError, PruningError
from paretoprune.pruning.apply import apply_plan
from paretoprune.pruning.discover import check_runs, read_groups
from paretoprune.pruning.equivalence import Example, as_arguments, relative_error, run
from paretoprune.pruning.generic import generic_copy
from paretoprune.pruning.groups import Group, Groups
from paretoprune.pruning.masks import masked_model
from paretoprune.pruning.modes import evaluating
from paretoprune.pruning.numbers import likeness, same_numbers, with_numbers
from paretoprune.pruning.plan import Plan
from paretoprune.results import KeptGroup

_SEED = 0
_DRAWS = 2  # removals that a set of groups must survive in the end
_SOFT = 0.3  # weights so small that no softmax saturates, which would hide a wrong scale
_SMALL = (64, 96)  # heights and widths at which most networks for images show their structure


def find_groups(model: nn.Module, example: Example) -> Groups:
    """The groups of the model, each proved: with its channels removed, the network computes what
    it computes with them zeroed.

    Several groups are proved together, with shares of channels drawn for each on its own, and in
    halves where that fails, down to single groups; so every failing group is found, and a good
    model costs few forward passes. `example` is one input of the model (or a tuple, one per
    argument) with its batch axis; images are made smaller where the model takes smaller ones. The
    model stays as it is.

    Raises:
        PruningError: the model does not run on the example, its graph cannot be read, or nothing
            in it can be pruned.
    """
    with torch.random.fork_rng(devices=[]):  # dropout in training mode draws numbers
        check_runs(model, example)
        small = _smaller(model, example)
        groups = _proved(model, small)
        if small is not example and not _holds(model, example, groups.prunable):
            groups = _proved(model, example)
    if not groups.prunable:
        raise PruningError(_nothing({kept.name: kept.reason for kept in groups.kept}))
    return groups


def _proved(model: nn.Module, example: Example) -> Groups:
    """Once with weights that are small, and what passes once more, thoroughly, with usual ones."""
    first = Proof.of(model, example, gain=_SOFT)
    found = read_groups(first.model, first.inputs)
    prunable = first.split(found.prunable)
    reasons = first.reasons
    del first  # large models fit into memory once less
    proof = Proof.of(model, example, thorough=True)
    prunable = proof.together(proof.split(prunable))
    reasons = {**reasons, **proof.reasons, **{kept.name: kept.reason for kept in found.kept}}
    width = {group.name: group.width for group in found.prunable}
    width.update({group.name: group.width for group in found.kept})
    kept = tuple(KeptGroup(name, width[name], reason) for name, reason in reasons.items())
    return Groups(tuple(prunable), kept)


def _holds(model: nn.Module, example: Example, groups: Sequence[Group]) -> bool:
    """Whether the groups pass with an example of full size, too: attention over a single token,
    for instance, would hide a scale that follows the width."""
    return not groups or Proof.of(model, example, gain=_SOFT).fault(groups) is None


@dataclass
class Proof:
    """A working copy of the model and what was found wrong with groups so far, by name."""

    model: nn.Module
    inputs: tuple[Tensor, ...]
    tolerance: float
    training_shapes: list[tuple[int, ...]] | None  # None where it cannot run in training mode
    reasons: dict[str, str] = field(default_factory=dict)
    passed: list[tuple[Group, ...]] = field(default_factory=list)  # sets that passed
    learnt: dict[object, Group] = field(default_factory=dict)  # by likeness, with its numbers
    hopeless: dict[object, str] = field(default_factory=dict)  # likenesses no numbers helped
    thorough: bool = False  # several draws, and training mode, too

    @classmethod
    def of(
        cls, model: nn.Module, example: Example, *, gain: float = 1.0, thorough: bool = False
    ) -> Proof:
        """Make the working copy, with weights so many times their usual size."""
        working, inputs, tolerance = generic_copy(
            model, as_arguments(example), seed=_SEED, gain=gain
        )
        with torch.no_grad():
            noise = relative_error(run(working, inputs), run(working, inputs))
        if noise > tolerance:
            raise PruningError(
                "the model gives different outputs for the same input even in evaluation mode, "
                "so no pruned model can be compared with it"
            )
        shapes = _training_shapes(working, inputs) if thorough else None
        return cls(working, inputs, tolerance, shapes, thorough=thorough)

    def split(self, groups: Sequence[Group]) -> list[Group]:
        """The groups that pass, in as large sets as pass; the others get their reasons noted."""
        groups = [self._as_learnt(group) for group in groups if not self._is_hopeless(group)]
        if not groups:
            return []
        reason = self.fault(groups)
        if reason is None:
            return groups
        if len(groups) == 1:
            return self._try_numbers(groups[0], reason)
        half = len(groups) // 2
        return self.split(groups[:half]) + self.split(groups[half:])

    def _try_numbers(self, group: Group, reason: str) -> list[Group]:
        """The group with numbers of the network that make it pass, if there are any."""
        kind = likeness(self.model, group)
        for changed in with_numbers(self.model, group):
            if self.fault([changed]) is None:
                self.learnt[kind] = changed
                return [changed]
        if kind and not self.thorough:
            self.hopeless[kind] = group.name
        self.reasons[group.name] = reason
        return []

    def _is_hopeless(self, group: Group) -> bool:
        """Whether a like group has failed whatever was tried; then this one is not tried."""
        like = self.hopeless.get(likeness(self.model, group))
        if like is not None and group.name != like:
            self.reasons[group.name] = f"as `{like}`, which is like it: {self.reasons[like]}"
        return like is not None

    def _as_learnt(self, group: Group) -> Group:
        like = self.learnt.get(likeness(self.model, group))
        return group if like is None or group.numbers else same_numbers(self.model, like, group)

    def together(self, groups: Sequence[Group]) -> list[Group]:
        """Of groups that pass apart, those that also pass together."""
        if not groups or self.fault(groups) is None:
            return list(groups)
        accepted: list[Group] = []
        for group in groups:
            reason = self.fault([*accepted, group])
            if reason is None:
                accepted.append(group)
            else:
                self.reasons[group.name] = f"together with other groups {reason}"
        return accepted

    def fault(self, groups: Sequence[Group]) -> str | None:
        """What goes wrong when channels of all these groups are removed; None if nothing."""
        if self.thorough and tuple(groups) in self.passed:
            return None
        for draw in range(_DRAWS if self.thorough else 1):
            plan = random_plan(groups, seed=_SEED + draw)
            try:
                error = self._error(groups, plan)
            except EquivalenceError as problem:
                return f"removing its channels does not work: {problem}"
            except Exception as problem:
                text = str(problem).splitlines()[0] if str(problem) else ""
                return f"the network fails without its channels: {type(problem).__name__}: {text}"
            if error > self.tolerance:
                return (
                    f"removing its channels changes the outputs (relative error {error:.2g}), as a "
                    "zero-padded shortcut or a sum over channels does"
                )
        if self.thorough:
            self.passed.append(tuple(groups))
        return None

    @torch.no_grad()
    def _error(self, groups: Sequence[Group], plan: Plan) -> float:
        pruned = apply_plan(self.model, groups, plan)
        actual = run(pruned, self.inputs)  # first, because it may fail at once
        if self.thorough and self.training_shapes is not None:
            self._train(pruned)
        del pruned  # large models fit into memory once more, not twice
        return relative_error(run(masked_model(self.model, groups, plan), self.inputs), actual)

    def _train(self, pruned: nn.Module) -> None:
        try:
            shapes = [tuple(tensor.shape) for tensor in run(pruned.train(), self.inputs)]
        except Exception as problem:
            raise EquivalenceError(f"in training mode the network fails: {problem}") from problem
        if shapes != self.training_shapes:
            raise EquivalenceError("in training mode the outputs change their shapes")


def random_plan(groups: Sequence[Group], *, seed: int) -> Plan:
    """A quarter to three quarters of every group's channels, at least one, drawn at random."""
    generator = torch.Generator().manual_seed(seed)
    removed = {}
    for group in groups:
        order = torch.randperm(group.width, generator=generator)
        share = 0.25 + 0.5 * float(torch.rand((), generator=generator))
        count = min(max(round(share * group.width), 1), group.width - 1)
        removed[group.name] = tuple(order[:count].tolist())
    return Plan(removed)


def _training_shapes(model: nn.Module, inputs: tuple[Tensor, ...]) -> list[tuple[int, ...]] | None:
    """Some networks have parts that run in training alone; these must survive, too."""
    try:
        with torch.no_grad():
            return [tuple(tensor.shape) for tensor in run(copy.deepcopy(model).train(), inputs)]
    except Exception:
        return None


def _smaller(model: nn.Module, example: Example) -> Example:
    """Smaller images, if the model gives outputs of the same shapes for them."""
    if not isinstance(example, Tensor) or example.dim() != 4 or not example.is_floating_point():
        return example
    try:
        with torch.no_grad(), evaluating(model):
            shapes = [tensor.shape for tensor in run(model, example[:2])]
    except Exception:
        return example  # which the discovery tells in a sentence
    for size in _SMALL:
        small = example[:2, :, :size, :size]
        try:
            with torch.no_grad(), evaluating(model):
                same = [tensor.shape for tensor in run(model, small)] == shapes
        except Exception:
            same = False
        if same and small.shape != example[:2].shape:
            return small
    return example


def _nothing(reasons: dict[str, str]) -> str:
    told = "".join(f"\n  `{name}`: {reason}" for name, reason in list(reasons.items())[:5])
    return (
        "nothing in this model can be pruned. Prunable are channels between convolutions, linear "
        "layers and BatchNorm that no reshape or fixed number in `forward` ties down"
        + (f"; kept whole are:{told}" if told else "")
    )
