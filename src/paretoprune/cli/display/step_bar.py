"""A progress bar for messages that count steps, as those of a training do."""

from __future__ import annotations

import atexit
import logging
import time

from rich.console import Console
from rich.errors import LiveError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

_EVERY_S = 10.0  # between two lines, where there is no terminal to show a bar on


class StepBar:
    """Shows the records with a `step`: as one bar on a terminal, else as a line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._printed_s = time.monotonic()

    def takes(self, record: logging.LogRecord, text: str) -> bool:
        """Show a record that counts steps; return False for what must be printed as a line."""
        step = getattr(record, "step", None)
        if step is None:
            self.close()  # of a training that did not come to its end
            return False
        done, total = step
        if self._console.is_terminal and self._drawn(done, total, text):
            return True
        now = time.monotonic()
        if done < total and now - self._printed_s < _EVERY_S:
            return True
        self._printed_s = now
        return False

    def _drawn(self, done: int, total: int, text: str) -> bool:
        """Draw the bar; return False while another one is on the console."""
        try:
            bar = self._bar or self._started(total)
        except LiveError:
            return False
        bar.update(bar.task_ids[0], completed=done, total=total, text=text, refresh=True)
        if done >= total:
            bar.stop()
            self._bar = None
        return True

    def _started(self, total: int) -> Progress:
        columns = (BarColumn(bar_width=16), MofNCompleteColumn(), TextColumn("{task.fields[text]}"))
        bar = Progress(*columns, console=self._console, transient=True)
        bar.start()
        atexit.register(self.close)  # the cursor is hidden while there is a bar
        bar.add_task("", total=total, text="")
        self._bar = bar
        return bar

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
