"""`paretoprune inspect`: the prunable parts of a network, and what pruning could save."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paretoprune.cli.compose import run_hydra
from paretoprune.config.load import load_settings
from paretoprune.config.settings import Settings
from paretoprune.errors import SettingsError

if TYPE_CHECKING:
    from rich.console import Console

    from paretoprune.api.prunable import Answers

_USAGE = """usage: paretoprune inspect [+scores=true] [+sensitivity=true] [GROUP=OPTION ...] ...

Show which groups of channels of a network can be pruned, what each could save, and what is kept
whole. Takes the settings of `paretoprune train`.

  paretoprune inspect model=resnet20
  paretoprune inspect +scores=true           also the scores of the trained dense model's channels
  paretoprune inspect +sensitivity=true      also what removing a share of one group alone does
"""
_QUESTIONS = ("scores", "sensitivity")  # `+scores=true`: they need the trained dense model
_PICTURE = Path("inspect.png")


def main() -> None:
    """Entry point of the command. It takes the settings of `train`, and trains nothing unless the
    dense model's scores or sensitivity are asked for."""
    run_hydra(_check, _run, usage=_USAGE)


def _check(config: Mapping[str, Any], *, trust: Sequence[str]) -> tuple[Settings, list[str]]:
    """Return the settings, and the questions that are asked."""
    mistakes = [
        f"`{name}` must be true or false, got {config[name]!r}"
        for name in _QUESTIONS
        if not isinstance(config.get(name, False), bool)
    ]
    try:
        rest = {key: config[key] for key in config if key not in _QUESTIONS}
        settings = load_settings(rest, trust=trust)
    except SettingsError as error:
        raise SettingsError([*mistakes, *error.mistakes]) from None
    if mistakes:
        raise SettingsError(mistakes)
    return settings, [name for name in _QUESTIONS if config.get(name, False)]


def _run(checked: tuple[Settings, list[str]], _config: Mapping[str, Any]) -> None:
    settings, asked = checked
    # The large libraries are imported once the settings are known to be right.
    from paretoprune.api.prunable import ask, find_prunable
    from paretoprune.cli.display.prunable_table import print_groups
    from paretoprune.cli.display.terminal import make_console
    from paretoprune.storage.writable import check_writable

    check_writable("cache_dir", settings.cache_dir)
    console = make_console()
    found = find_prunable(settings)
    problem, sparsity = found.problem, settings.sparsity
    rounding = f"sparsity.divisor={sparsity.divisor}, sparsity.min_channels={sparsity.min_channels}"
    print_groups(console, problem.groups, problem.space.size, found.least, rounding=rounding)
    if asked:
        _show(console, ask(found, **{name: name in asked for name in _QUESTIONS}))


def _show(console: Console, answers: Answers) -> None:
    from paretoprune.cli.display.sensitivity_table import show_scores, show_sensitivity
    from paretoprune.report.pictures.curves_png import curves_png
    from paretoprune.storage.atomic import write_bytes

    panels = []
    if answers.scores is not None:
        panels.append(show_scores(console, answers.scores))
    if answers.sensitivity is not None:
        panels.append(show_sensitivity(console, answers.sensitivity))
    write_bytes(_PICTURE, curves_png(panels))
    console.print(f"the curves are in {_PICTURE}", markup=False, highlight=False, soft_wrap=True)
