"""A task whose ranks are searched: sizes, trials, chains, what is kept on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from paretoprune.errors import SettingsError, WeightsError
from paretoprune.files import read_json, write_json
from paretoprune.forms import load_delivered, rebuild_trial
from paretoprune.low_rank import Pair, merged, pairs_of
from paretoprune.measure import count_bytes, count_macs, count_params
from paretoprune.mistakes import load_settings
from paretoprune.outline import Outline, outline
from paretoprune.prepare import Prepared, prepare, with_energies, with_gate_scores
from paretoprune.prepared_folder import keep_prepared, load_prepared
from paretoprune.pruning import Plan, Zeroed, check_equivalence, save_state
from paretoprune.pruning.checkpoint import load_state
from paretoprune.results import Job
from paretoprune.schedules.steps import Start, cut
from paretoprune.trial import run_trial, start_from
from tests.kits.commands import TINY
from tests.test_mistakes import composed

GROUPS = {"features.0", "features.3", "features.3.rank", "classifier.rank"}


def task_of(folder: Path, *overrides: str) -> Outline:
    values = [
        *(value for value in TINY if not value.startswith("model.width")),
        "model.width=16",
        "low_rank=spatial",
        "low_rank.min_width=8",
        "low_rank.divisor=2",
        "measure.latency=false",
        f"cache_dir={folder}",
        *overrides,
    ]
    options = ("tracking", "search", "low_rank", "granularity")
    groups = [value for value in values if value.partition("=")[0] in options]
    config = composed(*groups, *(f"++{value}" for value in values if value not in groups))
    return outline(load_settings(config))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(task_of(tmp_path_factory.mktemp("cache"), "finetune.epochs=0"))


def drawn(task: Outline, seed: int, most: float = 0.9) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    return {group.name: float(rng.uniform(0, most)) for group in task.groups.prunable}


def delivered(prepared: Prepared, ratios: Mapping[str, float]) -> nn.Module:
    widths = prepared.outline.widths_of(ratios)
    candidate, _ = cut(prepared, prepared.start, prepared.scores, widths, trained_next=False)
    return merged(candidate.model)


def test_ranks_are_groups_beside_the_channels_which_keep_their_names(prepared: Prepared) -> None:
    task = prepared.outline
    assert {group.name for group in task.groups.prunable} == GROUPS
    assert task.groups.factored == ("features.3", "classifier")


def test_the_start_is_the_dense_model_and_ratio_zero_is_its_size(prepared: Prepared) -> None:
    task = prepared.outline
    assert check_equivalence(prepared.dense, prepared.start.model, task.example) < 1e-5
    assert pairs_of(prepared.start.model).keys() == set(task.groups.factored)
    assert not pairs_of(prepared.dense)
    assert task.cost_of({}).macs == count_macs(prepared.dense, task.example)
    assert task.cost_of({}).params == count_params(prepared.dense)
    assert task.quantity_of({}, "bytes") == count_bytes(prepared.dense)
    whole = merged(prepared.start.model)
    assert count_params(whole) == count_params(prepared.dense)
    check_equivalence(prepared.dense, whole, task.example)


@pytest.mark.parametrize("seed", range(8))
def test_sizes_are_those_of_what_is_delivered(prepared: Prepared, seed: int) -> None:
    task = prepared.outline
    ratios = drawn(task, seed)
    if seed == 0:
        ratios["features.3.rank"] = 0.0
    model, cost = delivered(prepared, ratios), task.cost_of(ratios)
    assert (cost.params, cost.macs) == (count_params(model), count_macs(model, task.example))
    assert task.quantity_of(ratios, "bytes") == pytest.approx(count_bytes(model), abs=80)
    assert isinstance(model.features[3], Pair) == (ratios["features.3.rank"] > 0.5)


@pytest.mark.parametrize("seed", range(20))
def test_sizes_never_grow_with_a_ratio(prepared: Prepared, seed: int) -> None:
    task = prepared.outline
    rng = np.random.default_rng(seed)
    ratios, quantities = dict.fromkeys(GROUPS, 0.0), ("macs", "params", "bytes")
    allowed = (0, 0, 100)  # the header of a file has one tensor more where a layer becomes two
    before = [task.quantity_of(ratios, name) for name in quantities]
    for _ in range(30):
        name = str(rng.choice(sorted(GROUPS)))
        ratios[name] = min(0.95, ratios[name] + float(rng.uniform(0, 0.2)))
        after = [task.quantity_of(ratios, name) for name in quantities]
        grown = [small - large for small, large in zip(after, before, strict=True)]
        assert all(more <= most for more, most in zip(grown, allowed, strict=True)), ratios
        before = after


def test_a_cap_holds_for_a_rank(tmp_path: Path) -> None:
    task = task_of(tmp_path, "sparsity.caps={*.rank:0}")
    widths, whole = task.widths_of(dict.fromkeys(GROUPS, 0.8)), task.widths_of({})
    assert all(widths[name] == whole[name] for name in GROUPS if name.endswith(".rank"))
    assert all(widths[name] < whole[name] for name in GROUPS if not name.endswith(".rank"))


def job(prepared: Prepared, number: int, ratios: Mapping[str, float], parent: int | None) -> Job:
    return Job(number, "test", ratios, prepared.outline.widths_of(ratios), 0, parent)


def test_a_chain_of_trials_leaves_what_was_measured(prepared: Prepared, tmp_path: Path) -> None:
    """The dense model, a trial, its child: rebuilt from disk with the accuracy and size noted."""
    task = prepared.outline
    half, less = dict.fromkeys(GROUPS, 0.4), dict.fromkeys(GROUPS, 0.7)
    steps = [({}, None), ({**half, "features.3.rank": 0.6}, None), (less, 1)]
    for number, (ratios, parent) in enumerate(steps):
        ratios = {name: ratios.get(name, 0.0) for name in GROUPS}
        folder = tmp_path / f"{number:04d}"
        result = run_trial(prepared, job(prepared, number, ratios, parent), folder=folder)
        plan = Plan.from_json(read_json(folder / "plan.json"))
        model = rebuild_trial(task.model, task.groups, plan, folder / "model.safetensors")
        model.eval()
        assert result.metrics.params == count_params(model) == task.cost_of(ratios).params
        assert result.metrics.macs == count_macs(model, task.example)
        again = start_from(prepared, number, trials=tmp_path).candidate
        check_equivalence(again.model, model, task.example)
        if number == 0:
            assert result.metrics == prepared.dense_metrics
            check_equivalence(prepared.dense, model, task.example)
    first, second = (read_json(tmp_path / n / "plan.json") for n in ("0001", "0002"))
    assert all(set(gone) <= set(second[name]) for name, gone in first.items())


@pytest.mark.parametrize("ratio", [0.3, 0.6, 0.9])
def test_a_delivered_model_reloads_to_the_bit(
    prepared: Prepared, tmp_path: Path, ratio: float
) -> None:
    task = prepared.outline
    widths = task.widths_of(dict.fromkeys(GROUPS, ratio))
    candidate, _ = cut(prepared, prepared.start, prepared.scores, widths, trained_next=False)
    model = merged(candidate.model).eval()
    save_state(tmp_path / "model.safetensors", model)
    fresh = outline(task.settings).model
    loaded = load_delivered(
        fresh, task.groups, candidate.plan, tmp_path / "model.safetensors"
    ).eval()
    assert type(loaded.features[3]) is type(model.features[3])
    assert torch.equal(loaded(task.example), model(task.example))


def test_what_was_prepared_comes_back_to_the_bit(prepared: Prepared, tmp_path: Path) -> None:
    """Components are kept, not found again: another machine may turn them."""
    whole = with_gate_scores(prepared)
    keep_prepared(whole, tmp_path)
    found = load_prepared(outline(prepared.outline.settings), tmp_path)
    assert found is not None
    for name, tensor in whole.start.model.state_dict().items():
        assert torch.equal(found.start.model.state_dict()[name], tensor), name
    assert found.start.plan == Plan({}) and not isinstance(found.start, Zeroed)
    assert not pairs_of(found.dense) and found.gates is not None
    assert found.gates.keys() == GROUPS
    (tmp_path / "pairs.safetensors").write_bytes(b"")
    assert load_prepared(outline(prepared.outline.settings), tmp_path) is None


def test_a_lower_rank_loses_more_and_least_squares_repair_some(prepared: Prepared) -> None:
    task = prepared.outline
    conv = task.groups.factored[0]

    def error(ratio: float, method: str) -> float:
        widths = task.widths_of({f"{conv}.rank": ratio})
        own = replace(task.settings, compensation=method)
        chosen = replace(prepared, outline=replace(task, settings=own))
        smaller, _ = cut(chosen, prepared.start, prepared.scores, widths, trained_next=False)
        x = next(iter(task.data.val_dataloader()))[0]
        with torch.inference_mode():
            want = prepared.dense.features[:4](x)
            return float((merged(smaller.model).eval().features[:4](x) - want).square().mean())

    repaired = [error(ratio, "least_squares") for ratio in (0.0, 0.6, 0.8, 0.95)]
    plain = [error(ratio, "none") for ratio in (0.0, 0.6, 0.8, 0.95)]
    assert (
        repaired == sorted(repaired) and repaired[0] < 1e-5
    )  # BatchNorm's statistics are of other samples
    assert plain == sorted(plain)
    assert all(a < b for a, b in zip(repaired[1:], plain[1:], strict=True))


def test_nothing_to_factor_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        task_of(tmp_path, "low_rank.min_width=100")
    [said] = caught.value.mistakes
    assert "`low_rank=spatial` finds no layer" in said and "`low_rank.min_width`" in said
    assert "features.0: 1 inputs and 16 outputs; the least is 100" in said
    with pytest.raises(SettingsError, match="no rank that is a multiple of 64 saves anything"):
        task_of(tmp_path, "low_rank.divisor=64")


def test_another_choice_of_layers_has_groups_of_its_own(tmp_path: Path) -> None:
    """What is cached of the groups is not taken for that of other pairs."""
    task_of(tmp_path).findings.keep()
    fewer = task_of(tmp_path, "low_rank.min_width=16")
    assert fewer.groups.factored == ("features.3",)
    assert {group.name for group in fewer.groups.prunable} == GROUPS - {"classifier.rank"}
    again = task_of(tmp_path)
    assert {group.name for group in again.groups.prunable} == GROUPS
    assert again.groups == type(again.groups).from_json(again.groups.to_json())


def test_a_start_of_a_trial_has_scores_for_each_component(prepared: Prepared) -> None:
    start = Start(prepared.start, prepared.scores)
    assert start.scores["features.3.rank"].shape == (48,)
    order = start.scores["features.3.rank"].argsort(descending=True)
    assert order[:8].max() < 24, "the largest components score best"


def test_weights_of_pairs_are_not_loaded_into_a_whole_layer(
    prepared: Prepared, tmp_path: Path
) -> None:
    save_state(tmp_path / "pairs.safetensors", prepared.start.model)
    with pytest.raises(WeightsError, match="lacks"):
        load_state(outline(prepared.outline.settings).model, tmp_path / "pairs.safetensors")


def test_components_are_scored_by_singular_values_on_the_scale_of_the_gates(
    prepared: Prepared,
) -> None:
    """The layers count alike, all together as a share of their gates; channels are as they were."""
    form = prepared.start.model
    gates = {g.name: torch.rand(g.width) for g in prepared.outline.groups.prunable}
    found = with_energies(prepared.outline, form, gates)
    ranks = ("features.3.rank", "classifier.rank")
    assert all(found[name] is gates[name] for name in GROUPS - set(ranks))
    sums = [float(found[name].sum()) for name in ranks]
    of_gates = sum(float(gates[name].sum()) for name in ranks)
    assert sums == pytest.approx([sums[0]] * 2) and 0 < sum(sums) < of_gates
    weight = prepared.dense.features[3].weight.detach().double()
    values = torch.linalg.svdvals(weight.permute(1, 2, 0, 3).reshape(48, 96)).square()
    expected = (values / values.sum() * sums[0]).float()
    torch.testing.assert_close(found["features.3.rank"], expected, rtol=1e-3, atol=1e-6)
    assert with_energies(prepared.outline, form, {}) == {}


def test_a_childs_components_are_those_of_the_trained_parent(
    prepared: Prepared, tmp_path: Path
) -> None:
    """Where a training left scores, singular vectors are found anew and decide what goes."""
    ratios = {**dict.fromkeys(GROUPS, 0.0), "features.3.rank": 0.6}
    folder = tmp_path / "0000"
    run_trial(prepared, job(prepared, 0, ratios, None), folder=folder)
    groups = prepared.outline.groups.prunable
    plain = start_from(prepared, 0, trials=tmp_path)
    scores = {
        g.name: [1.0] * w for g, w in zip(groups, plain.candidate.widths().values(), strict=True)
    }
    write_json(folder / "scores.json", scores)
    start = start_from(prepared, 0, trials=tmp_path)
    check_equivalence(plain.candidate.model, start.candidate.model, prepared.outline.example)
    energies = start.scores["features.3.rank"]
    assert energies.tolist() == sorted(energies.tolist(), reverse=True)
    pair = pairs_of(start.candidate.model)["features.3"]
    columns = pair.first.weight.detach().flatten(1)
    others = columns @ columns.T
    torch.testing.assert_close(others, torch.diag(others.diagonal()), rtol=0, atol=1e-4)
