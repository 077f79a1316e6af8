"""A sweep under way: ask, run, tell, record, resume. Knows names and numbers, not networks."""

from paretoprune.sweep.loop import run_sweep
from paretoprune.sweep.problem import Problem
from paretoprune.sweep.record import Watcher

__all__ = ["Problem", "Watcher", "run_sweep"]
