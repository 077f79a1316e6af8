"""What all tests share."""

from __future__ import annotations

import torch
from hypothesis import settings

settings.register_profile("patient", deadline=None)  # a busy machine is no failure
settings.load_profile("patient")
torch.set_num_threads(1)  # the networks here are too small to gain from more
