"""A sweep over ranks and channels, as a user starts it: from the command to the exported file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import paretoprune
from paretoprune.config.load import load_settings
from paretoprune.low_rank.pair import Pair
from paretoprune.measure.params import count_params
from paretoprune.problem.problem import make_problem
from tests.config.test_load import composed
from tests.kits.commands import OWN, TINY, run_inspect, run_pick, run_train

RANKS = (
    *(value for value in TINY if not value.startswith("model.width")),
    "model.width=16",
    "low_rank=spatial",
    "low_rank.min_width=8",
    "low_rank.divisor=2",
    "measure.latency=false",
)
SWEEP = (*RANKS, "search=auto", "search.n_trials=6", "search.baseline_ratios=[]", "name=ranks")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranks")
    run = run_train(folder, *SWEEP)
    assert run.code == 0, run.err
    assert "the ranks of 2 layers are searched" in run.out
    assert "not factored: features.0: 1 inputs and 16 outputs" in run.out
    return folder


def results_in(folder: Path) -> list[dict[str, object]]:
    paths = sorted(folder.glob("sweeps/ranks/trials/*/result.json"))
    return [json.loads(path.read_text()) for path in paths]


def test_the_search_descends_in_ranks_and_channels(swept: Path) -> None:
    results = [result for result in results_in(swept) if result["origin"] == "auto"]
    assert len(results) >= 3
    sizes = [result["metrics"]["macs"] for result in results]  # type: ignore[index]
    assert sizes == sorted(sizes, reverse=True)
    last = results[-1]["widths"]
    assert isinstance(last, dict)
    assert last["features.3.rank"] < 24 and last["features.3"] < 32
    assert results[-1]["parent"] is not None, "a chain: each starts from the one before"
    assert set(results[-1]["scores"]) == set(last)  # type: ignore[call-overload]


def test_the_same_command_continues_to_the_same_results(swept: Path, tmp_path: Path) -> None:
    """Two trials are taken away; what comes in their place is the same."""
    before = results_in(swept)
    for number in (len(before) - 1, len(before) - 2):
        folder = swept / "sweeps/ranks/trials" / f"{number:04d}"
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    (swept / "sweeps/ranks/study.db").unlink()
    run = run_train(swept, *SWEEP)
    assert run.code == 0, run.err
    timeless = [{k: v for k, v in r.items() if k in _SAME} for r in results_in(swept)]
    assert timeless == [{k: v for k, v in r.items() if k in _SAME} for r in before]


_SAME = {"number", "state", "origin", "ratios", "widths", "metrics", "parent", "scores"}


def test_a_pick_reloads_to_what_was_measured(swept: Path) -> None:
    picked = run_pick(swept, "ranks", "rule=cheapest", "max_accuracy_drop=100", "format=onnx")
    assert picked.code == 0, picked.err
    [folder] = (swept / "sweeps/ranks/picked").iterdir()
    model = paretoprune.load_model(folder, trust=["tests.kits"])
    metrics = json.loads((folder / "metrics.json").read_text())
    assert count_params(model) == metrics["validation"]["pruned"]["params"]
    assert any(isinstance(module, Pair) for module in model.modules())
    saved = load_file(folder / "model.safetensors")
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in saved.items())
    assert "onnx         differs from the measured model by at most" in picked.out
    card = (folder / "README.md").read_text()
    assert "features.3.first" in card


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("low_rank.min_width=100",), "finds no layer that is worth factoring"),
        (("low_rank=none", "low_rank.divisor=8"), "`low_rank.divisor` needs `low_rank=spatial`"),
        (("granularity=weights",), "`low_rank=spatial` searches ranks as channels"),
        (("granularity=depth",), "`low_rank=spatial` searches ranks as channels"),
        (("schedule=lottery",), "`schedule=lottery` retrains from scratch"),
        (("sparse_training=l1",), "set `sparse_training=none`"),
        (("sparse_training=growing",), "set `sparse_training=none`"),
        (("schedule=gradual",), "components of `low_rank=spatial` have no mask"),
        (("search=shared",), "slices of each other's weights"),
        (("measure.latency=true", "sparsity.latency=0.5"), "does not know the ranks"),
        (("low_rank=spatiel",), "no low_rank `spatiel`; did you mean `spatial`?"),
    ],
)
def test_what_does_not_fit_is_said_before_any_work(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    names = {argument.partition("=")[0] for argument in arguments}
    kept = [value for value in RANKS if value.partition("=")[0] not in names]
    if "low_rank" in names or "low_rank.min_width" in names:
        kept = [value for value in kept if value != "low_rank.divisor=2"]
    if "low_rank" in names:
        kept = [value for value in kept if not value.startswith("low_rank.")]
    run = run_train(tmp_path, *kept, *arguments)
    assert run.code != 0
    assert said in run.err and "Traceback" not in run.err
    assert not (tmp_path / "sweeps").exists()


TIMED = (
    *(value for value in RANKS if not value.startswith("low_rank")),
    "model.width=32",
    "search=auto",
    "search.budget=8s",
    "search.strategy.num_sizes=1",  # so that the first size is small enough to need a comparison
    "search.baseline_ratios=[]",
    "name=timed",
)


def untrained_in(folder: Path) -> list[dict[str, float]]:
    """The ratios of the untrained models of the sweep."""
    paths = sorted(folder.glob("sweeps/timed/trials/*/result.json"))
    results = [json.loads(path.read_text()) for path in paths]
    return [result["ratios"] for result in results if result["origin"] == "untrained"]


def test_a_search_with_a_budget_of_time_compares_ranks_and_channels(tmp_path: Path) -> None:
    run = run_train(tmp_path, *TIMED)
    assert run.code == 0, run.err
    of_channels, with_ranks, *_ = untrained_in(tmp_path)
    assert not any(ratio for name, ratio in of_channels.items() if name.endswith(".rank"))
    assert any(ratio for name, ratio in with_ranks.items() if name.endswith(".rank"))
    again = run_train(tmp_path, *TIMED)
    assert again.code == 0 and len(untrained_in(tmp_path)) >= 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("low_rank=none",),
        ("search.budget=2ep",),
        ("schedule=iterative",),
        ("compensation=none",),
        ("search=chain",),
        ("granularity=depth",),
        ("measure.latency=true", "search.objectives={accuracy: maximize, latency_ms: minimize}"),
    ],
)
def test_other_searches_leave_ranks_out_by_themselves(arguments: tuple[str, ...]) -> None:
    names = [argument.partition("=")[0] for argument in arguments]
    values = [value for value in TIMED if value.partition("=")[0] not in names]
    if "search" in names:
        values = [value for value in values if not value.startswith("search.strategy")]
    groups = ("search", "low_rank", "granularity", "schedule", "tracking", "compensation")
    options = [v if v.partition("=")[0] in groups else f"++{v}" for v in (*values, *arguments)]
    settings = load_settings(composed(*options), trust=(OWN,))
    assert not settings.compares_ranks


def test_inspect_shows_the_ranks(tmp_path: Path) -> None:
    run = run_inspect(tmp_path, *RANKS)
    assert run.code == 0, run.err
    assert "features.3.rank" in run.out and "classifier.rank" in run.out


@pytest.mark.parametrize(("budget", "compared"), [("60s", True), ("0.01s", False)])
def test_ranks_are_left_out_where_their_decompositions_take_too_long(
    tmp_path: Path, budget: str, compared: bool
) -> None:
    values = [value for value in TIMED if not value.startswith("search.budget")]
    groups = ("search", "low_rank", "tracking")
    given = (*values, f"search.budget={budget}", f"cache_dir={tmp_path}")
    options = [v if v.partition("=")[0] in groups else f"++{v}" for v in given]
    problem = make_problem(load_settings(composed(*options), trust=(OWN,)))
    assert problem.settings.compares_ranks
    assert (problem.space.ranks is not None) == compared
    assert any(group.name.endswith(".rank") for group in problem.groups.prunable) == compared
