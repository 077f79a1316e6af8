"""A task whose ranks are searched: sizes, trials, chains, what is kept on disk."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from paretoprune.config.groups.compensation import LEAST_SQUARES
from paretoprune.config.load import load_settings
from paretoprune.config.target import Target
from paretoprune.errors import SettingsError, WeightsError
from paretoprune.low_rank.components import energies_of
from paretoprune.low_rank.factor import factored
from paretoprune.low_rank.pair import Pair, full_ranks, pairs_of
from paretoprune.measure.bytes import count_bytes
from paretoprune.measure.macs import count_macs
from paretoprune.measure.params import count_params
from paretoprune.problem.forms import load_delivered
from paretoprune.problem.problem import Problem, make_problem
from paretoprune.pruning.candidate import PrunedCandidate
from paretoprune.pruning.structured.checkpoint import load_state, save_state
from paretoprune.pruning.structured.equivalence import check_equivalence
from paretoprune.pruning.structured.plan import Plan
from paretoprune.results import Job
from paretoprune.storage.atomic import read_json, write_json
from paretoprune.trial.context import TrialContext, make_context
from paretoprune.trial.context_folder import load_context, save_context
from paretoprune.trial.gate_scores import with_energies, with_gate_scores
from paretoprune.trial.run import run_trial, start_from
from paretoprune.trial.schedules.parts.steps import prune, repair_factor
from tests.config.test_load import composed
from tests.kits.commands import OWN, TINY

GROUPS = {"features.0", "features.3", "features.3.rank", "classifier.rank"}


def task_of(folder: Path, *overrides: str) -> Problem:
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
    return make_problem(load_settings(config, trust=(OWN,)))


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> TrialContext:
    return make_context(task_of(tmp_path_factory.mktemp("cache"), "finetune.epochs=0"))


def drawn(problem: Problem, seed: int, most: float = 0.9) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    return {group.name: float(rng.uniform(0, most)) for group in problem.groups.prunable}


def delivered(context: TrialContext, ratios: Mapping[str, float]) -> nn.Module:
    widths = context.problem.costs.widths_of(ratios)
    candidate, _ = prune(
        context, context.start.candidate, context.start.scores, widths, trained_next=False
    )
    return candidate.model


def test_ranks_are_groups_beside_the_channels_which_keep_their_names(context: TrialContext) -> None:
    problem = context.problem
    assert {group.name for group in problem.groups.prunable} == GROUPS
    assert problem.groups.factored == ("features.3", "classifier")


def test_the_start_is_the_dense_model_and_ratio_zero_is_its_size(context: TrialContext) -> None:
    problem = context.problem
    assert context.start.candidate.model is context.dense.model
    assert not pairs_of(context.dense.model)
    assert problem.costs.cost_of({}).macs == count_macs(context.dense.model, problem.example)
    assert problem.costs.cost_of({}).params == count_params(context.dense.model)
    assert problem.costs.quantity_of({}, "bytes") == count_bytes(context.dense.model)


@pytest.mark.parametrize("seed", range(8))
def test_sizes_are_those_of_what_is_delivered(context: TrialContext, seed: int) -> None:
    problem = context.problem
    ratios = drawn(problem, seed)
    if seed == 0:
        ratios["features.3.rank"] = 0.0
    model, cost = delivered(context, ratios), problem.costs.cost_of(ratios)
    assert (cost.params, cost.macs) == (count_params(model), count_macs(model, problem.example))
    assert problem.costs.quantity_of(ratios, "bytes") == pytest.approx(count_bytes(model), abs=80)
    assert isinstance(model.features[3], Pair) == (ratios["features.3.rank"] > 0.5)


@pytest.mark.parametrize("seed", range(20))
def test_sizes_never_grow_with_a_ratio(context: TrialContext, seed: int) -> None:
    problem = context.problem
    rng = np.random.default_rng(seed)
    ratios, quantities = dict.fromkeys(GROUPS, 0.0), ("macs", "params", "bytes")
    allowed = (0, 0, 100)  # the header of a file has one tensor more where a layer becomes two
    before = [problem.costs.quantity_of(ratios, name) for name in quantities]
    for _ in range(30):
        name = str(rng.choice(sorted(GROUPS)))
        ratios[name] = min(0.95, ratios[name] + float(rng.uniform(0, 0.2)))
        after = [problem.costs.quantity_of(ratios, name) for name in quantities]
        grown = [small - large for small, large in zip(after, before, strict=True)]
        assert all(more <= most for more, most in zip(grown, allowed, strict=True)), ratios
        before = after


def test_a_cap_holds_for_a_rank(tmp_path: Path) -> None:
    problem = task_of(tmp_path, "sparsity.caps={*.rank:0}")
    widths, whole = problem.costs.widths_of(dict.fromkeys(GROUPS, 0.8)), problem.costs.widths_of({})
    assert all(widths[name] == whole[name] for name in GROUPS if name.endswith(".rank"))
    assert all(widths[name] < whole[name] for name in GROUPS if not name.endswith(".rank"))


def job(context: TrialContext, number: int, ratios: Mapping[str, float], parent: int | None) -> Job:
    return Job(number, "test", ratios, context.problem.costs.widths_of(ratios), 0, parent)


def test_a_chain_of_trials_leaves_what_was_measured(context: TrialContext, tmp_path: Path) -> None:
    """The dense model, a trial, its child: rebuilt from disk with the accuracy and size noted."""
    problem = context.problem
    half, less = dict.fromkeys(GROUPS, 0.4), dict.fromkeys(GROUPS, 0.7)
    steps = [({}, None), ({**half, "features.3.rank": 0.6}, None), (less, 1)]
    for number, (ratios, parent) in enumerate(steps):
        ratios = {name: ratios.get(name, 0.0) for name in GROUPS}
        folder = tmp_path / f"{number:04d}"
        result = run_trial(context, job(context, number, ratios, parent), folder=folder)
        plan = Plan.from_json(read_json(folder / "plan.json"))
        model = load_delivered(problem.model, problem.groups, plan, folder / "model.safetensors")
        model.eval()
        assert result.metrics.params == count_params(model) == problem.costs.cost_of(ratios).params
        assert result.metrics.macs == count_macs(model, problem.example)
        again = start_from(context, number, trials=tmp_path).candidate
        check_equivalence(again.model, model, problem.example)
        assert not pairs_of(again.model), "a child may choose all ranks anew"
        if number == 0:
            assert result.metrics == context.dense.metrics
            check_equivalence(context.dense.model, model, problem.example)
    first, second = (read_json(tmp_path / n / "plan.json") for n in ("0001", "0002"))
    assert all(set(gone) <= set(second[name]) for name, gone in first.items())


def test_a_child_may_have_a_higher_rank_than_its_parent(
    context: TrialContext, tmp_path: Path
) -> None:
    """It is factored from the product of the parent's pair; up to the parent's rank the same."""
    low, high = ({**dict.fromkeys(GROUPS, 0.0), "features.3.rank": rank} for rank in (0.8, 0.6))
    run_trial(context, job(context, 0, low, None), folder=tmp_path / "0000")
    result = run_trial(context, job(context, 1, high, 0), folder=tmp_path / "0001")
    assert result.widths == context.problem.costs.widths_of(high)
    groups = context.problem.groups
    models = []
    for folder in (tmp_path / "0000", tmp_path / "0001"):
        plan = Plan.from_json(read_json(folder / "plan.json"))
        dense = make_problem(context.settings).model
        models.append(load_delivered(dense, groups, plan, folder / "model.safetensors").eval())
    narrow, wide = (pairs_of(model)["features.3"].rank for model in models)
    assert narrow < wide
    one, other = (energies_of(model, ["features.3"])["features.3"] for model in models)
    torch.testing.assert_close(other[:narrow], one[:narrow], rtol=0.1, atol=0.02)


@pytest.mark.parametrize("ratio", [0.3, 0.6, 0.9])
def test_a_delivered_model_reloads_to_the_bit(
    context: TrialContext, tmp_path: Path, ratio: float
) -> None:
    problem = context.problem
    widths = problem.costs.widths_of(dict.fromkeys(GROUPS, ratio))
    candidate, _ = prune(
        context, context.start.candidate, context.start.scores, widths, trained_next=False
    )
    model = candidate.model.eval()
    save_state(tmp_path / "model.safetensors", model)
    fresh = make_problem(problem.settings).model
    loaded = load_delivered(
        fresh, problem.groups, candidate.plan, tmp_path / "model.safetensors"
    ).eval()
    assert type(loaded.features[3]) is type(model.features[3])
    assert torch.equal(problem.example.run(loaded), problem.example.run(model))


def test_what_was_prepared_comes_back_to_the_bit(context: TrialContext, tmp_path: Path) -> None:
    whole = with_gate_scores(context)
    save_context(whole, tmp_path)
    found = load_context(make_problem(context.settings), tmp_path)
    assert found is not None
    start = found.start.candidate
    for name, tensor in whole.start.candidate.model.state_dict().items():
        assert torch.equal(start.model.state_dict()[name], tensor), name
    assert isinstance(start, PrunedCandidate) and start.plan == Plan({})
    assert start.factored == context.problem.groups.factored
    assert found.gates is not None and found.gates.keys() == GROUPS
    for name, values in whole.start.scores.items():
        torch.testing.assert_close(found.start.scores[name], values)


def test_a_lower_rank_loses_more_and_least_squares_repair_some(context: TrialContext) -> None:
    problem = context.problem
    conv = problem.groups.factored[0]

    def error(ratio: float, method: Target | None) -> float:
        widths = problem.costs.widths_of({f"{conv}.rank": ratio})
        own = replace(problem.settings, compensation=method)
        chosen = replace(context, problem=replace(problem, settings=own))
        smaller, _ = prune(
            chosen, context.start.candidate, context.start.scores, widths, trained_next=False
        )
        x = next(iter(problem.data.val_dataloader()))[0]
        with torch.inference_mode():
            want = context.dense.model.features[:4](x)
            return float((smaller.model.eval().features[:4](x) - want).square().mean())

    repaired = [error(ratio, LEAST_SQUARES) for ratio in (0.0, 0.6, 0.8, 0.95)]
    plain = [error(ratio, None) for ratio in (0.0, 0.6, 0.8, 0.95)]
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
    assert "features.0: 1 inputs and 16 outputs; the minimum is 100" in said
    with pytest.raises(SettingsError, match="no rank that is a multiple of 64 saves anything"):
        task_of(tmp_path, "low_rank.divisor=64")


def test_another_choice_of_layers_has_groups_of_its_own(tmp_path: Path) -> None:
    """Cached groups are not reused for other pairs."""
    task_of(tmp_path).cache.disk.commit()
    fewer = task_of(tmp_path, "low_rank.min_width=16")
    assert fewer.groups.factored == ("features.3",)
    assert {group.name for group in fewer.groups.prunable} == GROUPS - {"classifier.rank"}
    again = task_of(tmp_path)
    assert {group.name for group in again.groups.prunable} == GROUPS
    assert again.groups == type(again.groups).from_json(again.groups.to_json())


def test_a_start_of_a_trial_has_scores_for_each_component(context: TrialContext) -> None:
    start = context.start
    assert start.scores["features.3.rank"].shape == (48,)
    order = start.scores["features.3.rank"].argsort(descending=True)
    assert order[:8].max() < 24, "the largest components score best"


def test_weights_of_pairs_are_not_loaded_into_a_whole_layer(
    context: TrialContext, tmp_path: Path
) -> None:
    paths = context.problem.groups.factored
    form = factored(context.dense.model, full_ranks(context.dense.model, paths))
    save_state(tmp_path / "pairs.safetensors", form)
    with pytest.raises(WeightsError, match="lacks"):
        load_state(make_problem(context.settings).model, tmp_path / "pairs.safetensors")


def test_components_are_scored_by_singular_values_on_the_scale_of_the_gates(
    context: TrialContext,
) -> None:
    """The layers count alike, each as a share of a channel group; channels are as they were."""
    start = context.start.candidate
    gates = {g.name: torch.rand(g.width) for g in context.problem.groups.prunable}
    found = with_energies(start, gates)
    ranks = ("features.3.rank", "classifier.rank")
    channels = sorted(GROUPS - set(ranks))
    assert all(found[name] is gates[name] for name in channels)
    sums = [float(found[name].sum()) for name in ranks]
    mean = sum(float(gates[name].sum()) for name in channels) / len(channels)
    assert sums == pytest.approx([sums[0]] * 2) and 0 < sums[0] < mean
    weight = context.dense.model.features[3].weight.detach().double()
    values = torch.linalg.svdvals(weight.permute(1, 2, 0, 3).reshape(48, 96)).square()
    expected = (values / values.sum() * sums[0]).float()
    torch.testing.assert_close(found["features.3.rank"], expected, rtol=1e-3, atol=1e-6)
    assert with_energies(start, {}) == {}


def test_components_of_a_child_are_those_of_the_trained_parent(
    context: TrialContext, tmp_path: Path
) -> None:
    """Their energies are those of the product, and nothing beyond the parent's rank."""
    ratios = {**dict.fromkeys(GROUPS, 0.0), "features.3.rank": 0.6}
    folder = tmp_path / "0000"
    run_trial(context, job(context, 0, ratios, None), folder=folder)
    rank = context.problem.costs.widths_of(ratios)["features.3.rank"]
    groups = context.problem.groups.prunable
    write_json(folder / "scores.json", {group.name: [1.0] * group.width for group in groups})
    energies = start_from(context, 0, trials=tmp_path).scores["features.3.rank"]
    assert energies.shape == (48,)
    assert energies.tolist() == sorted(energies.tolist(), reverse=True)
    assert energies[:rank].min() > 1e-4 > energies[rank:].max()


