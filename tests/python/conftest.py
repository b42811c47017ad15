"""What many tests of the runtime begin with."""

import asyncio
import signal
import sys
import threading

import pytest
from hypothesis import settings
from kernels_for_tests import echo, start_puppet
from loops_for_tests import HAND_OFF, LOOPS, choose_hand_off, choose_loop
from threads_for_tests import StrictParker

from pydotcompute import RingKernelRuntime
from pydotcompute._core import set_turn_budget
from pydotcompute.testing import MockClock

settings.register_profile("timeless", deadline=None)  # a slow machine is not a failure
settings.load_profile("timeless")


def pytest_addoption(parser):
    """Let `--loop=uvloop` choose the event loop, `--hand-off=off` the tasks of asyncio alone."""
    parser.addoption("--loop", choices=LOOPS, default=LOOPS[0])
    parser.addoption("--hand-off", choices=HAND_OFF, default=HAND_OFF[0])


def pytest_configure(config):
    """Make every loop of the chosen kind: of async tests, of what they begin, of programs."""
    choose_loop(config.getoption("loop"))
    choose_hand_off(config.getoption("hand_off"))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as it is in the background of a script
        signal.signal(signal.SIGINT, signal.default_int_handler)  # else programs would inherit it


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


class Timer:
    """A timer of a loop whose clock is set by hand."""

    def __init__(self, loop, when, callback):
        self.loop = loop
        self.when = when
        self.callback = callback
        self.handle = None
        self.is_cancelled = False

    def ring(self):
        """Run in the next turn, unless it is cancelled."""
        if not self.is_cancelled:
            self.handle = self.loop.call_soon(self.callback)

    def cancel(self):
        self.is_cancelled = True
        if self.handle is not None:
            self.handle.cancel()


@pytest.fixture
async def skip_ahead():
    """Stop the loop's clock, and let it jump; timers that it passes run in the next turn."""
    loop = asyncio.get_running_loop()
    times, timers = [loop.time()], []

    def call_at(when, callback, *args, context=None):
        timers.append(Timer(loop, when, lambda: callback(*args)))
        return timers[-1]

    def call_later(delay, callback, *args, context=None):
        return call_at(loop.time() + delay, callback, *args)

    def skip(seconds):
        times.append(times[-1] + seconds)
        due = sorted((t for t in timers if t.when <= loop.time()), key=lambda timer: timer.when)
        for timer in due:
            timers.remove(timer)
            timer.ring()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "time", lambda: times[-1])
        patch.setattr(loop, "call_at", call_at)
        patch.setattr(loop, "call_later", call_later)
        yield skip
    for timer in timers:  # what a failed test left waiting
        timer.ring()


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


@pytest.fixture
def unhurried():
    """Let callers run kernels for as long as a slow machine needs."""
    set_turn_budget(seconds=60)
    yield
    set_turn_budget()
