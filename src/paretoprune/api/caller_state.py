"""The state of a process that belongs to the caller: random generators and threads."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def caller_state_kept() -> Iterator[None]:
    """Restore the random generators and the number of threads after the block."""
    python, legacy, threads = random.getstate(), np.random.get_state(), torch.get_num_threads()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)
        torch.set_num_threads(threads)
