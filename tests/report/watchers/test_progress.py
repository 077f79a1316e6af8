"""The progress of a running sweep."""

from __future__ import annotations

from typing import Any

import pytest

from paretoprune.report.watchers.progress import progress_of


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ({"n_trials": 30}, "running, 14 of 30 trials, about 2 min left"),
        ({"n_trials": 16}, "running, 14 of 16 trials, about 16 s left"),
        ({"n_trials": 4000}, "running, 14 of 4000 trials, about 9 h left"),
        ({"n_trials": 30, "budget": "10min"}, "running, 14 trials"),
        ({"n_trials": 30, "budget": "20"}, "running, 14 of 20 trials, about 48 s left"),
        (None, "running, 14 trials"),
    ],
)
def test_the_rest_takes_as_long_per_trial_as_the_new_ones(search: Any, words: str) -> None:
    found = progress_of({"search": search}, done=14, new=10, elapsed_s=80.0)
    assert found.in_words() == words


def test_nothing_is_estimated_before_a_trial_has_ended() -> None:
    found = progress_of({"search": {"n_trials": 30}}, done=14, new=0, elapsed_s=1.0)
    assert found.in_words() == "running, 14 of 30 trials"
