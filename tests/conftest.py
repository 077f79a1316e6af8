"""Settings of all tests: one thread, own state folder, profiles of hypothesis."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings

# No deadline: times depend on the load of the machine. CI tries the same examples each time, so
# that a failure belongs to the change; elsewhere examples are random.
settings.register_profile("tests", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("tests")
# The state that commands keep for their user (remembered trust) stays out of the home folder.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="paretoprune-state-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)
torch.set_num_threads(1)  # the networks here are too small to gain from more


@pytest.fixture
def light_heap() -> Iterator[None]:
    """Exclude objects of earlier tests from garbage collection."""
    gc.freeze()
    yield
    gc.unfreeze()
