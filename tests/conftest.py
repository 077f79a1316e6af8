"""What all tests share."""

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

# No deadline: a busy machine is no failure. In CI the same examples are tried each time, so that a
# failure belongs to the change; elsewhere new ones.
settings.register_profile("tests", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("tests")
# What commands remember for their user is not written to the home of whoever runs the tests.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="paretoprune-state-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)
torch.set_num_threads(1)  # the networks here are too small to gain from more


@pytest.fixture
def light_heap() -> Iterator[None]:
    """What other tests left costs the garbage collector nothing, and is not among its objects."""
    gc.freeze()
    yield
    gc.unfreeze()
