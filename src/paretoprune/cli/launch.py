"""A sweep on the terminal: its progress while it runs, its front when it has ended."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from paretoprune.cli.display.front import print_front
from paretoprune.cli.display.terminal import Terminal, make_console
from paretoprune.cli.interrupt import gentle_interrupt, resume_command
from paretoprune.cli.remembered_trust import remember_trust
from paretoprune.config.settings import Settings
from paretoprune.report.watchers.open import report_watchers
from paretoprune.storage.qualities import read_trivial
from paretoprune.sweep.baselines import search_settings
from paretoprune.sweep.failure_streak import refuse_all_failed
from paretoprune.sweep.run import BegunSweep, SweepResult, Watch, run

_log = logging.getLogger(__name__)


def launch(settings: Settings, config: Mapping[str, Any]) -> SweepResult:
    """Run the sweep that the settings describe, or continue it, and print and return its front.

    Raises a ParetopruneError for mistakes that are found before anything is written.
    """
    console = make_console()

    @contextmanager
    def watch(begun: BegunSweep) -> Iterator[Watch]:
        remember_trust(begun.folder.config, settings.trust)
        with (
            gentle_interrupt() as stop,
            report_watchers(
                begun.folder,
                begun.config,
                settings.tracking,
                objectives=begun.objectives,
                groups=begun.groups,
            ) as watchers,
            Terminal(
                console,
                search_settings(settings),
                begun.objectives,
                partial(read_trivial, begun.folder.dense),
            ) as terminal,
        ):
            yield Watch((terminal, *watchers), stop)
            if stop():
                raise KeyboardInterrupt

    with _advice_when_stopped():
        found = run(settings, config, watch=watch)
    print_front(console, found.results, found.objectives, found.folder.path)
    refuse_all_failed(found.results)
    return found


@contextmanager
def _advice_when_stopped() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        _log.warning("to go on: %s", resume_command())
        raise
