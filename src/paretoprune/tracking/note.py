"""The note on a sweep's page in MLflow: the best points, and the commands that export them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paretoprune.metrics import Direction
from paretoprune.number_format import written_of
from paretoprune.results import Metrics, TrialResult

_MAX_ROWS = 20  # MLflow truncates a note at 8000 characters


def sweep_note(
    front: Sequence[TrialResult],
    *,
    sweep_name: str,
    dense: Metrics,
    objectives: Mapping[str, Direction],
    picks: Mapping[str, TrialResult],
    pick_command: str,
) -> str:
    """Return Markdown with the best points and their commands, the picture, and the front as a
    table.

    `picks` are the best points, by a description of their merit. MLflow shows the first lines of a
    note and folds the rest. Links to `front.png` and `report.html` are completed by the tracker.
    """
    names = [*objectives]
    lines = [
        f"Front of **{sweep_name}**: {len(front)} models that no other trial beats on "
        f"{' and '.join(names)}. To export one:",
        "",
        f"- the knee: `{pick_command}`",
    ]
    lines += [
        f"- {why}: `{pick_command} trial={best.key}` ({_figures(best.metrics, names)})"
        for why, best in picks.items()
    ]
    lines += ["", "![The front](front.png)", ""]
    lines += ["Everything to explore, in one file: [report.html](report.html)", ""]
    lines += [
        "| trial | origin | " + " | ".join(names) + " |",
        "|---|---|" + "---:|" * len(names),
        _row("dense", "", dense, names),
    ]
    shown = _thin(sorted(front, key=lambda result: _order(result, names)), _MAX_ROWS)
    lines += [_row(str(result.key), result.origin, result.metrics, names) for result in shown]
    if len(shown) < len(front):
        lines.append(f"\n{len(front) - len(shown)} more are in `front.csv`.")
    return "\n".join(lines) + "\n"


def _figures(metrics: Metrics, names: Sequence[str]) -> str:
    measured = metrics.measured()
    return ", ".join(f"{name} {written_of(name, measured)}" for name in names if name in measured)


def _row(trial: str, origin: str, metrics: Metrics, names: Sequence[str]) -> str:
    measured = metrics.measured()
    values = [written_of(name, measured) if name in measured else "" for name in names]
    return f"| {trial} | {origin} | {' | '.join(values)} |"


def _order(result: TrialResult, names: Sequence[str]) -> tuple[float, ...]:
    measured = result.metrics.measured()
    return tuple(-measured.get(name, 0.0) for name in names)


def _thin(results: Sequence[TrialResult], limit: int) -> list[TrialResult]:
    """Return at most `limit` results, evenly spaced, including the first and the last."""
    if len(results) <= limit:
        return list(results)
    steps = (len(results) - 1) / (limit - 1)
    return [results[round(index * steps)] for index in range(limit)]
