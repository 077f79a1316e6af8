"""A finished sweep as a value: its tables, its picture, and its models to pick."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from paretoprune.api.picked import Picked, pick_from
from paretoprune.config.callables import trusted_packages
from paretoprune.errors import SweepError
from paretoprune.problem.sources import Sources
from paretoprune.report.pictures.front_png import draw, front_png
from paretoprune.report.summary_data import facts_of
from paretoprune.report.sweep_facts import SweepFacts, picture_of
from paretoprune.report.tables import front_table, trials_table
from paretoprune.results import Metrics, TrialResult
from paretoprune.results.trials import ModelKey
from paretoprune.storage.sweep_folder import SweepFolder

_SHOWN = ("number", "origin", "macs", "params", "measured_speedup", "epochs_total")


class Sweep:
    """A search, as its folder holds it; `paretoprune.Sweep("sweeps/resnet")` opens any.

    In a notebook it shows its front as a table and a picture.
    """

    def __init__(
        self, folder: str | Path, sources: Sources | None = None, *, trust: Sequence[str] = ()
    ) -> None:
        """The sweep in a folder; `sources` gives model and data, where its config cannot.

        `trust` names the packages of your own that its config may call. Raises SweepError if there
        is none.
        """
        self._folder, self._sources = SweepFolder(Path(folder)), sources
        self._trust = trusted_packages(trust)
        self._folder.read_config()

    @property
    def name(self) -> str:
        """The name of the sweep, under which `search` continues it."""
        return self._folder.name

    @property
    def folder(self) -> Path:
        """The folder with trials, tables and pages; `report.html` is for a browser."""
        return self._folder.path

    @property
    def results(self) -> Sequence[TrialResult]:
        """All finished trials by number."""
        return self._folder.read_results()

    @property
    def trials(self) -> pd.DataFrame:
        """A row for each trial, with the columns of trials.csv."""
        facts = self._facts()
        return trials_table(
            facts.results,
            front=facts.front,
            dense=_dense_metrics(facts),
            objectives=facts.objectives,
        )

    @property
    def front(self) -> pd.DataFrame:
        """The rows of the non-dominated trials, from the largest model to the smallest."""
        return front_table(self.trials, self._facts().objectives)

    def plot(self) -> Figure:
        """The front beside the baselines and the dense model, as a matplotlib figure."""
        return draw(picture_of(self._facts()))

    def pick(
        self,
        rule: str = "knee",
        *,
        trial: ModelKey | None = None,
        epochs: int | None = None,
        seeds: int = 0,
        licence: str | None = None,
        **limits: float,
    ) -> Picked:
        """Pick a model of the front, verify it, test it once and export its weights.

        Args:
            rule: `knee`, `best`, `cheapest`, `most_accurate`, `smallest`, `fastest`,
                `max_QUANTITY` or `min_QUANTITY`.
            trial: this trial of the front instead.
            epochs: of further training before the export; None: none.
            seeds: number of other seeds with which the trial is trained again, to report the
                spread.
            licence: for the model card.
            limits: bounds on measured quantities (`max_params=50_000`, `min_accuracy=90`), or
                `max_drop`, the share of the quality that the dense model gains over the trivial
                predictor, or `max_accuracy_drop` in percentage points below the dense model.

        Raises:
            PickError: the front is empty, or no model of it satisfies the limits.
            SettingsError: the sweep was made from objects that this one does not have.
        """
        return pick_from(
            self._folder.path,
            self._sources,
            rule=rule,
            trial=trial,
            limits=limits,
            epochs=epochs,
            seeds=seeds,
            licence=licence,
            trust=self._trust,
        )

    def __repr__(self) -> str:
        facts = self._facts()
        return f"<Sweep {self.name}: {len(facts.results)} trials, {len(facts.front)} on the front>"

    def _repr_html_(self) -> str:
        facts, front = self._facts(), self.front
        names = dict.fromkeys([*_SHOWN[:2], *facts.objectives, *_SHOWN[2:]])
        table = front[[name for name in names if name in front]]
        png = base64.b64encode(front_png(picture_of(facts))).decode("ascii")
        return f'{table.to_html(index=False)}<img alt="front" src="data:image/png;base64,{png}">'

    def _facts(self) -> SweepFacts:
        """Raises SweepError before the dense model is measured."""
        facts = facts_of(self._folder, self.results)
        if facts.dense is None:
            raise SweepError(f"no trial of {self._folder.path} has finished yet")
        return facts


def _dense_metrics(facts: SweepFacts) -> Metrics:
    assert facts.dense is not None, "checked by _facts"
    return facts.dense.metrics
