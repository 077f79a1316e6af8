"""Time model of a trial: seconds of its training, its teacher and everything else."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class TrialTime:
    """Seconds of a trial by the length of its training, for models of one size.

    The teacher's outputs are computed in an epoch that no trial has reached so far, up to
    `teacher_epochs`, and are cached from then on.
    """

    per_epoch: float  # training steps and validation
    fixed: float  # pruning, compensation, measuring
    teacher_per_epoch: float = 0.0
    cached_epochs: float = 0.0  # epochs whose outputs of the teacher are known
    teacher_epochs: float = 0.0  # infinite: outputs are never cached

    def seconds_for(self, epochs: float) -> float:
        """Return the duration of a trial of this length."""
        return self.fixed + self.per_epoch * epochs + self.teacher_seconds(epochs)

    def epochs_in(self, seconds: float) -> float:
        """Return the epochs for which a trial of this duration has time: inverse of `seconds_for`.

        Piecewise linear: at first from the cache, then with the teacher, then from the cache again.
        """
        rest = seconds - self.fixed
        first = self.per_epoch * self.cached_epochs
        if rest <= first or self.cached_epochs >= self.teacher_epochs:
            return max(0.0, rest / self.per_epoch)
        with_teacher = self.per_epoch + self.teacher_per_epoch
        epochs = self.cached_epochs + (rest - first) / with_teacher
        if epochs <= self.teacher_epochs:
            return epochs
        return (rest - self.teacher_seconds(math.inf)) / self.per_epoch

    def teacher_seconds(self, epochs: float) -> float:
        """Return the seconds of the teacher in a trial of this length."""
        computed = min(epochs, self.teacher_epochs) - self.cached_epochs
        return self.teacher_per_epoch * max(0.0, computed)
