"""`paretoprune.compare`: the fronts of sweeps in one table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from paretoprune.api.sweep import Sweep
from paretoprune.errors import SweepError
from paretoprune.report.comparison import sweeps as compared_sweeps
from paretoprune.storage.sweep_folder import SweepFolder


def compare(*sweeps: Sweep | str | Path, sweeps_dir: str | Path = "sweeps") -> pd.DataFrame:
    """Compare the fronts of sweeps, each a `Sweep`, a name in `sweeps_dir` or a folder.

    All are measured against the dense model of the first. Columns: sweep, seed, trials, front (the
    number of its members), hypervolume (share of the box between the dense model and guessing that
    the front dominates), retained_area (quality kept, averaged over the logarithm of the size; 1
    loses nothing).

    Raises SweepError if a sweep is not there, has no dense model on record yet, or has other
    objectives than the first.
    """
    if not sweeps:
        raise SweepError("give the sweeps to compare: `Sweep`s, names or folders")
    compared = compared_sweeps.compare([_folder(one, Path(sweeps_dir)) for one in sweeps])
    rows = [
        (one.name, one.seed, one.num_trials, len(one.front), one.hypervolume, one.retained_area)
        for group in compared.groups
        for one in group.sweeps
    ]
    columns = ["sweep", "seed", "trials", "front", "hypervolume", "retained_area"]
    return pd.DataFrame(rows, columns=columns)


def _folder(sweep: Sweep | str | Path, sweeps_dir: Path) -> SweepFolder:
    if isinstance(sweep, Sweep):
        return SweepFolder(sweep.folder)
    named = sweeps_dir / sweep
    return SweepFolder(named if (named / "config.yaml").is_file() else Path(sweep))
