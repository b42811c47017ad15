"""An interrupt in a portal's call, at whatever point, leaves nothing lost and nobody asleep."""

import gc
import itertools
import signal
import subprocess
import sys
import threading
from functools import partial

import pytest
from faults_for_tests import environment
from kernels_for_tests import echo
from portals_for_tests import error_of, living_elsewhere

from pydotcompute.exceptions import KernelExecutionError, QueueFullTimeoutError


class InterruptedAt:
    """Raises KeyboardInterrupt at the n-th point of a call at which Python looks for signals.

    Those are the beginnings of Python functions and the ends of C functions; but what is raised
    while an object is thrown away never comes out, whoever raises it.
    """

    def __init__(self, point):
        self.left = point
        self.has_struck = False

    def __call__(self, frame, event, _argument):
        if event in ("call", "c_return") and "_weakrefset" not in frame.f_code.co_filename:
            self.left -= 1
            if self.left == 0:
                self.has_struck = True
                raise KeyboardInterrupt

    def run(self, call):
        """Make the call; what it returned, and what it raised."""
        gc.disable()
        sys.setprofile(self)
        try:
            return call(), None
        except BaseException as error:  # noqa: BLE001 - to be looked at by the test
            return None, error
        finally:
            sys.setprofile(None)
            gc.enable()


def is_interrupt(error):
    return isinstance(error, KeyboardInterrupt)


@pytest.fixture
def again():
    """Give an event for the interrupt that is sent again; it raises nothing in the tests."""
    sent = threading.Event()
    before = signal.signal(signal.SIGINT, lambda _number, _frame: sent.set())
    yield sent
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def portal(again):
    with living_elsewhere() as made:
        yield made


@pytest.fixture
def interrupted_at_every_point(again):
    """Make a call again and again, interrupted one point later each time, until it gets through."""

    def interrupted(call, prepare=lambda: None):
        for point in itertools.count(1):
            prepare()
            interrupt = InterruptedAt(point)
            result, error = interrupt.run(call)
            if not interrupt.has_struck:
                assert point > 10
                return
            if not is_interrupt(error):
                assert again.wait(5)
                again.clear()
            yield result, error

    return interrupted


def test_a_receive_returns_its_reply_or_leaves_it_there(portal, interrupted_at_every_point):
    portal.launch("k", echo)
    portal.activate("k")
    numbers = itertools.count()
    calls = interrupted_at_every_point(
        partial(portal.receive, "k", timeout=5), lambda: portal.send("k", next(numbers))
    )
    for expected, (result, error) in enumerate(calls):
        assert (portal.receive("k", timeout=5) if error else result) == expected


def test_an_interrupt_that_comes_too_late_is_sent_again(portal, again, monkeypatch):
    portal.launch("k", echo)
    portal.activate("k")
    portal.send("k", "the only one")
    loop = portal._loop
    post = loop.call_soon_threadsafe

    def post_and_be_late(*arguments):
        monkeypatch.undo()
        post(*arguments)
        while portal.get_telemetry("k").replies_received == 0:
            again.wait(0.001)
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "call_soon_threadsafe", post_and_be_late)
    assert portal.receive("k", timeout=5) == "the only one"
    assert again.wait(5)


def test_an_error_reply_comes_out_or_stays_there(portal, interrupted_at_every_point):
    def fail(number):
        raise ValueError(number)

    portal.launch("k", fail)
    portal.activate("k")
    numbers = itertools.count()
    calls = interrupted_at_every_point(
        partial(portal.receive, "k", timeout=5), lambda: portal.send("k", next(numbers))
    )
    for expected, (_, error) in enumerate(calls):
        there = error_of(portal.receive, "k", timeout=5) if is_interrupt(error) else error
        assert type(there) is KernelExecutionError
        assert there.__cause__.args == (expected,)


def test_a_send_that_waits_tells_of_the_interrupt_or_of_its_end(portal, interrupted_at_every_point):
    portal.launch("k", echo, queue_size=1)
    portal.send("k", "in the way")
    for _, error in interrupted_at_every_point(partial(portal.send, "k", "late", timeout=0)):
        assert type(error) in (KeyboardInterrupt, QueueFullTimeoutError)
    assert portal.get_telemetry("k").messages_received == 1
    portal.activate("k")
    assert portal.receive("k", timeout=5) == "in the way"


