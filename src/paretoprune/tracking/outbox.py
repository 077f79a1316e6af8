"""Deliveries to a service that may be slow or down: tried in order, kept until they succeed.

Everything runs on one thread of its own. The caller waits for it while the service behaves, so
that nothing overlaps with a measurement, and stops waiting once the service is slow or failing.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from paretoprune.tracking.uri import redact

_log = logging.getLogger(__name__)
_FAILURES_PER_ROUND = 2  # one delivery that always fails must not hold up the others


@dataclass(frozen=True)
class Delivery:
    """Something to bring to MLflow. `send` may raise, and may then be called again."""

    what: str
    send: Callable[[], None]


class Outbox:
    """A queue of deliveries whose methods never raise; failures become warnings, once per cause."""

    def __init__(self, *, patience_s: float) -> None:
        """`patience_s`: how long a caller waits for a delivery before it goes on without it."""
        self._patience_s = patience_s
        self._queue: deque[Delivery] = deque()
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()
        self._healthy = True
        self._warned: set[str] = set()

    def put(self, delivery: Delivery, *, patience_s: float | None = None) -> None:
        """Queue a delivery, try all that wait, and wait for the outcome while MLflow is healthy."""
        with self._lock:
            self._queue.append(delivery)
        wait_s = self._patience_s if patience_s is None else patience_s
        self._start_round()
        if self._healthy and not self._idle.wait(wait_s):
            self._healthy = False
            self._warn(f"MLflow needs more than {wait_s:g} s to answer")

    def drain(self, *, patience_s: float) -> list[str]:
        """Try once more all that waits; the names of what could not be delivered."""
        self._idle.wait(patience_s)
        self._start_round()
        self._idle.wait(patience_s)
        with self._lock:
            return [delivery.what for delivery in self._queue]

    def _start_round(self) -> None:
        with self._lock:
            if not self._queue or not self._idle.is_set():
                return
            self._idle.clear()
        threading.Thread(target=self._round, name="mlflow-outbox", daemon=True).start()

    def _round(self) -> None:
        failures = 0
        while (delivery := self._next(failures)) is not None:
            try:
                delivery.send()
            except Exception as error:
                failures += 1
                self._healthy = False
                self._warn(explain(error))
                with self._lock:
                    self._queue.rotate(-1)
            else:
                with self._lock:
                    self._queue.popleft()

    def _next(self, failures: int) -> Delivery | None:
        """The delivery to try now; None ends the round, in one step with saying so."""
        with self._lock:
            if self._queue and failures < min(_FAILURES_PER_ROUND, len(self._queue)):
                return self._queue[0]
            if not self._queue and not self._healthy:
                self._healthy = True
                _log.info("MLflow answers again; everything that waited was delivered")
            self._idle.set()
            return None

    def _warn(self, cause: str) -> None:
        if cause not in self._warned:
            self._warned.add(cause)
            _log.warning(
                "%s; the work goes on, and what MLflow missed is sent again later", redact(cause)
            )


def explain(error: BaseException) -> str:
    """One sentence for the cause of a failure, the same for every failure of that cause."""
    text = str(error)
    if "database is locked" in text:
        return "MLflow's database is locked by another process"
    if "Max retries exceeded" in text or isinstance(error, ConnectionError):
        return "the MLflow server cannot be reached"
    first_line = next(iter(text.strip().splitlines()), "")
    return f"MLflow failed with {type(error).__name__}: {first_line[:200]}"
