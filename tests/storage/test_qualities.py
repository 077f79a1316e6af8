"""The trivial predictor's qualities, and the records of the user's own, beside the dense model."""

from __future__ import annotations

from pathlib import Path

from paretoprune.metrics import QUANTITIES, Quantity, quantity_of
from paretoprune.storage.atomic import write_json
from paretoprune.storage.qualities import read_qualities, read_trivial, write_qualities


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_qualities(tmp_path, [QUANTITIES["rmse"]], {"rmse": 2.5})
    assert read_trivial(tmp_path) == {"rmse": 2.5}
    assert read_qualities(tmp_path) == [QUANTITIES["rmse"]]


def test_a_quality_of_the_users_own_is_known_to_other_processes(tmp_path: Path) -> None:
    """Its record is registered from the folder, without the code that registered it first."""
    own = Quantity("test_qualities_own", "a score of one's own", "minimize", "quality", "%")
    write_qualities(tmp_path, [own], {})
    assert quantity_of(own.name).kind == "size"  # not registered yet
    assert read_qualities(tmp_path) == [own]
    assert quantity_of(own.name) == own


def test_of_classifiers_of_earlier_versions_it_is_chance(tmp_path: Path) -> None:
    assert read_trivial(tmp_path) == {} and read_qualities(tmp_path) == []
    write_json(tmp_path / "data.json", {"num_classes": 4})
    assert read_trivial(tmp_path) == {"accuracy": 25.0, "top5_accuracy": 100.0}
    (tmp_path / "qualities.json").write_text("{")
    assert read_trivial(tmp_path) == {"accuracy": 25.0, "top5_accuracy": 100.0}
