"""What all tests share."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings

settings.register_profile("patient", deadline=None)  # a busy machine is no failure
settings.load_profile("patient")
torch.set_num_threads(1)  # the networks here are too small to gain from more


@pytest.fixture
def light_heap() -> Iterator[None]:
    """What other tests left costs the garbage collector nothing, and is not among its objects."""
    gc.freeze()
    yield
    gc.unfreeze()
