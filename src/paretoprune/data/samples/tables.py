"""Tables bundled with scikit-learn: diabetes (regression), breast cancer and wine (classes)."""

from __future__ import annotations

from typing import Literal

import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from paretoprune.config.values import Positive
from paretoprune.data.samples.module import (
    Samples,
    SampleTensors,
    split_at_random,
    standardised,
)

_LOADERS = {"diabetes": load_diabetes, "breast_cancer": load_breast_cancer, "wine": load_wine}


def table(
    *,
    name: Literal["diabetes", "breast_cancer", "wine"] = "diabetes",
    split_seed: int = 0,
    batch_size: Positive = 32,
    seed: int = 0,
) -> SampleTensors:
    """Return a table, one row (columns,) for each sample, split 60 / 20 / 20 percent at random.

    Columns have mean 0 and standard deviation 1 over the training rows, and so has the target of
    `diabetes`. `diabetes` (Efron et al.
    2004, Least Angle Regression) has 442 rows of 10 columns and one number as target, the others
    have class numbers: `breast_cancer` 569 rows of 30 columns, `wine` 178 of 13.
    """
    bundled = _LOADERS[name]()
    is_classes = name != "diabetes"
    x = torch.from_numpy(bundled.data).float()
    y = torch.from_numpy(bundled.target)
    targets = y.long() if is_classes else y.float()
    parts = split_at_random(Samples((x,), targets), shares=(0.2, 0.2), seed=split_seed)
    mean, std = parts[0].inputs[0].mean(0), parts[0].inputs[0].std(0).clamp_min(1e-12)
    rows = [Samples(((part.inputs[0] - mean) / std,), part.targets) for part in parts]
    return SampleTensors(
        *(rows if is_classes else (standardised(part, rows[0]) for part in rows)),
        split=f"60 / 20 / 20 percent of the rows of {name}, drawn at random",
        batch_size=batch_size,
        seed=seed,
        class_names=tuple(map(str, bundled.target_names)) if is_classes else (),
    )
