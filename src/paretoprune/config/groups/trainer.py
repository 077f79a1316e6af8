"""`trainer=...`: Lightning's Trainer in every training of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from paretoprune.config.target import Target
from paretoprune.config.values import Positive, strict


@dataclass(frozen=True, kw_only=True, config=strict)
class TrainerSettings:
    """Options of Lightning's Trainer that hold for the dense model and for every trial."""

    callbacks: Mapping[str, Target] = field(default_factory=dict)  # by names of the user's
    accumulate_grad_batches: Positive = 1  # batches per step of the optimizer
    gradient_clip_val: Annotated[float, Field(gt=0)] | None = None  # None: gradients stay as is
    gradient_clip_algorithm: Literal["norm", "value"] = "norm"


# Options of Lightning's Trainer that are settings elsewhere, or that a trial cannot honour.
ELSEWHERE: Mapping[str, str] = {
    "precision": "set `finetune.precision` and `model.train.precision`: auto, 32 or bf16",
    "devices": "a trial trains on one device; `executor.workers` runs several trials at once",
    "num_nodes": "a trial trains on one device; `executor=slurm` uses several machines",
    "strategy": "a trial trains on one device, with no strategy of several",
    "accelerator": "set `device`: auto, cpu or cuda",
    "max_epochs": "set `finetune.epochs`, and `model.train.epochs` for the dense model",
    "min_epochs": "set `finetune.epochs`, and `model.train.epochs` for the dense model",
    "max_steps": "set `finetune.epochs`, or `search.budget` for all trials",
    "max_time": "set `search.budget`, or `executor.time_limit` for each trial",
    "logger": "name loggers by `tracking.loggers`",
    "deterministic": "on a CPU the same seed gives the same weights; set `seed`",
    "enable_checkpointing": "every trial keeps the weights of its best epoch",
    "default_root_dir": "set `sweeps_dir`",
    "check_val_every_n_epoch": "every epoch is validated",
    "val_check_interval": "every epoch is validated",
    "limit_train_batches": "give fewer data, or set `finetune.epochs`",
    "limit_val_batches": "give fewer validation data",
}
