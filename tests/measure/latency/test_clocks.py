"""Clocks that count work: not the time that passes, nor what other threads and programs do."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
import torch

from paretoprune.measure.latency.clocks import clock_for

CPU = torch.device("cpu")


def work(seconds: float) -> None:
    """Computes for so long by the thread's own clock."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@pytest.mark.parametrize("threads", [1, 2])
def test_waiting_is_not_counted(threads: int) -> None:
    clock = clock_for(CPU, threads)
    assert clock.cpu and clock.threads == threads
    assert clock.seconds(lambda: time.sleep(0.1)) < 0.05
    assert clock.seconds(lambda: work(0.05)) >= 0.05


def test_one_thread_is_counted_alone_and_several_together() -> None:
    def beside() -> None:
        thread = threading.Thread(target=work, args=(0.1,))
        thread.start()
        thread.join()

    assert clock_for(CPU, 1).seconds(beside) < 0.05
    assert clock_for(CPU, 2).seconds(beside) >= 0.1
    assert clock_for(CPU, 1, own_threads=True).seconds(beside) >= 0.1


UNDER_A_LIMIT = """
import resource, threading, time
from concurrent.futures import ThreadPoolExecutor
import torch
from paretoprune.measure.latency.clocks import clock_for

def work(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass

resource.setrlimit(resource.RLIMIT_CPU, (600, 600))
clock = clock_for(torch.device("cpu"), 2)
with ThreadPoolExecutor(1) as pool:
    pool.submit(work, 0.0).result()
    passes = [lambda: work(0.0005), lambda: pool.submit(work, 0.0005).result()]
    shortest = min(clock.seconds(run) for run in passes for _ in range(40))
assert shortest >= 0.0005, shortest
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' clocks stay exact")
def test_short_passes_are_counted_under_a_limit_of_processor_time() -> None:
    """As by `ulimit -t`, under which Linux advances a process's clock by ticks alone."""
    subprocess.run([sys.executable, "-c", UNDER_A_LIMIT], check=True, timeout=300)


def test_another_device_has_no_processor_time() -> None:
    assert not clock_for(torch.device("cuda"), 1).cpu
    assert not clock_for(torch.device("mps"), 1).cpu


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_device_counts_its_own_work() -> None:
    """The CPU's pause between two launches is not in it, the work of the device is."""
    device = torch.device("cuda")
    x = torch.rand(4096, 4096, device=device)

    def run() -> None:
        for _ in range(20):
            x @ x

    clock = clock_for(device, 1)
    clock.seconds(run)
    begun = time.perf_counter()
    run()
    torch.cuda.synchronize()
    assert clock.seconds(run) == pytest.approx(time.perf_counter() - begun, rel=0.5)
