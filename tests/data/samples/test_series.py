"""Windows of series: in the order of time, standardised by training values, from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from paretoprune.data.samples.series import seasons, series
from paretoprune.errors import DataError


def test_parts_follow_each_other_in_time() -> None:
    """No future of a part is in another one; the first past of a part is the end of the last."""
    data = series(past=10, horizon=5, max_steps=200)
    values = seasons(3000, 4)[:200]
    mean, std = values[:120].mean(0), values[:120].std(0)
    for part, first, last in (("train", 10, 120), ("validation", 120, 160), ("test", 160, 200)):
        found = data.parts[part]
        assert len(found) == last - first - 5 + 1
        for number, start in ((0, first), (len(found) - 1, last - 5)):
            window = (values[start - 10 : start + 5] - mean) / std
            expected = torch.from_numpy(window).float()
            torch.testing.assert_close(found.inputs[0][number], expected[:10])
            torch.testing.assert_close(found.targets[number], expected[10:])


def test_the_seeded_series_are_the_same_each_time() -> None:
    assert np.array_equal(seasons(50, 2), seasons(50, 2))


def write(path: Path, rows: int, text: str = "") -> str:
    lines = [f"2016-07-{row},{row * row},{-row}" for row in range(rows)]
    path.write_text("\n".join(["date,A,B", *lines, text]))
    return str(path)


def test_a_file_of_numbers_without_its_dates(tmp_path: Path) -> None:
    path = write(tmp_path / "own.csv", 40)
    both, one = (
        series(path=path, past=4, horizon=2),
        series(path=path, past=4, horizon=2, columns=["B"], stride=2),
    )
    assert both.info.input_shape == (4, 2) and one.info.input_shape == (4, 1)
    torch.testing.assert_close(one.parts["train"].targets[1], both.parts["train"].targets[2][:, 1:])


@pytest.mark.parametrize(
    ("rows", "text", "options", "sentence"),
    [
        (40, "", {"columns": ["C"]}, r"has no numbers in C, but in \['A', 'B'\]"),
        (40, "", {"past": 30}, r"40 steps are too few for windows of 30 \+ 2"),
        (40, "x,,1", {}, "has gaps among its numbers"),
        (40, "1,2", {}, "cannot be read"),
        (0, "a,b", {}, "has no columns of numbers"),
        (0, "", {}, "there are no rows below"),
    ],
)
def test_wrong_files_are_refused_in_a_sentence(
    tmp_path: Path, rows: int, text: str, options: dict[str, object], sentence: str
) -> None:
    path = write(tmp_path / "own.csv", rows, text)
    with pytest.raises(DataError, match=sentence):
        series(path=path, **{"past": 4, "horizon": 2, **options})  # type: ignore[arg-type]


def test_a_missing_file_is_named() -> None:
    with pytest.raises(DataError, match=r"`data.path=nowhere\.csv` cannot be read"):
        series(path="nowhere.csv")
