"""The outbox: nothing is lost, nothing raises, no caller waits long, a cause is reported once."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from paretoprune.tracking.outbox import Delivery, Outbox, explain


class Service:
    """A service that fails while `error` is set, and says what it got."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.got: list[str] = []

    def take(self, what: str) -> Delivery:
        return Delivery(what, lambda: self._take(what))

    def _take(self, what: str) -> None:
        if self.error:
            raise self.error
        self.got.append(what)


def test_deliveries_arrive_in_order_each_before_the_next_one_is_put() -> None:
    service, outbox = Service(), Outbox(patience_s=10)
    for index in range(20):
        outbox.put(service.take(str(index)))
        outbox.settle(10)
        assert service.got[-1] == str(index)
    assert outbox.drain(patience_s=10) == []


def test_the_caller_continues_while_something_is_delivered() -> None:
    gate, got, outbox = threading.Event(), list[str](), Outbox(patience_s=10)

    def wait_for_gate() -> None:
        gate.wait(30)
        got.append("first")

    outbox.put(Delivery("first", wait_for_gate))
    assert got == []
    gate.set()
    outbox.put(Delivery("second", lambda: got.append("second")))
    assert got[0] == "first"
    assert outbox.drain(patience_s=10) == []


def test_a_caller_that_is_faster_than_the_service_waits_little_and_loses_nothing() -> None:
    service, outbox = Service(), Outbox(patience_s=0.5)

    def slowly() -> None:
        time.sleep(0.05)
        service.got.append(str(len(service.got)))

    start = time.monotonic()
    for index in range(30):
        outbox.put(Delivery(str(index), slowly))
    assert time.monotonic() - start < 30 * 0.05 / 2
    assert outbox.drain(patience_s=0.5) == []  # which takes three times as long
    assert service.got == [str(index) for index in range(30)]


def test_an_outage_costs_one_warning_and_no_delivery(caplog: pytest.LogCaptureFixture) -> None:
    service, outbox = Service(), Outbox(patience_s=10)
    service.error = ConnectionError("https://me:secret@host refused")
    for index in range(5):
        outbox.put(service.take(str(index)))
        outbox._idle.wait(10)
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert [r.getMessage().partition(";")[0] for r in warnings] == [
        "the MLflow server cannot be reached"
    ]
    assert set(outbox.drain(patience_s=10)) == {"0", "1", "2", "3", "4"}
    service.error = None
    outbox.put(service.take("5"))
    assert outbox.drain(patience_s=10) == []
    assert sorted(service.got) == ["0", "1", "2", "3", "4", "5"]


def test_another_cause_is_another_warning_and_secrets_stay_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service, outbox = Service(), Outbox(patience_s=10)
    for error in (
        ValueError("https://me:secret@host says no"),
        RuntimeError("x"),
        RuntimeError("x"),
    ):
        service.error = error
        outbox.put(service.take("a"))
        outbox._idle.wait(10)
    assert len(caplog.records) == 2
    assert "https://***@host says no" in caplog.text
    assert "secret" not in caplog.text


def test_one_delivery_that_always_fails_holds_up_no_other() -> None:
    service, outbox = Service(), Outbox(patience_s=10)

    def refuse() -> None:
        raise ValueError("refused")

    outbox.put(Delivery("bad", refuse))
    for index in range(5):
        outbox.put(service.take(str(index)))
    assert outbox.drain(patience_s=10) == ["bad"]
    assert service.got == ["0", "1", "2", "3", "4"]


def test_a_slow_service_is_waited_for_once(caplog: pytest.LogCaptureFixture) -> None:
    outbox, gate, got = Outbox(patience_s=0.2), threading.Event(), []

    def slow() -> None:
        gate.wait(30)
        got.append("slow")

    outbox.put(Delivery("slow", slow))
    start = time.monotonic()
    outbox.put(Delivery("next", lambda: got.append("next")))
    assert 0.2 <= time.monotonic() - start < 5
    start = time.monotonic()
    for index in range(50):
        outbox.put(Delivery(str(index), lambda: got.append("quick")))
    assert time.monotonic() - start < 0.2 * 50 / 2
    assert [r.getMessage().partition(";")[0] for r in caplog.records] == [
        "MLflow needs more than 0.2 s to answer"
    ]
    gate.set()
    assert outbox.drain(patience_s=10) == []
    assert got == ["slow", "next"] + ["quick"] * 50


def test_drain_gives_up_on_a_service_that_hangs() -> None:
    outbox, gate = Outbox(patience_s=0.05), threading.Event()
    outbox.put(Delivery("stuck", lambda: gate.wait(30)))  # type: ignore[arg-type, return-value]
    start = time.monotonic()
    assert outbox.drain(patience_s=0.1) == ["stuck"]
    assert time.monotonic() - start < 5
    gate.set()


def test_drain_waits_for_a_slow_service_as_long_as_it_answers() -> None:
    """Each delivery takes eight times as long as the patience, and each answer less."""
    answers, got = [0], list[str]()
    outbox = Outbox(patience_s=0.05, answers=lambda: answers[0])

    def deliver() -> None:
        for _ in range(16):
            time.sleep(0.025)
            answers[0] += 1
        got.append("all of it")

    for index in range(3):
        outbox.put(Delivery(str(index), deliver))
    assert outbox.drain(patience_s=0.05) == []
    assert got == ["all of it"] * 3


def test_drain_waits_for_the_first_answer_of_a_service_that_has_not_failed() -> None:
    """A server that has just started needs many seconds for its first answer."""
    outbox, gate, got = Outbox(patience_s=0.05, silence_s=20.0), threading.Event(), list[str]()

    def deliver() -> None:
        gate.wait(30)
        got.append("first")

    outbox.put(Delivery("first", deliver))
    outbox.settle(0.05)  # which is too short
    threading.Timer(0.5, gate.set).start()
    assert outbox.drain(patience_s=0.05) == []
    assert got == ["first"]


def test_drain_gives_up_on_a_service_that_falls_silent() -> None:
    answers, gate = [1], threading.Event()
    outbox = Outbox(patience_s=0.05, silence_s=0.3, answers=lambda: answers[0])
    outbox.put(Delivery("stuck", lambda: gate.wait(30)))  # type: ignore[arg-type, return-value]
    start = time.monotonic()
    assert outbox.drain(patience_s=0.1) == ["stuck"]
    assert 0.3 <= time.monotonic() - start < 5
    gate.set()


def test_puts_from_many_threads_are_all_delivered() -> None:
    service, outbox = Service(), Outbox(patience_s=10)

    def put_many(name: str) -> None:
        for index in range(50):
            outbox.put(service.take(f"{name}{index}"))

    threads = [threading.Thread(target=put_many, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outbox.drain(patience_s=10) == []
    assert sorted(service.got) == sorted(f"{name}{i}" for name in "abc" for i in range(50))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("(sqlite3.OperationalError) database is locked\n[SQL: ...]"), "locked"),
        (OSError("HTTPConnectionPool: Max retries exceeded with url: /a"), "cannot be reached"),
        (ValueError("first\nsecond"), "MLflow failed with ValueError: first"),
        (ValueError(), "MLflow failed with ValueError: "),
    ],
)
def test_causes_are_explained(error: Exception, expected: str) -> None:
    assert expected in explain(error)
    assert "\n" not in explain(error)
