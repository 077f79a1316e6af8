"""`paretoprune.search` and `prune`: a model and loaders that exist, a sweep, its models."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import paretoprune
from paretoprune.errors import DataError, PickError, SettingsError, SweepError
from tests.kits.commands import OWN
from tests.kits.objects import QUICK, Loaders, digit_loaders, trained_net


@pytest.fixture(scope="module")
def loaders() -> Loaders:
    return digit_loaders()


@pytest.fixture(scope="module")
def model(loaders: Loaders) -> nn.Module:
    return trained_net(loaders[0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("api")


def places(folder: Path) -> dict[str, str]:
    return {"sweeps_dir": str(folder / "sweeps"), "cache_dir": str(folder / "cache")}


@pytest.fixture(scope="module")
def sweep(model: nn.Module, loaders: Loaders, folder: Path) -> paretoprune.Sweep:
    return searched(model, loaders, folder)


def searched(model: nn.Module, loaders: Loaders, folder: Path, **more: object) -> paretoprune.Sweep:
    settings = {**QUICK, **places(folder), "search": "random", "name": "objects", **more}
    return paretoprune.search(model, loaders, budget=6, **settings)  # type: ignore[arg-type]


def state_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_the_given_weights_are_the_dense_models(
    sweep: paretoprune.Sweep, model: nn.Module, loaders: Loaders
) -> None:
    """Given weights are not trained again: the dense accuracy is that of the object."""
    with torch.inference_mode():
        right = [(model(x).argmax(1) == y).sum().item() for x, y in loaders[1]]
    dense = sweep.trials[sweep.trials["origin"] == "dense"].iloc[0]
    assert dense["accuracy"] == pytest.approx(100 * sum(right) / 600)


def test_front_and_trials_are_tables_of_the_sweeps_folder(sweep: paretoprune.Sweep) -> None:
    assert sweep.name == "objects"
    assert len(sweep.trials) >= 6
    assert set(sweep.front["number"]) == set(sweep.trials.loc[sweep.trials["front"], "number"])
    assert sweep.front["macs"].is_monotonic_decreasing
    kept = paretoprune.load_sweep(sweep.folder)
    assert kept["accuracy"].tolist() == sweep.trials["accuracy"].tolist()


def test_a_sweep_is_opened_by_its_folder(sweep: paretoprune.Sweep, tmp_path: Path) -> None:
    assert paretoprune.Sweep(sweep.folder).front.equals(sweep.front)
    with pytest.raises(SweepError, match="there is no sweep in"):
        paretoprune.Sweep(tmp_path)


def test_a_longer_budget_continues_the_sweep(
    model: nn.Module, loaders: Loaders, folder: Path
) -> None:
    settings = {**QUICK, **places(folder), "search": "random", "name": "longer"}
    first = paretoprune.search(model, loaders, budget=5, **settings)  # type: ignore[arg-type]
    number = len(first.trials)
    with pytest.raises(SweepError, match=r"search\.extend=true"):
        paretoprune.search(model, loaders, budget=7, **settings)  # type: ignore[arg-type]
    settings["search.extend"] = True
    more = paretoprune.search(model, loaders, budget=7, **settings)  # type: ignore[arg-type]
    assert len(more.trials) == number + 2


def test_the_figure_and_the_notebooks_view_show_the_front(sweep: paretoprune.Sweep) -> None:
    assert isinstance(sweep.plot(), Figure)
    shown = sweep._repr_html_()
    assert "<table" in shown
    assert "data:image/png;base64," in shown
    assert f"{len(sweep.front)} on the front" in repr(sweep)


def test_the_same_call_gives_the_sweep_without_a_new_trial(
    sweep: paretoprune.Sweep,
    model: nn.Module,
    loaders: Loaders,
    folder: Path,
) -> None:
    before = {path: path.stat().st_mtime_ns for path in sweep.folder.glob("trials/*/result.json")}
    again = searched(model, loaders, folder)
    after = {path: path.stat().st_mtime_ns for path in again.folder.glob("trials/*/result.json")}
    assert after == before


def test_other_weights_under_the_same_name_are_refused(
    sweep: paretoprune.Sweep, model: nn.Module, loaders: Loaders, folder: Path
) -> None:
    other = copy.deepcopy(model)
    with torch.no_grad():
        next(other.parameters()).mul_(1.5)
    with pytest.raises(SweepError, match=r"model\.weights"):
        searched(other, loaders, folder)


def test_other_data_under_the_same_name_are_refused(
    sweep: paretoprune.Sweep, model: nn.Module, loaders: Loaders, folder: Path
) -> None:
    with pytest.raises(SweepError, match="made from other data"):
        searched(model, (loaders[0], loaders[2], loaders[1]), folder)


def test_a_pick_is_smaller_verified_and_exported(
    sweep: paretoprune.Sweep, model: nn.Module, loaders: Loaders
) -> None:
    picked = sweep.pick("smallest")
    assert picked.metrics["params"] == sum(p.numel() for p in picked.model.parameters())
    assert picked.metrics["params"] < sum(p.numel() for p in model.parameters())
    assert picked.metrics["params"] == sweep.front["params"].min()
    inputs, _ = next(iter(loaders[2]))
    with torch.inference_mode():
        logits = picked.model(inputs)
        assert torch.equal(
            logits, paretoprune.load_model(picked.folder, model=type(model)(8, 10))(inputs)
        )
        right = [(picked.model(x).argmax(1) == y).sum().item() for x, y in loaders[2]]
    assert picked.metrics["test_accuracy"] == pytest.approx(
        100 * sum(right) / len(loaders[2].dataset)
    )  # type: ignore[arg-type]
    card = (picked.folder / "README.md").read_text()
    assert 'load_model(".", model=OwnNet(...))' in card


def test_a_pick_is_exported_to_onnx(sweep: paretoprune.Sweep) -> None:
    pytest.importorskip("onnxruntime")
    picked = sweep.pick(trial=int(sweep.front["number"].iloc[-1]))
    exported = picked.export("onnx")
    assert exported == picked.folder
    assert {"model.onnx", "model.safetensors"} <= {path.name for path in exported.iterdir()}
    with pytest.raises(PickError, match="no format `tflite`"):
        picked.export("tflite")


def test_a_sweep_of_objects_is_picked_from_by_name_with_its_objects(
    sweep: paretoprune.Sweep, model: nn.Module, loaders: Loaders, folder: Path
) -> None:
    with pytest.raises(SettingsError, match=r"given to paretoprune\.search as an object"):
        paretoprune.pick("objects", sweeps_dir=folder / "sweeps")
    picked = paretoprune.pick(
        "objects", "smallest", model=model, data=loaders, sweeps_dir=folder / "sweeps"
    )
    assert picked.trial in set(sweep.front["number"])


def test_compare_gives_a_row_for_each_sweep(sweep: paretoprune.Sweep, folder: Path) -> None:
    table = paretoprune.compare(sweep, "objects", sweeps_dir=folder / "sweeps")
    assert table["sweep"].tolist() == ["objects", "objects"]
    assert table["front"].tolist() == [len(sweep.front)] * 2


def test_prune_gives_one_model_of_the_size_asked_for(
    model: nn.Module, loaders: Loaders, folder: Path
) -> None:
    before, random = state_of(model), torch.get_rng_state()
    small = paretoprune.prune(model, loaders, macs=0.5, **QUICK, **places(folder))  # type: ignore[arg-type]
    assert small.metrics["macs"] <= 0.5 * small.dense_metrics["macs"]
    assert repr(small).startswith(f"<Picked trial {small.trial}: ") and len(repr(small)) < 300
    shown = small._repr_html_()
    assert "<th>dense</th>" in shown and "test_accuracy" in shown
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert small.folder.parents[1].name.startswith("ownnet-")


def test_two_targets_are_a_mistake(model: nn.Module, loaders: Loaders, folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"give one target, not `sparsity\.macs` and"):
        paretoprune.prune(model, loaders, macs=0.5, params=0.5, **places(folder))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"executor": "processes"}, "builds the model and the data again in other processes"),
        ({"scorer": "tailor"}, "there is no scorer `tailor`; did you mean `taylor`"),
        ({"finetun": {"epochs": 1}}, "`finetun` is not a setting; did you mean `finetune`"),
        ({"finetune.epochs": "many"}, "`finetune.epochs`"),
        ({"objectives": ["accuracy", "size"]}, "`objectives` names size, which is not measured"),
        ({"objectives": ["accuracy"]}, "two or three quantities"),
        ({"budget": "10 apples"}, "10 apples"),
        ({"name": "a/b"}, "it names a folder"),
    ],
)
def test_wrong_settings_are_reported_before_anything_is_written(
    model: nn.Module,
    loaders: Loaders,
    tmp_path: Path,
    settings: dict[str, object],
    sentence: str,
) -> None:
    with pytest.raises(SettingsError) as error:
        paretoprune.search(model, loaders, **{**places(tmp_path), **settings})  # type: ignore[arg-type]
    assert sentence in str(error.value)
    assert list(tmp_path.iterdir()) == []


class Late(nn.Module):
    """Makes a layer when its inputs are known."""

    def __init__(self) -> None:
        super().__init__()
        self.late: nn.Module | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.late is None:
            self.late = nn.Linear(x[0].numel(), 10)
        found: Tensor = self.late(x.flatten(1))
        return found


def test_what_is_no_model_or_no_data_is_reported(model: nn.Module, loaders: Loaders) -> None:
    with pytest.raises(SettingsError, match=r"must be a torch\.nn\.Module, got str"):
        paretoprune.search("resnet20", loaders)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="two or three loaders"):
        paretoprune.search(model, loaders[:1])
    with pytest.raises(DataError, match="can be gone through many times"):
        paretoprune.search(model, (iter(loaders[0]), loaders[1]))
    lazy = nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(10))
    with pytest.raises(SettingsError, match="lazy layers without weights"):
        paretoprune.search(lazy, loaders)
    with pytest.raises(SettingsError, match=r"`late\.weight` of `model` is made by its first"):
        paretoprune.search(Late(), loaders)
    with pytest.raises(SettingsError, match="on the device `meta`"):
        paretoprune.search(copy.deepcopy(model).to("meta"), loaders)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Handlers that commands in this process have set are not left to other tests."""
    logger = logging.getLogger("paretoprune")
    before = list(logger.handlers)
    yield
    assert logger.handlers == before


