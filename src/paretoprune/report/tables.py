"""The sweep as tables: every trial, and the front, as pandas data frames and CSV files."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd

from paretoprune.errors import SweepError
from paretoprune.lineage import epochs_in_total
from paretoprune.metrics import QUANTITIES, Direction
from paretoprune.objectives import size_and_quality
from paretoprune.report.formulas import guarded, unguarded
from paretoprune.report.uniform_gain import MORE_TRAINED, Gain, gains_of
from paretoprune.results import Metrics, TrialResult
from paretoprune.results.measurements import names_measured
from paretoprune.results.trials import ModelKey
from paretoprune.storage.atomic import write_text
from paretoprune.storage.foreign.layout import check_sweep

_SIZES = [name for name, quantity in QUANTITIES.items() if quantity.kind == "size"]
_WHOLE = ("number", "seed", *_SIZES, "duplicate_of")
_TEXT = ("state", "origin", "quantization", "reason", "gain_note")


def trials_table(
    results: Sequence[TrialResult],
    *,
    front: Collection[ModelKey],
    dense: Metrics,
    objectives: Mapping[str, Direction],
) -> pd.DataFrame:
    """One row per model of `models_of`, in the order of the trials; what was not measured is
    missing.

    Columns: number, state, origin, front, where there are quantized models their quantization and
    bits (per weight), the objectives, every other measured quantity,
    epochs_total (of training along the lineage), gain_over_uniform (in the unit of the quality) and
    gain_note ("more trained" where no control of that size had as much training), ratio/GROUP and
    width/GROUP, seconds_total, seed, duplicate_of, reason.
    """
    ordered = sorted(results, key=lambda result: (result.number, result.quantization))
    gains, totals = gains_of(results, dense, objectives), epochs_in_total(results)
    rows = [_row(one, front, totals.get(one.number), gains.get(one.key)) for one in ordered]
    return _typed(pd.DataFrame(rows, columns=_columns(ordered, objectives)))


def front_table(trials: pd.DataFrame, objectives: Mapping[str, Direction]) -> pd.DataFrame:
    """The rows of the front, from the largest model to the smallest."""
    size, _ = size_and_quality(objectives)
    rows = trials[trials["front"]].sort_values([size, "number"], ascending=[False, True])
    return rows.reset_index(drop=True)


def write_tables(
    folder: Path,
    results: Sequence[TrialResult],
    *,
    front: Collection[ModelKey],
    dense: Metrics,
    objectives: Mapping[str, Direction],
) -> None:
    """Write `trials.csv` and `front.csv` into the sweep's folder, each all or nothing."""
    trials = trials_table(results, front=front, dense=dense, objectives=objectives)
    for name, table in (("trials", trials), ("front", front_table(trials, objectives))):
        write_text(folder / f"{name}.csv", guarded(table).to_csv(index=False))


def load_sweep(folder: str | Path) -> pd.DataFrame:
    """All trials of a sweep: the table in the sweep's folder, as `trials_table` describes it.

    Raises:
        SweepError: the folder is missing, holds no table, or the table is damaged.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SweepError(f"there is no sweep folder `{folder}`; give the folder of a sweep")
    check_sweep(folder)
    file = folder / "trials.csv"
    if not file.is_file():
        raise SweepError(
            f"`{folder}` holds no trials.csv: it is no sweep's folder, or no trial has finished yet"
        )
    try:
        # "NA" or "None" may be a reason's whole text; only an empty field is missing.
        # Read as text and converted by Python, to the last digit.
        table = pd.read_csv(file, dtype=object, keep_default_na=False, na_values=[""])
        if not table["front"].isin(["True", "False"]).all():
            raise ValueError("`front` must be True or False")
        return unguarded(_typed(table.assign(front=table["front"] == "True")))
    except (ValueError, KeyError, TypeError) as error:
        raise SweepError(
            f"`{file}` is damaged ({error}); running the sweep's command again rewrites it"
        ) from error


def _row(
    result: TrialResult, front: Collection[ModelKey], epochs: float | None, gain: Gain | None
) -> dict[str, float | str | bool | None]:
    return {
        "number": result.number,
        "state": result.state,
        "origin": result.origin,
        "front": result.key in front,
        "quantization": result.quantization or None,
        "bits": result.bits,
        **result.metrics.measured(),
        "epochs_total": epochs,
        "gain_over_uniform": gain.value if gain else None,
        "gain_note": MORE_TRAINED if gain and gain.more_trained else None,
        **{f"ratio/{group}": ratio for group, ratio in result.ratios.items()},
        **{f"width/{group}": width for group, width in result.widths.items()},
        "seconds_total": sum(result.seconds.values()) if result.seconds else None,
        "seed": result.seed,
        "duplicate_of": result.duplicate_of,
        "reason": result.reason,
    }


def _columns(results: Sequence[TrialResult], objectives: Mapping[str, Direction]) -> list[str]:
    """The columns' order, the same whichever trial happens to be the first."""
    order = names_measured(result.metrics for result in results)
    ratios = [f"ratio/{group}" for result in results for group in result.ratios]
    widths = [f"width/{group}" for result in results for group in result.widths]
    training = ["epochs_total", "gain_over_uniform", "gain_note"]
    quantized = ["quantization", "bits"] if any(r.quantization for r in results) else []
    first = ["number", "state", "origin", "front", *quantized, *objectives, *order, *training]
    last = ["seconds_total", "seed", "duplicate_of", "reason"]
    return list(dict.fromkeys([*first, *ratios, *widths, *last]))


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Whole numbers stay whole and text stays text where values are missing."""
    types: dict[str, str] = {"number": "int64", "seed": "int64", "front": "bool"}
    for name in table.columns:
        if name in _TEXT:
            types[name] = "string"
        elif name in _WHOLE or name.startswith("width/"):
            types.setdefault(name, "Int64")
        else:
            types.setdefault(name, "float64")
    return table.astype(types)
