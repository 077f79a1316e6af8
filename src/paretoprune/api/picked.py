"""A picked model as a value, and `paretoprune.pick`, which gives one by the sweep's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
from torch import nn

from paretoprune.api.caller_state import caller_state_kept
from paretoprune.config.callables import trusted_packages
from paretoprune.data.given import GivenData, as_datamodule
from paretoprune.errors import PickError, SettingsError
from paretoprune.formats.registry import GRAPHS, add_own
from paretoprune.metrics import quantity_of
from paretoprune.number_format import written_of
from paretoprune.pick.choice import Choice, choose_models
from paretoprune.pick.deliver import Delivered, deliver
from paretoprune.pick.request import ExportOptions
from paretoprune.pick.rules import PickRequest
from paretoprune.problem.sources import Given, Sources
from paretoprune.results import Metrics
from paretoprune.results.trials import ModelKey
from paretoprune.tasks.interface import Task


@dataclass(frozen=True)
class Picked:
    """A smaller model that was verified against its trial, tested once and exported.

    A table in notebooks.
    """

    # Physically smaller, in eval mode, on the device of the sweep.
    model: nn.Module = field(repr=False)
    folder: Path  # weights, plan, model card and figures
    trial: ModelKey
    # On validation data; the first quality on the test part as `test_QUALITY`: `test_accuracy`.
    metrics: Mapping[str, float]
    dense_metrics: Mapping[str, float]  # the same of the dense model
    _choice: Choice = field(repr=False)
    _sources: Sources | None = field(repr=False)

    def __repr__(self) -> str:
        quality = next(iter(self.metrics))
        named = [f"{written_of(quality, self.metrics)} {quantity_of(quality).label}"]
        named += [f"{written_of('macs', self.metrics)} MACs"]
        return f"<Picked trial {self.trial}: {', '.join(named)}; {self.folder}>"

    def _repr_html_(self) -> str:
        columns = {"picked": self.metrics, "dense": self.dense_metrics}
        rows = {
            name: {column: _written(name, measured) for column, measured in columns.items()}
            for name in self.metrics
        }
        return str(pd.DataFrame.from_dict(rows, orient="index").to_html())

    def export(self, *formats: str) -> Path:
        """Write the model in more formats beside its weights, each compared with the model.

        Formats are `onnx`, `openvino`, `executorch`, `pt2`, `compact`, `onnx_int8` and
        `openvino_int8`, and functions of trusted packages by their dotted names. Returns the
        folder. Earlier exports in other formats are replaced.

        Raises:
            PickError: a format is unknown, or its library is not installed.
            SettingsError: a format of your own is not trusted, or is no format.
            ExportError: the model cannot be written in a format, with the reason.
        """
        choice = self._choice
        add_own(formats, choice.options.trust)
        known = ("safetensors", "compact", *GRAPHS)
        if unknown := [name for name in formats if name not in known]:
            raise PickError(f"there is no format `{unknown[0]}`; there are: {', '.join(known)}")
        options = replace(choice.options, formats=_with_weights(formats))
        request = PickRequest(trials=(self.trial,))
        picked = _delivered(choice.folder.path, self._sources, request, options)
        missing = [file for file in picked[1].facts.files if file.reason is not None]
        if missing:
            raise PickError(f"no {missing[0].format}: {missing[0].reason}")
        return picked[1].folder


def pick(
    sweep: str | Path,
    rule: str = "knee",
    *,
    trial: ModelKey | None = None,
    model: nn.Module | None = None,
    data: GivenData | None = None,
    task: Task | None = None,
    sweeps_dir: str | Path = "sweeps",
    trust: Sequence[str] = (),
    **limits: float,
) -> Picked:
    """Pick a model of a sweep by its name or folder, as `Sweep.pick` does.

    Args:
        sweep: a name in `sweeps_dir`, or the folder of a sweep.
        rule, trial, limits: as for `Sweep.pick`.
        model, data: the objects, for a sweep that was made from objects; both or none.
        task: the object, if the sweep was given one.
        sweeps_dir: where the sweeps are.
        trust: packages of your own that the sweep's `_target_`s may name.

    Raises:
        SweepError: there is no such sweep.
        PickError, SettingsError: as `Sweep.pick`.
    """
    if (model is None) != (data is None):
        raise SettingsError(["give `model` and `data` together, or neither"])
    trust = trusted_packages(trust)
    named = Path(sweeps_dir) / sweep
    folder = named if (named / "config.yaml").is_file() else Path(sweep)
    sources = None
    if model is not None and data is not None:
        sources = Given(model, as_datamodule(data), task)
    return pick_from(folder, sources, rule=rule, trial=trial, limits=limits, trust=trust)


def pick_from(
    folder: Path,
    sources: Sources | None,
    *,
    rule: str,
    trial: ModelKey | None,
    limits: Mapping[str, float],
    epochs: int | None = None,
    seeds: int = 0,
    licence: str | None = None,
    trust: tuple[str, ...] = (),
) -> Picked:
    """One model of the sweep in a folder. Raises PickError where the request names several."""
    trials = () if trial is None else (trial,)
    request = PickRequest(rules=(rule,), trials=trials, limits=limits)
    options = ExportOptions(epochs=epochs, seeds=seeds, licence=licence, trust=trust)
    choice, delivered = _delivered(folder, sources, request, options)
    facts = delivered.facts
    metrics, dense = dict(facts.trial.metrics.measured()), dict(facts.dense.measured())
    if facts.tested:
        metrics |= _tested(facts.tested.pruned)
        dense |= _tested(facts.tested.dense)
    return Picked(
        delivered.model, delivered.folder, facts.trial.key, metrics, dense, choice, sources
    )


def _delivered(
    folder: Path, sources: Sources | None, request: PickRequest, options: ExportOptions
) -> tuple[Choice, Delivered]:
    choice = choose_models(folder, request, options)
    if len(choice.trials) != 1:
        numbers = ", ".join(str(one.key) for one in choice.trials)
        raise PickError(f"one model is picked at a time, and the rule names trials {numbers}")
    with caller_state_kept():
        [delivered] = deliver(choice, sources=sources)
    return choice, delivered


def _written(name: str, measured: Mapping[str, float]) -> str:
    """Return a value with its unit; empty where it compares a model with the dense one."""
    return written_of(name, measured) if name in measured else ""


def _with_weights(formats: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(["safetensors", *formats]))


def _tested(metrics: Metrics) -> dict[str, float]:
    """Return the first quality of the task, as `test_QUALITY`."""
    return {f"test_{name}": value for name, value in [*metrics.quality.items()][:1]}
