"""The bundles of `+sweep=` for texts end with a front, on a little of their data."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.kits.commands import run_train

SMALL = (
    "data.packages=[safetensors,numpy]",
    "data.docstrings_of_each=8",
    "model.train.epochs=1",
    "finetune.epochs=1",
    "finetune.tune_learning_rate=false",
    "measure.latency=false",
    "search=random",
    "search.n_trials=2",
    "search.baseline_ratios=[0.5]",
    "tracking=none",
)


@pytest.mark.parametrize(
    ("sweep", "quality", "model"),
    [
        ("text", "accuracy", ("model.width=8", "model.hidden=8")),
        ("language", "perplexity", ("model.width=16", "model.layers=1")),
    ],
)
def test_a_bundle_ends_with_a_front(
    sweep: str, quality: str, model: tuple[str, ...], tmp_path: Path
) -> None:
    widths = [f"+{one}" if "layers" not in one else one for one in model]
    run = run_train(tmp_path, f"+sweep={sweep}", *SMALL, *widths)
    assert run.code == 0, run.err
    front = pd.read_csv(tmp_path / "sweeps" / sweep / "front.csv")
    assert len(front) >= 1 and front[quality].notna().all()
    assert quality in run.out
