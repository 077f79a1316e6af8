"""`paretoprune train`: a sweep with `+sweep=NAME`, else one prune-then-fine-tune run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from paretoprune.cli.compose import run_hydra
from paretoprune.config.load import load_settings
from paretoprune.config.settings import Settings

if TYPE_CHECKING:
    from paretoprune.sweep.run import SweepResult

_USAGE = """usage: paretoprune train [+sweep=NAME] [GROUP=OPTION ...] [SETTING=VALUE ...]

Prune a trained network and fine-tune it once; with +sweep=NAME or search=NAME, search a front of
pruned models. The same command continues a sweep that was stopped.

  paretoprune train +sweep=resnet
  paretoprune train +sweep=resnet search.n_trials=60 finetune.epochs=8 name=longer
  paretoprune train +sweep=resnet model.weights=my.safetensors data=npz data.path=my.npz
  paretoprune train sparsity.macs=0.5 scorer=taylor schedule=iterative
  paretoprune train -m sparsity.macs=0.3,0.5,0.7        a grid of single runs
  paretoprune train +sweep=resnet --cfg job             show every setting, run nothing

Then `paretoprune pick NAME` exports a model of the front; `paretoprune --help` lists the commands.
"""


def main() -> None:
    """Entry point of the command."""
    runs: list[tuple[Mapping[str, Any], SweepResult]] = []

    def run(settings: Settings, config: Mapping[str, Any]) -> None:
        # The large libraries are imported once the settings are known to be right.
        from paretoprune.cli.launch import launch

        runs.append((config, launch(settings, config)))

    run_hydra(load_settings, run, usage=_USAGE)
    if len(runs) > 1:
        from paretoprune.cli.display.grid import print_grid
        from paretoprune.cli.display.terminal import make_console

        print_grid(make_console(), runs)
