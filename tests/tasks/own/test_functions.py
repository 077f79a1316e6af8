"""`task=own`: loss, score and inputs are functions of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader

import paretoprune
from paretoprune.config.instantiate import build
from paretoprune.config.load import load_settings
from paretoprune.config.targets.trust import own_packages
from paretoprune.errors import SettingsError
from paretoprune.problem.script_code import script_code
from paretoprune.tasks.own.functions import Own
from paretoprune.testing import check_task
from tests.config.test_load import composed
from tests.kits import own_functions as my
from tests.kits.objects import QUICK

CPU = torch.device("cpu")
KIT = "tests.kits.own_functions"


def short(batches: list[dict[str, Tensor]]) -> list[dict[str, Tensor]]:
    """The batches, the last one with five samples."""
    return [*batches, {name: tensor[:5] for name, tensor in batches[0].items()}]


@pytest.mark.parametrize("loss", [my.loss, my.loss_of_model])
def test_the_contract_of_a_task_is_kept(loss: Any) -> None:
    check_task(Own(loss, my.score, my.inputs), my.net(), short(my.batches(2)))


def test_a_score_is_the_mean_over_the_samples_in_either_form() -> None:
    batches, model = short(my.batches(2)), my.net().eval()
    whole = {name: torch.cat([one[name] for one in batches]) for name in batches[0]}
    wanted = {
        "score": my.score(model(whole["vector"]), whole).mean().item(),
        "loss": binary_cross_entropy_with_logits(model(whole["vector"]), whole["signs"]).item(),
    }
    for score in (my.score, my.score_of_model, lambda model: my.score_of_model(model, batches)):
        meter = Own(my.loss, score, my.inputs).measure(model, batches, CPU)
        assert meter.compute() == pytest.approx(wanted)
        assert (meter.per_sample() is not None) == (score is my.score)


def test_a_number_for_each_batch_counts_by_its_samples() -> None:
    def size(outputs: Tensor, batch: Any) -> int:
        return len(outputs)

    task = Own(my.loss, size, my.inputs)
    found = task.measure(my.net(), short(my.batches(1)), CPU).compute()
    assert found["score"] == pytest.approx((32 * 32 + 5 * 5) / 37)


def test_a_rate_by_a_registered_name_is_in_percent() -> None:
    batches, model = my.batches(1), my.net()
    plain, rate = (
        Own(my.loss, my.score, my.inputs, name=name).measure(model, batches, CPU)
        for name in ("score", "accuracy")
    )
    assert rate.compute()["accuracy"] == pytest.approx(100 * plain.compute()["score"])


def test_inputs_are_by_default_the_first_part_or_all_but_the_labels() -> None:
    task = Own(my.loss, my.score)
    x, y = torch.zeros(2, 3), torch.ones(2)
    assert torch.equal(task.inputs((x, y)).only, x)
    assert task.inputs({"ids": x, "labels": y}).kwargs.keys() == {"ids"}


def text(outputs: Tensor, batch: Any) -> str:
    return "good"


@pytest.mark.parametrize(
    ("functions", "sentence"),
    [
        (
            {"loss": my.broken},
            r"own_functions\.broken` fails on .*train_dataloader.*no such column",
        ),
        ({"loss": my.score}, r"own_functions\.score` must return a tensor with one value.*\(32,\)"),
        ({"score": text}, r"`.*text` must return a number, or one for each of the 32 samples"),
    ],
)
def test_a_function_that_fails_is_one_sentence_before_any_training(
    functions: dict[str, Any], sentence: str
) -> None:
    task = Own(**{"loss": my.loss, "score": my.score, "inputs": my.inputs, **functions})
    batches = my.batches(1)
    with pytest.raises(SettingsError, match=sentence) as raised:
        task.for_model(my.net, {"train": batches, "validation": batches, "test": None})
    assert len(raised.value.mistakes) == 1


def test_the_place_of_the_error_is_reported() -> None:
    task, batches = Own(my.broken, my.score, my.inputs), my.batches(1)
    with pytest.raises(SettingsError, match=r"\(tests/kits/own_functions\.py, line \d+\)"):
        task.for_model(my.net, {"train": batches, "validation": None, "test": None})


def named(*values: str, trust: tuple[str, ...] = ("tests",)) -> Any:
    plain = [f"task.loss={KIT}.loss", f"task.score={KIT}.score", f"task.inputs={KIT}.inputs"]
    names = {value.partition("=")[0] for value in values}
    kept = [one for one in plain if one.partition("=")[0] not in names]
    return load_settings(composed("task=own", *kept, *values), trust=trust)


def test_functions_are_named_by_dotted_paths() -> None:
    task = build(named("task.direction=minimize", "task.name=errors").task)
    assert task.functions == (my.loss, my.score, my.inputs)
    assert (task.qualities[0].name, task.qualities[0].direction) == ("errors", "minimize")


@pytest.mark.parametrize(
    ("value", "trust", "sentence"),
    [
        (f"task.loss={KIT}.loss", (), r"`task\.loss=.*` is outside the trusted packages"),
        ("task.loss=os.system", ("os",), r"`task\.loss=os\.system` is outside the trusted"),
        ("task.loss=torch.nn.Linear", ("tests",), r"`task\.loss=.*` must be a function of your"),
        (f"task.loss={KIT}.missing", ("tests",), r"`task\.loss=.*` cannot be imported"),
        (f"task.loss={KIT}.NOT_A_FUNCTION", ("tests",), "is not a class or function"),
        ("task.loss=null", ("tests",), r"`task\.loss` must be callable, got None"),
    ],
)
def test_a_function_passes_the_gate_of_callables(
    value: str, trust: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence):
        named(value, trust=trust)


def test_the_advice_names_the_package_to_trust() -> None:
    with pytest.raises(SettingsError, match=r"add `trust=\[tests\]`"):
        named(trust=())


def test_the_packages_of_the_functions_are_those_to_trust() -> None:
    node = {"_target_": "paretoprune.tasks.own.functions.Own", "loss": "my.loss", "name": "a.b"}
    assert own_packages({"task": node, "model": {"_target_": "my_net.Net"}}) == ["my", "my_net"]


def test_objectives_may_name_the_score() -> None:
    objectives = ("~search.objectives.accuracy", "+search.objectives.ranks=maximize")
    found = named("task.name=ranks", "search=random", "name=ranks", *objectives)
    assert found.search.objectives == {"macs": "minimize", "ranks": "maximize"}


def test_the_repr_holds_the_names_of_the_functions_and_no_addresses() -> None:
    assert f"{KIT}.loss, {KIT}.score" in repr(Own(my.loss, my.score))
    assert " at 0x" not in repr(Own(my.loss, lambda outputs, batch: 0.0))


def test_a_search_takes_the_task_as_an_object(tmp_path: Path) -> None:
    task = Own(my.loss, my.score_of_model, my.inputs, name="signs", trivial_quality=0.5)
    model = my.net()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for batch in my.batches(60, seed=1):
        optimizer.zero_grad()
        my.loss_of_model(model, batch).backward()
        optimizer.step()
    options: dict[str, Any] = {
        **QUICK,
        "search": "random",
        "search.baseline_ratios": [0.5],
        "sweeps_dir": str(tmp_path / "sweeps"),
        "cache_dir": str(tmp_path / "cache"),
        "name": "signs",
        "objectives": ("signs", "params"),
    }
    parts = my.batches(6), my.batches(3, seed=2)
    data = [DataLoader(part, batch_size=None) for part in parts]  # type: ignore[arg-type]
    sweep = paretoprune.search(model, data, budget=6, task=task, **options)
    assert (sweep.trials["origin"] == "sampler").sum() >= 2
    assert sweep.front["signs"].between(0.5, 1.0).all()
    again = paretoprune.search(model, data, budget=6, task=task, **options)
    assert len(again.trials) == len(sweep.trials)
    other = Own(my.loss, my.score, my.inputs, name="signs")
    with pytest.raises(paretoprune.errors.SweepError, match="task"):
        paretoprune.search(model, data, budget=6, task=other, **options)


class Net(nn.Module):
    pass


def test_functions_of_a_script_are_part_of_the_fingerprint(monkeypatch: Any) -> None:
    monkeypatch.setattr(my.loss, "__module__", "__main__")
    found = script_code(Own(my.loss, my.score).functions)
    assert found.digests.keys() == {"__main__.loss"}
