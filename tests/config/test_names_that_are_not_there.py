"""A `_target_` that does not exist is reported with the one that was probably meant."""

from __future__ import annotations

import pytest

from paretoprune.config.callables import refusal


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (
            "tests.kits.own_model.ownnet",
            "`tests.kits.own_model` has no `ownnet`; did you mean `tests.kits.own_model.OwnNet`?",
        ),
        ("tests.kits.own_model.Quite_Another", "has no `Quite_Another`"),
        ("torch.optim.AdaMW", "did you mean `torch.optim.AdamW`?"),
        ("my_nets.MyNet", "there is no module `my_nets`; run the command in the folder"),
    ],
)
def test_the_error_names_what_was_meant(path: str, reason: str) -> None:
    found = refusal(path, trust=["tests", "my_nets"])
    assert found is not None and reason in found
