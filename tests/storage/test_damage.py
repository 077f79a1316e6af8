"""Whatever a damaged file leads to is one error of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from paretoprune.errors import SweepError, WeightsError
from paretoprune.storage.atomic import read_json
from paretoprune.storage.damage import reading


@pytest.mark.parametrize(
    "content", [None, b"", b"\xff\xfe", b"[1]", b'{"other": 1}', b"null", b"[" * 9**5]
)
def test_a_file_that_is_not_what_was_written_is_reported(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "data.json").write_bytes(content)
    with pytest.raises(SweepError, match="is damaged"), reading(tmp_path):
        int(read_json(tmp_path / "data.json")["num_classes"])


def test_errors_of_ours_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="other weights"), reading(tmp_path):
        raise WeightsError("other weights")
