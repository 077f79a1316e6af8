"""Deliveries to a service that may be slow or down: tried in order, kept until they succeed.

Everything runs on one thread of its own. The caller goes on while something is delivered, and waits
for it before the next delivery: so not much is ever under way, and what is delivered after a trial
overlaps with the beginning of the next one, not with the measurements at its end. It stops waiting
once the service is slow or failing, or has taken more than its share of the caller's time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from paretoprune.config.redact import redact

_log = logging.getLogger(__name__)
_FAILURES_PER_ROUND = 2  # one delivery that always fails must not hold up the others
_SHARE, _GRACE_S = 0.1, 0.2  # of the running time, and at its start, that a caller may wait
_LAST_TRY_S = 3.0  # at the end, for a service that failed before and never answered
_STEP_S = 0.1  # between two counts of the answers
_TELL_S = 10.0  # of waiting, after which the user is told


@dataclass(frozen=True)
class Delivery:
    """Something to bring to MLflow. `send` may raise, and may then be called again."""

    what: str
    send: Callable[[], None]


class Outbox:
    """A queue of deliveries whose methods never raise; failures become warnings, once per cause."""

    def __init__(
        self,
        *,
        patience_s: float,
        silence_s: float | None = None,
        answers: Callable[[], int] = lambda: 0,
    ) -> None:
        """An empty outbox.

        Args:
            patience_s: how long a caller waits for a delivery before it goes on without it.
            silence_s: how long, at the end, a service that has answered may take for its next
                answer; None: `patience_s`.
            answers: the number of requests that the service has answered so far; a delivery takes
                several.
        """
        self._patience_s, self._answers = patience_s, answers
        self._silence_s = patience_s if silence_s is None else silence_s
        self._queue: deque[Delivery] = deque()
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()
        self._healthy = True
        self._warned: set[str] = set()
        self._opened, self._waited_s = time.monotonic(), 0.0

    def put(self, delivery: Delivery) -> None:
        """Queue a delivery and try all that wait; before that, wait for those that are tried."""
        if self._waited_s <= _GRACE_S + _SHARE * (time.monotonic() - self._opened):
            begun = time.monotonic()
            self.settle(self._patience_s)
            self._waited_s += time.monotonic() - begun
        with self._lock:
            self._queue.append(delivery)
        self._start_round()

    def settle(self, patience_s: float) -> None:
        """Wait, while the service is healthy, until all that is tried was delivered."""
        if self._healthy and not self._idle.wait(patience_s):
            self._healthy = False
            self._warn(f"MLflow needs more than {patience_s:g} s to answer")

    def drain(self, *, patience_s: float) -> list[str]:
        """Wait for all that is queued as long as the service answers; the names of what is left.

        A service that failed before is tried once more, for a few seconds.
        """
        while True:
            before = len(self._queue)
            started = self._start_round()
            ended = self._wait_while_answered(patience_s)
            with self._lock:
                stuck = len(self._queue) == before and (started or not ended)
                if stuck or not self._queue:
                    return [delivery.what for delivery in self._queue]

    def _wait_while_answered(self, patience_s: float) -> bool:
        """Whether a round ended before the service had been silent for too long."""
        begun, answers = time.monotonic(), self._answers()
        patience_s = patience_s if self._healthy else min(patience_s, _LAST_TRY_S)
        deadline = begun + (max(patience_s, self._silence_s) if answers else patience_s)
        while not self._idle.wait(min(patience_s, _STEP_S)):
            now = time.monotonic()
            if (count := self._answers()) != answers:
                answers, deadline = count, now + max(patience_s, self._silence_s)
            if now > deadline:
                return False
            if now > begun + _TELL_S:
                begun = float("inf")
                _log.info("MLflow is slow; %d deliveries are still to be made", len(self._queue))
        return True

    def _start_round(self) -> bool:
        """Try all that waits; False if there is nothing, or a round is under way."""
        with self._lock:
            if not self._queue or not self._idle.is_set():
                return False
            self._idle.clear()
        threading.Thread(target=self._round, name="mlflow-outbox", daemon=True).start()
        return True

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
    # Before it is cut: half a URI no longer shows where its password ends.
    first_line = redact(next(iter(text.strip().splitlines()), ""))
    return f"MLflow failed with {type(error).__name__}: {first_line[:200]}"