def test_a_training_that_only_harms_is_not_kept(context: TrialContext, tmp_path: Path) -> None:
    """Least squares leave little to repair; weights no better than those before are given up."""
    finetune = replace(context.training.finetune, learning_rate=80.0, epochs=1)
    wild = replace(context, training=replace(context.training, finetune=finetune))
    ratios = {**dict.fromkeys(GROUPS, 0.0), "features.3.rank": 0.6}
    untrained = run_trial(
        context, replace(job(context, 0, ratios, None), epochs=0.0), folder=tmp_path / "0000"
    )
    for number, epochs in ((1, 0.5), (2, 2.0)):
        trained = run_trial(
            wild,
            replace(job(context, number, ratios, None), epochs=epochs),
            folder=tmp_path / f"{number:04d}",
        )
        assert trained.curve and trained.metrics.quality["accuracy"] is not None
        assert trained.curve[-1].quality < untrained.metrics.quality.get("accuracy", 0)
        assert trained.metrics.quality["accuracy"] >= untrained.metrics.quality.get("accuracy", 0)


def test_the_peak_rate_follows_what_is_broken(context: TrialContext) -> None:
    """From a tenth of the peak, where the answers stay, to the whole one."""
    scaled = [copy.deepcopy(context.dense.model) for _ in range(12)]
    with torch.no_grad():
        for power, model in enumerate(scaled):
            model.classifier.weight.mul_(-(2.0**power))
    factors = [repair_factor(context, model) for model in (context.start.candidate.model, *scaled)]
    assert factors[0] == 0.1 and factors[-1] == 1.0
    assert factors == sorted(factors)
    assert any(0.1 < factor < 1.0 for factor in factors)
