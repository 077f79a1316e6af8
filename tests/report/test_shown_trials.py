"""The page of a large sweep shows the front, the baselines and an even sample of the rest."""

from __future__ import annotations

from dataclasses import replace

from paretoprune.report.report_content import report_content
from paretoprune.report.shown_trials import omission, shown_trials
from paretoprune.report.sweep_facts import SweepFacts
from paretoprune.results import Job, TrialResult
from paretoprune.results.trials import QuantizedResult, models_of
from paretoprune.testing import formula


def results_of(count: int, **changes: object) -> list[TrialResult]:
    """Trials of the formula, of which the first is the dense model."""
    jobs = [
        Job(n, "sampler" if n else "dense", {}, formula.widths_of({}), seed=n) for n in range(count)
    ]
    return [replace(formula.evaluate(job), **changes) for job in jobs]  # type: ignore[arg-type]


def numbers_of(results: list[TrialResult]) -> list[int]:
    return [result.number for result in results]


def test_a_sweep_of_usual_size_is_shown_whole() -> None:
    results = results_of(300)
    assert shown_trials(results, front={1}) == results


def test_the_front_the_dense_model_and_baselines_are_always_shown() -> None:
    results = results_of(100)
    results[40] = replace(results[40], origin="uniform")
    assert {0, 40, 77, 98, 99} <= {*numbers_of(shown_trials(results, {77, 98, 99}, most=10))}
    assert numbers_of(shown_trials(results, {77, 98, 99}, most=2)) == [0, 40, 77, 98, 99]


def test_the_sample_is_even_over_the_sweep_and_the_same_each_time() -> None:
    results = results_of(1000)
    shown = numbers_of(shown_trials(results, {3}, most=100))
    assert len(shown) == 100
    tenths = [sum(low <= number < low + 100 for number in shown) for low in range(0, 1000, 100)]
    assert min(tenths) >= 8
    assert max(tenths) <= 13
    assert shown == numbers_of(shown_trials(results, {3}, most=100))


def test_what_a_shown_trial_links_to_is_shown() -> None:
    results = results_of(200)
    results[150] = replace(results[150], parent=90)
    results[90] = replace(results[90], parent=31)
    assert numbers_of(shown_trials(results, {150}, most=4)) == [0, 31, 90, 150]
    int8 = QuantizedResult("int8", 8.0, results[150].metrics, 1.0)
    models = models_of([*results[:150], replace(results[150], quantized=(int8,))])
    shown = [model.key for model in shown_trials(models, {"150-int8"}, most=5)]
    assert shown == [0, 31, 90, 150, "150-int8"]


def test_many_groups_and_epochs_leave_room_for_fewer_trials() -> None:
    wide = {f"layer{index}": 8 for index in range(2000)}
    few = shown_trials(results_of(1000, widths=wide), {3})
    assert 200 < len(few) < 500


def test_what_is_left_out_is_said() -> None:
    objectives = formula.search_settings().objectives
    facts = SweepFacts("large", dict(objectives), results_of(2500), front={3}, groups=[])
    content = report_content(facts)
    assert len(content["trials"]) == 2000
    assert content["summary"][-1] == omission(2000, 2500)
    assert (
        omission(2000, 2500) not in report_content(replace(facts, results=results_of(9)))["summary"]
    )
    assert omission(2000, 10_000).startswith("This page shows 2,000 of 10,000 models: all of the")
