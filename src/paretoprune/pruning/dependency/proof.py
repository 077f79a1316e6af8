"""Proof of groups: removing channels must change the outputs by no more than rounding.

It uses a copy with random weights in double precision, where an error cannot be hidden by small or
dead weights, and correct results differ by rounding alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from paretoprune.errors import EquivalenceError, PruningError
from paretoprune.pruning.dependency.module_paths import following_paths
from paretoprune.pruning.dependency.random_copy import (
    RandomCopy,
    amplify,
    generic_copy,
    random_inputs,
)
from paretoprune.pruning.dependency.reach import Reach, find_reach
from paretoprune.pruning.dependency.shared_memory import SharedMemory
from paretoprune.pruning.dependency.width_attributes import likeness, same_numbers, with_numbers
from paretoprune.pruning.groups import Group
from paretoprune.pruning.structured.apply import apply_plan, copy_with
from paretoprune.pruning.structured.equivalence import relative_error, run
from paretoprune.pruning.structured.masks import masked_model
from paretoprune.pruning.structured.plan import Plan
from paretoprune.tasks.inputs import Example, Inputs

_SEED = 0
_SOFT = 0.3  # gain at which no softmax saturates, which would hide a wrong scale


@dataclass(frozen=True)
class Fault:
    """An error caused by removing channels, and the module in which it occurs, if known."""

    reason: str
    path: str = ""


@dataclass
class Proof:
    """A working copy of the model with the results of all proofs so far, by group name."""

    generic: RandomCopy
    reach: Reach
    reasons: dict[str, str] = field(default_factory=dict)
    passed: list[tuple[Group, ...]] = field(default_factory=list)  # sets that passed
    learnt: dict[object, Group] = field(default_factory=dict)  # with numbers, by structure
    hopeless: dict[object, str] = field(default_factory=dict)  # failed, by structure
    thorough: bool = False  # usual weight scale, and training mode as well
    training_shapes: list[tuple[int, ...]] | None = None  # None if training mode fails
    steady: bool = False  # deterministic, as far as tested
    scratch: SharedMemory = field(default_factory=SharedMemory)
    gain: float = _SOFT  # of the small weights

    @classmethod
    def of(cls, model: nn.Module, example: Example) -> Proof:
        """Make the working copy, with small weights.

        Where small weights leave all outputs empty, as no score of a detector reaches its
        threshold, weights have their usual scale.

        Raises:
            PruningError: the model does not run on random inputs, or all outputs are empty.
        """
        for gain in (_SOFT, 1.0):
            generic = generic_copy(model, example, seed=_SEED, gain=gain)
            with torch.no_grad():
                found = run(generic.model, generic.inputs)
            if not found or any(output.numel() for output in found):
                return cls(generic, _reach(generic), gain=gain)
        raise PruningError(
            "all outputs are empty for random inputs, so that no pruned model can be compared with "
            "this one; build it with a lower threshold for scores, such as `box_score_thresh=0` of "
            "torchvision's detectors"
        )

    @property
    def model(self) -> nn.Module:
        """The working copy."""
        return self.generic.model

    @property
    def inputs(self) -> Inputs:
        """Random inputs of the working copy."""
        return self.generic.inputs

    def make_thorough(self) -> None:
        """Switch to weights of usual scale, another random draw, and training mode as well."""
        amplify(self.generic, 1 / self.gain, seed=_SEED)
        # Keep the former inputs: data-dependent routes may change with the weights.
        further = _reach(self.generic).inputs[1:]
        self.reach = replace(self.reach, inputs=(*self.reach.inputs, *further))
        self.training_shapes = _training_shapes(self.model, self.inputs)
        self.thorough = True
        self.learnt.clear()
        self.hopeless.clear()

    def split(self, groups: Sequence[Group]) -> list[Group]:
        """Return the groups that pass, in sets as large as possible; note reasons for others."""
        groups = [self._as_learnt(group) for group in groups if not self._is_hopeless(group)]
        if not groups:
            return []
        fault = self.fault(groups)
        if fault is None:
            return groups
        if len(groups) == 1:
            return self._try_numbers(groups[0], fault.reason)
        first, rest = apart(groups, fault.path)
        return self.split(first) + self.split(rest)

    def _try_numbers(self, group: Group, reason: str) -> list[Group]:
        """Return the group with integer attributes that make it pass, if there are any."""
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
        """Return True, without a trial, if a group of the same structure has failed already."""
        like = self.hopeless.get(likeness(self.model, group))
        if like is not None and group.name != like:
            self.reasons[group.name] = (
                f"as for `{like}` of the same structure: {self.reasons[like]}"
            )
        return like is not None

    def _as_learnt(self, group: Group) -> Group:
        like = self.learnt.get(likeness(self.model, group))
        return group if like is None or group.numbers else same_numbers(self.model, like, group)

    def together(self, groups: Sequence[Group]) -> list[Group]:
        """Return those of the individually proved groups that also pass jointly."""
        if not groups or self.fault(groups) is None:
            return list(groups)
        accepted: list[Group] = []
        for group in groups:
            fault = self.fault([*accepted, group])
            if fault is None:
                accepted.append(group)
            else:
                self.reasons[group.name] = f"together with other groups {fault.reason}"
        return accepted

    def fault(self, groups: Sequence[Group]) -> Fault | None:
        """Return the error caused by removing channels of all these groups; None if there is none.

        Raises:
            PruningError: the model is not deterministic.
        """
        if self.thorough and tuple(groups) in self.passed:
            return None
        fault = self._fault_of(groups)
        if fault is None and self.thorough:
            self.passed.append(tuple(groups))
        return fault

    def holds_at(self, example: Example, groups: Sequence[Group]) -> bool:
        """Return True if proved groups also pass at the example's input size, with small weights.

        Attention over a single token, for instance, would hide a scale that depends on the width.
        One sample is used, since this dominates the time. Must be called last.
        """
        amplify(self.generic, self.gain, seed=_SEED)
        inputs = random_inputs(self.inputs, example)[:1]
        at_size = replace(self, reach=Reach((inputs,)), thorough=False, training_shapes=None)
        return not groups or at_size.fault(groups) is None

    def _fault_of(self, groups: Sequence[Group]) -> Fault | None:
        stack: list[str] = []
        drawn = random_plan(groups, seed=_SEED + self.thorough)
        blocks = {group.name: (0,) for group in groups if group.block}
        plan = Plan({**drawn.removed, **blocks})
        try:
            error = self._error(groups, plan, stack)
        except EquivalenceError as problem:
            return Fault(f"removing its channels does not work: {problem}", *stack[-1:])
        except Exception as problem:
            text = str(problem).splitlines()[0] if str(problem) else ""
            kind = type(problem).__name__
            return Fault(f"the network fails without its channels: {kind}: {text}", *stack[-1:])
        if error > self.generic.tolerance:
            self._check_steady()
            return Fault(
                f"removing its channels changes the outputs (relative error {error:.2g}), as a "
                "zero-padded shortcut or a sum over channels does"
            )
        return None

    @torch.no_grad()
    def _error(self, groups: Sequence[Group], plan: Plan, stack: list[str]) -> float:
        pruned = apply_plan(self.model, groups, plan, scratch=self.scratch)
        with following_paths(pruned, stack):
            actual = [output.clone() for output in self._outputs(pruned)]
            if self.training_shapes is not None:
                self._train(pruned)
        # After the pruned model, which may fail early, and in the same memory.
        masked = masked_model(self.model, groups, plan, scratch=self.scratch)
        expected = self._outputs(masked)
        if not any(output.numel() for output in expected):
            raise EquivalenceError("all outputs are empty, so that nothing can be compared")
        return relative_error(expected, actual)

    def _outputs(self, model: nn.Module) -> list[Tensor]:
        """Return the outputs for all inputs, one after the other."""
        return [output for inputs in self.reach.inputs for output in run(model, inputs)]

    @torch.no_grad()
    def _check_steady(self) -> None:
        """Check that the model is deterministic; called only after a failed proof."""
        if not self.steady:
            outputs = [run(self.model, self.inputs) for _ in range(2)]
            if relative_error(*outputs) > self.generic.tolerance:
                raise PruningError(
                    "the model gives different outputs for the same input even in evaluation mode, "
                    "so no pruned model can be compared with it"
                )
        self.steady = True

    def _train(self, pruned: nn.Module) -> None:
        try:
            shapes = [tuple(tensor.shape) for tensor in run(pruned.train(), self.inputs)]
        except Exception as problem:
            raise EquivalenceError(f"in training mode the network fails: {problem}") from problem
        if shapes != self.training_shapes:
            raise EquivalenceError("in training mode the outputs change their shapes")


def _reach(generic: RandomCopy) -> Reach:
    return find_reach(generic.model, generic.inputs, seed=_SEED, caches=generic.caches)


def random_plan(groups: Sequence[Group], *, seed: int) -> Plan:
    """Draw a plan: 25 to 75 % of each group's channels, and about half of the blocks."""
    generator = torch.Generator().manual_seed(seed)
    removed = {}
    for group in groups:
        order = torch.randperm(group.width, generator=generator)
        share = 0.25 + 0.5 * float(torch.rand((), generator=generator))
        count = min(max(round(share * group.width), 1), group.width - 1)
        if group.block:
            count = int(share > 0.5)
        removed[group.name] = tuple(order[:count].tolist())
    return Plan(removed)


def apart(groups: Sequence[Group], path: str) -> tuple[Sequence[Group], Sequence[Group]]:
    """Split groups into those with tensors in the failing module and others, else in halves."""
    inside = f"{path}."
    blamed = {
        group.name
        for group in groups
        if any(slot.tensor.startswith(inside) for slot in group.slots)
        or (group.block and group.block.holds(path))
    }
    if path and 0 < len(blamed) < len(groups):
        return [g for g in groups if g.name in blamed], [g for g in groups if g.name not in blamed]
    half = len(groups) // 2
    return groups[:half], groups[half:]


def _training_shapes(model: nn.Module, inputs: Inputs) -> list[tuple[int, ...]] | None:
    """Return the output shapes in training mode, which may use further parts of the network."""
    try:
        with torch.no_grad():
            return [
                tuple(tensor.shape)
                for tensor in run(copy_with(model, {}, share=True).train(), inputs)
            ]
    except Exception:
        return None
