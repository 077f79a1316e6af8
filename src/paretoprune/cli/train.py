"""`paretoprune train`: a sweep with `+sweep=NAME`, else one prune-then-fine-tune run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paretoprune.cli.compose import run_hydra
from paretoprune.config.load import load_settings
from paretoprune.config.settings import Settings

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
    run_hydra(load_settings, _run, usage=_USAGE)


def _run(settings: Settings, config: Mapping[str, Any]) -> None:
    # The large libraries are imported once the settings are known to be right.
    from paretoprune.cli.launch import launch

    launch(settings, config)
