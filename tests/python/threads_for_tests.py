"""Kernels written once and run everywhere: as tasks, in threads with a loop, in plain threads."""

import asyncio
import math
import threading
from dataclasses import dataclass
from functools import wraps
from time import monotonic

import pytest
from kernels_for_tests import counts

from pydotcompute._core import Parker


@dataclass(frozen=True)
class Kind:
    """A place to run a kernel, and a form of its code.

    The code of a loop is a script: a generator that yields each call of its context and gets what
    the call gives, or its exception. That of a handler is a function of one message.
    """

    execution: str
    form: str
    is_async: bool

    def __str__(self):
        return f"{self.execution}-{self.form}-{'async' if self.is_async else 'plain'}"

    def code(self, body):
        """Give the function to launch."""
        if self.form == "handler":
            return _awaited(body) if self.is_async else body
        return _awaiting(body) if self.is_async else _blocking(body)

    async def launch(self, runtime, body, kernel_id="k", **options):
        """Launch a script or a function of one message."""
        options = {"execution": self.execution, "form": self.form} | options
        await runtime.launch(kernel_id, self.code(body), **options)

    async def start(self, runtime, body, kernel_id="k", **options):
        """Launch and activate."""
        await self.launch(runtime, body, kernel_id, **options)
        await runtime.activate(kernel_id)

    async def launch_echo(self, runtime, kernel_id="k", **options):
        """Launch a kernel that answers each message with itself."""
        body = echo_script if self.form == "loop" else lambda message: message
        await self.launch(runtime, body, kernel_id, **options)

    async def start_echo(self, runtime, kernel_id="k", **options):
        """Launch it and activate it."""
        await self.launch_echo(runtime, kernel_id, **options)
        await runtime.activate(kernel_id)


def _awaited(handler):
    @wraps(handler)
    async def handle(message):
        return handler(message)

    return handle


def _blocking(script):
    @wraps(script)
    def kernel(ctx):
        steps, given = script(ctx), None
        try:
            while True:
                given = steps.send(given)  # what the script called has blocked by then
        except StopIteration:
            return

    return _not_a_generator(kernel)


def _awaiting(script):
    @wraps(script)
    async def kernel(ctx):
        steps = script(ctx)
        resume, argument = steps.send, None
        while True:
            try:
                awaited = resume(argument)
            except StopIteration:
                return
            try:
                resume, argument = steps.send, await awaited
            except BaseException as error:  # noqa: BLE001 - the script's own to handle
                resume, argument = steps.throw, error

    return _not_a_generator(kernel)


def _not_a_generator(kernel):
    del kernel.__wrapped__
    return kernel


TASK_LOOP = Kind("task", "loop", is_async=True)
ASYNC_LOOP = Kind("thread", "loop", is_async=True)
PLAIN_LOOP = Kind("thread", "loop", is_async=False)
TASK_HANDLERS = [Kind("task", "handler", is_async=is_async) for is_async in (True, False)]
THREAD_HANDLERS = [Kind("thread", "handler", is_async=is_async) for is_async in (True, False)]
THREAD_LOOPS = [ASYNC_LOOP, PLAIN_LOOP]


def each(*kinds):
    """Run a test for each of these kinds."""
    return pytest.mark.parametrize("kind", kinds, ids=str)


everywhere = each(TASK_LOOP, *THREAD_LOOPS, *TASK_HANDLERS, *THREAD_HANDLERS)
in_threads = each(*THREAD_LOOPS, *THREAD_HANDLERS)
loops = each(TASK_LOOP, *THREAD_LOOPS)
thread_loops = each(*THREAD_LOOPS)
handlers = each(*TASK_HANDLERS, *THREAD_HANDLERS)


def echo_script(ctx):
    """Answer each message with itself until the end of the input."""
    while True:
        message = yield ctx.receive()
        yield ctx.send(message)


class Signal:
    """Set in any thread, awaited in the loop in which it was made."""

    def __init__(self):
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._flag = threading.Event()

    def set(self):
        self._flag.set()
        self._loop.call_soon_threadsafe(self._event.set)

    def is_set(self):
        return self._flag.is_set()

    async def wait(self):
        async with asyncio.timeout(5):
            await self._event.wait()

    def block(self):
        """Wait in another thread."""
        assert self._flag.wait(5)


async def until(condition):
    """Let others run until something holds that another thread brings about."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - no event tells of what it is
            await asyncio.sleep(0)


async def until_in_line(runtime, line, kernel_id="k", *, count=1):
    """Wait until so many of a kernel's own wait in one of its lines."""
    waiting = getattr(runtime._known(kernel_id)._venue.lines, line)

    def are_there():
        is_parked = bool(waiting) and not waiting.line  # a kernel that callers may run
        return len(waiting.line) + is_parked == count

    await until(are_there)


async def collect(runtime, count, kernel_id="k"):
    """Receive so many replies."""
    async with asyncio.timeout(10):
        return [await runtime.receive(kernel_id) for _ in range(count)]


def conserved(runtime, kernel_id="k"):
    """Check that every message is somewhere, once."""
    found = counts(runtime, kernel_id)
    ends = [
        "processed",
        "unanswered",
        "errored",
        "dropped",
        "discarded",
        "queue_depth",
        "in_flight",
    ]
    assert found.get("received", 0) == sum(found.get(name, 0) for name in ends)
    return found


class StrictParker:
    """A parker that looks again only when woken, so that a lost wake-up is a wait for ever."""

    def __init__(self):
        self._parker = Parker()
        self.unpark = self._parker.unpark

    def park(self, timeout):
        expiry = math.inf if timeout is None else monotonic() + timeout
        while not self._parker.park(None if timeout is None else max(0.0, expiry - monotonic())):
            if monotonic() >= expiry:
                return False
        return True
