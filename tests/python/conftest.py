"""What many tests of the runtime begin with."""

import asyncio
import sys
import threading

import pytest
from hypothesis import settings
from kernels_for_tests import echo, start_puppet
from threads_for_tests import StrictParker

from pydotcompute import RingKernelRuntime
from pydotcompute.testing import MockClock

settings.register_profile("timeless", deadline=None)  # a slow machine is not a failure
settings.load_profile("timeless")


@pytest.fixture
async def runtime():
    """Make a runtime that counts; at its end no task and no thread of any kernel is left."""
    threads = set(threading.enumerate())
    async with RingKernelRuntime(enable_telemetry=True) as made:
        yield made
        await made.terminate_all(timeout=0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    for thread in set(threading.enumerate()) - threads:
        if thread.daemon:  # not one of those that a loop keeps for to_thread()
            thread.join(5)
            assert not thread.is_alive()


@pytest.fixture
async def busy_and_worker():
    """Make what `busy` and `worker` are."""
    async with RingKernelRuntime(enable_telemetry=True, clock=MockClock()) as made:
        puppet = await start_puppet(made, "worker")
        for number in range(3):
            await made.send("worker", number)
        await puppet.ctx.receive_batch(2)
        await puppet.ctx.send("a reply")
        await made.launch("walker", echo)
        yield made, puppet.ctx
        await made.terminate_all(timeout=0)


@pytest.fixture
def busy(busy_and_worker):
    """Give a runtime at whose clock no time passes: "walker" is launched, "worker" is active."""
    return busy_and_worker[0]


@pytest.fixture
def worker(busy_and_worker):
    """Give the context of "worker": one message queued, one in flight, one reply ready."""
    return busy_and_worker[1]


@pytest.fixture
def short_grace(monkeypatch):
    """Give cancelled kernels less than a second to end before they count as stuck."""
    monkeypatch.setattr("pydotcompute.runtime.termination.CANCEL_GRACE_SECONDS", 0.02)


@pytest.fixture
async def skip_ahead(monkeypatch):
    """Let the loop's clock jump by some seconds."""
    loop = asyncio.get_running_loop()
    real, ahead = loop.time, [0.0]
    monkeypatch.setattr(loop, "time", lambda: real() + sum(ahead))
    return ahead.append


@pytest.fixture
def quick_switches():
    """Let threads take turns as often as the interpreter can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture
def shaken(monkeypatch, quick_switches):
    """Let threads lose the interpreter lock as often as can be, and never wake of themselves."""
    monkeypatch.setattr("pydotcompute.execution.thread_waiting.Parker", StrictParker)
