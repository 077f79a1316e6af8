"""References between settings: small ones stay, endless and huge ones are refused at once."""

from __future__ import annotations

import time

import pytest

from paretoprune.cli.foreign.references import refuse_endless_references
from paretoprune.errors import SettingsError

ENDLESS: dict[str, dict[str, object]] = {
    "itself": {"name": "${name}"},
    "two": {"a": "${b}", "b": "${a}"},
    "within a text": {"a": "x${b}y", "b": ["${a}"]},
    "its holder": {"model": {"a": {"b": "${model}"}}},
    "itself, relatively": {"model": {"width": "${.width}"}},
    "its holder, relatively": {"model": {"a": {"b": "${..a}"}}},
    "in a list": {"a": [1, "${a[1]}"]},
    "behind another": {"a": "${b.c}", "b": "${d}", "d": {"c": "${a}"}},
    "on the way": {"a": "${b.c}", "b": "${a.c}"},
}
HUGE: dict[str, dict[str, object]] = {
    "lists": {"b0": ["x", "x"], **{f"b{n}": [f"${{b{n - 1}}}"] * 2 for n in range(1, 40)}},
    "texts": {"b0": "x", **{f"b{n}": f"${{b{n - 1}}}" * 2 for n in range(1, 40)}},
    "mappings": {
        "b0": {},
        **{f"b{n}": dict.fromkeys("lr", f"${{b{n - 1}}}") for n in range(1, 40)},
    },
    "relative": {
        "m": {"b0": "x", **{f"b{n}": [f"${{..b{n - 1}}}"] * 2 for n in range(1, 40)}},
    },
}


@pytest.mark.parametrize("case", ENDLESS)
def test_a_reference_that_leads_to_itself_is_refused(case: str) -> None:
    with pytest.raises(SettingsError, match="refers to itself; write the value itself"):
        refuse_endless_references(ENDLESS[case])


@pytest.mark.parametrize("case", HUGE)
def test_references_that_fill_the_memory_are_refused(case: str) -> None:
    began = time.process_time()
    with pytest.raises(SettingsError, match="stands for more than 100,000 values"):
        refuse_endless_references(HUGE[case])
    assert time.process_time() - began < 1


def test_a_long_chain_of_references_is_refused() -> None:
    def chain(length: int) -> dict[str, object]:
        return {f"c{n}": f"${{c{n + 1}}}" for n in range(length)} | {f"c{length}": 1}

    refuse_endless_references(chain(40))
    for length in (60, 5000):
        with pytest.raises(SettingsError, match="by more than 50 references"):
            refuse_endless_references(chain(length))


def test_other_references_stay() -> None:
    refuse_endless_references(
        {
            "seed": 1,
            "data": {"split_seed": "${seed}", "size": "${.split_seed}", "sizes": [1, 2]},
            "model": {"name": "${data.sizes[1]}", "twice": "${seed}${seed}", "inner": "${data}"},
            "none": "${nowhere.at.all}",
            "beyond": "${data.sizes[9]}",
            "through": "${model.inner.size}",
            1: "${seed}",
        }  # type: ignore[dict-item]
    )
    deep: object = "${seed}"
    for _ in range(90):
        deep = {"a": deep}
    refuse_endless_references({"seed": 1, "deep": deep})
