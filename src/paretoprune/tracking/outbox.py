"""A delivery queue for a service that may be slow or down: in order, with retries.

Deliveries run on a thread of their own. A caller continues during a delivery, but waits for it
before it queues the next one. So few deliveries are pending at any time, and those of a trial
overlap with the beginning of the next trial, not with the measurements at its end. Callers no
longer wait once the service is slow or failing, or has taken more than its share of their time.
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
_FAILURES_PER_ROUND = 2  # a delivery that always fails must not block the others
# share of the running time, and seconds at its start, that a caller may wait
_SHARE, _GRACE_S = 0.1, 0.2
_LAST_TRY_S = 3.0  # final attempt, for a service that failed before and never answered
_STEP_S = 0.1  # polling interval of the answer counter
_INFORM_S = 10.0  # waiting time after which the user is informed


@dataclass(frozen=True)
class Delivery:
    """One item to send to MLflow. `send` may raise, and may then be called again."""

    what: str
    send: Callable[[], None]


class Outbox:
    """A queue of deliveries, sent in order by a background thread and retried after failures.

    `put` is called for each item during the sweep, `drain` once at the end. Methods never raise;
    failures become warnings, once per cause. A failed delivery stays in the queue and is retried
    when the next one is put. Times are in seconds.
    """

    def __init__(
        self,
        *,
        patience_s: float,
        silence_s: float | None = None,
        answers: Callable[[], int] = lambda: 0,
    ) -> None:
        """Create an empty outbox.

        Args:
            patience_s: maximum time in seconds that a caller waits for a delivery.
            silence_s: maximum time in seconds, at the end, until the next answer of a service that
                has answered before or has not failed yet; None: `patience_s`.
            answers: the number of requests that the service has answered so far; a delivery takes
                several.
        """
        self._patience_s, self._answers = patience_s, answers
        self._silence_s = patience_s if silence_s is None else silence_s
        self._queue: deque[Delivery] = deque()
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()
        self._healthy, self._failed = True, False
        self._warned: set[str] = set()
        self._opened, self._waited_s = time.monotonic(), 0.0

    def put(self, delivery: Delivery) -> None:
        """Queue a delivery and start sending; first wait for the deliveries in progress."""
        if self._waited_s <= _GRACE_S + _SHARE * (time.monotonic() - self._opened):
            begun = time.monotonic()
            self.settle(self._patience_s)
            self._waited_s += time.monotonic() - begun
        with self._lock:
            self._queue.append(delivery)
        self._start_round()

    def settle(self, patience_s: float) -> None:
        """Wait until the deliveries in progress are done, as long as the service is healthy."""
        if self._healthy and not self._idle.wait(patience_s):
            self._healthy = False
            self._warn(f"MLflow needs more than {patience_s:g} s to answer")

    def drain(self, *, patience_s: float) -> list[str]:
        """Wait for all queued deliveries as long as the service answers; return the names of the
        rest.

        A service that failed before gets one more attempt of a few seconds.
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
        """Return True if the round ended before the service was silent for too long."""
        begun, answers = time.monotonic(), self._answers()
        patience_s = patience_s if self._healthy else min(patience_s, _LAST_TRY_S)
        is_hopeful = answers > 0 or not self._failed
        deadline = begun + (max(patience_s, self._silence_s) if is_hopeful else patience_s)
        while not self._idle.wait(min(patience_s, _STEP_S)):
            now = time.monotonic()
            if (count := self._answers()) != answers:
                answers, deadline = count, now + max(patience_s, self._silence_s)
            if now > deadline:
                return False
            if now > begun + _INFORM_S:
                begun = float("inf")
                _log.info("MLflow is slow; %d deliveries are pending", len(self._queue))
        return True

    def _start_round(self) -> bool:
        """Start sending the queue; return False if it is empty or already being sent."""
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
                self._healthy, self._failed = False, True
                self._warn(explain(error))
                with self._lock:
                    self._queue.rotate(-1)
            else:
                with self._lock:
                    self._queue.popleft()

    def _next(self, failures: int) -> Delivery | None:
        """Return the next delivery; None ends the round, atomically with marking it as idle."""
        with self._lock:
            if self._queue and failures < min(_FAILURES_PER_ROUND, len(self._queue)):
                return self._queue[0]
            if not self._queue and not self._healthy:
                self._healthy, self._failed = True, False
                _log.info("MLflow answers again; all pending items were delivered")
            self._idle.set()
            return None

    def _warn(self, cause: str) -> None:
        if cause not in self._warned:
            self._warned.add(cause)
            _log.warning(
                "%s; the sweep continues, undelivered items are sent again later", redact(cause)
            )


def explain(error: BaseException) -> str:
    """Return one sentence for the cause of a failure, identical for all failures of that cause."""
    text = str(error)
    if "database is locked" in text:
        return "MLflow's database is locked by another process"
    if "Max retries exceeded" in text or isinstance(error, ConnectionError):
        return "the MLflow server cannot be reached"
    # Redacted before it is truncated: half a URI no longer shows where its password ends.
    first_line = redact(next(iter(text.strip().splitlines()), ""))
    return f"MLflow failed with {type(error).__name__}: {first_line[:200]}"