def test_a_send_that_finds_room_wakes_the_kernel_for_what_was_accepted(
    portal, interrupted_at_every_point
):
    portal.launch("k", echo)
    portal.activate("k")
    accepted = 0
    for _, error in interrupted_at_every_point(partial(portal.send, "k", "new")):
        now = portal.get_telemetry("k").messages_received
        assert now - accepted == 1 or is_interrupt(error)
        if now > accepted:
            assert portal.receive("k", timeout=5) == "new"
        accepted = now
    assert portal.send_and_receive("k", "new", timeout=5) == "new"


def test_a_kernel_launched_by_an_interrupted_scope_is_ended(portal, interrupted_at_every_point):
    numbers = itertools.count()

    def scope():
        return portal.kernel_scope(f"k{next(numbers)}", echo)

    scopes = []
    enter = lambda: scopes[-1].__enter__()  # noqa: E731, PLW0108 - another one each time
    for handle, _ in interrupted_at_every_point(enter, lambda: scopes.append(scope())):
        assert portal.kernel_ids == ([handle.id] if handle else [])
        portal.terminate_all()


def test_what_another_signal_raises_cancels_the_call_too(portal):
    class Alarm(Exception):  # noqa: N818 - it is no error
        pass

    def ring(_number, _frame):
        raise Alarm

    portal.launch("k", echo)
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        assert type(error_of(portal.receive, "k", timeout=10)) is Alarm
    finally:
        signal.signal(signal.SIGALRM, before)
    portal.activate("k")
    assert portal.send_and_receive("k", "still here", timeout=5) == "still here"


CTRL_C = """
import asyncio, os, signal, sys, threading, time
from loops_for_tests import follow_tests
from pydotcompute import RingKernelRuntime

async def echo(ctx):
    while True:
        await ctx.send(await ctx.receive())

async def live():
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", echo)
        portals.append(runtime.portal())
        made.set()
        done = asyncio.Event()
        ends.append(lambda: loop.call_soon_threadsafe(done.set))
        loop = asyncio.get_running_loop()
        while len(asyncio.all_tasks()) < 2:
            await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGINT)
        await done.wait()

follow_tests()
portals, ends, made = [], [], threading.Event()
thread = threading.Thread(target=asyncio.run, args=(live(),), daemon=True)
thread.start()
made.wait()
portal, begun = portals[0], time.monotonic()
try:
    portal.receive("k")
except KeyboardInterrupt:
    print("interrupted", time.monotonic() - begun < 5)
portal.send("k", "goes on")
portal.activate("k")
print(portal.receive("k"), portal.get_telemetry("k").replies_received)
if sys.argv[1:] == ["leave"]:
    portal.receive("k", timeout=0)
ends[0]()
thread.join()
"""


def test_ctrl_c_in_the_main_thread_cancels_the_call_that_waits():
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", CTRL_C],
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "interrupted True\ngoes on 1\n"


@pytest.mark.parametrize("count", [1, 2])
def test_ctrl_c_gets_out_of_a_call_to_a_loop_that_is_held_up(portal, monkeypatch, count):
    """One waits until the loop has cancelled the call, a second one for nothing."""
    held, freed, posted = threading.Event(), threading.Event(), threading.Semaphore(0)
    loop = portal._loop
    post = loop.call_soon_threadsafe

    async def hold(ctx):
        await ctx.receive()
        held.set()
        freed.wait(5)

    def post_and_tell(*arguments):
        post(*arguments)
        posted.release()

    def press():
        for _ in range(count):  # in the call itself, then in its being withdrawn
            assert posted.acquire(timeout=5)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        if count == 1:
            assert posted.acquire(timeout=5)
            freed.set()

    portal.launch("k", hold)
    portal.activate("k")
    portal.send("k", "hold the loop up")
    assert held.wait(5)
    presser = threading.Thread(target=press)
    presser.start()
    monkeypatch.setattr(loop, "call_soon_threadsafe", post_and_tell)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        error = error_of(portal.launch, "other", echo)
    finally:
        signal.signal(signal.SIGINT, before)
    presser.join(5)
    assert is_interrupt(error)
    assert freed.is_set() is (count == 1)
    freed.set()
    portal.terminate("k")
    assert portal.kernel_ids == []


def test_what_looks_like_an_interrupt_in_another_thread_is_raised_there(portal, again):
    portal.launch("k", echo)
    portal.activate("k")
    outcomes = []

    def work():
        for point in itertools.count(1):
            interrupt = InterruptedAt(point)
            _, error = interrupt.run(partial(portal.send_and_receive, "k", 1, timeout=5))
            outcomes.append(type(error))
            if not interrupt.has_struck:
                return

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert set(outcomes[:-1]) <= {KeyboardInterrupt, type(None)}
    assert outcomes.count(KeyboardInterrupt) > 10
    assert not again.is_set()