def test_packages_that_are_trusted_may_be_named(
    model: nn.Module, loaders: Loaders, folder: Path
) -> None:
    """In the search and in what is picked from it."""
    named = {"schedule._target_": "tests.kits.own_schedule.Halves", "name": "trusting"}
    settings = {**QUICK, **places(folder), "search": "random", **named}
    with pytest.raises(SettingsError, match=r'trust=\["tests"\]'):
        paretoprune.search(model, loaders, budget=2, **settings)
    found = paretoprune.search(model, loaders, budget=2, trust=[OWN], **settings)
    assert found.pick("smallest").trial


@pytest.mark.parametrize("name", ["model._target_", "model.train.epochs", "data.batch_size"])
def test_settings_of_what_is_given_are_reported(
    model: nn.Module, loaders: Loaders, name: str
) -> None:
    with pytest.raises(SettingsError, match=f"`{name}`: model and data are given as objects"):
        paretoprune.search(model, loaders, budget=2, **{**QUICK, name: 3})  # type: ignore[arg-type]


def test_trust_that_is_no_list_is_reported(model: nn.Module, loaders: Loaders) -> None:
    with pytest.raises(SettingsError, match="`trust` must be a list"):
        paretoprune.search(model, loaders, budget=2, trust="os", **QUICK)
