"""Kernels that run in a thread of their own."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from threading import Thread, get_ident
from typing import Any

from pydotcompute._core import FastPath
from pydotcompute.execution.exiting import ending_with_program
from pydotcompute.execution.thread_waiting import ThreadWaitQueue
from pydotcompute.execution.venue import (
    Ending,
    Line,
    Lines,
    Outcome,
    is_being_cancelled,
    is_set_within,
    outcome_of,
)
from pydotcompute.execution.waiting import SharedWaitQueue, post


class _ThreadVenue(ABC):
    """A thread beside the runtime's event loop."""

    __slots__ = ("_is_cancelled", "_runtime_loop", "lines")

    def __init__(self, loop: asyncio.AbstractEventLoop, line: Callable[[], Line]) -> None:
        self._runtime_loop = loop
        self._is_cancelled = False
        self.lines = Lines(
            input_space=SharedWaitQueue(loop),
            input_ready=line(),
            output_ready=SharedWaitQueue(loop),
            output_space=line(),
            activation=line(),
        )

    def execution(
        self, name: str, code: Callable[[], Any], on_end: Callable[[Outcome], None]
    ) -> "ThreadExecution":
        """Make ready to run the code in a new thread."""
        return ThreadExecution(name, self, code, on_end, self._runtime_loop)

    def attach(self, fast: FastPath) -> None:  # noqa: B027 - both kinds do nothing
        """Nothing: no caller runs the code of another thread."""

    def tell(self, callback: Callable[[], object]) -> None:
        """Run a callback on the runtime's loop."""
        post(self._runtime_loop, callback)

    @abstractmethod
    def play(self, code: Callable[[], Any]) -> Outcome:
        """Run the code in this thread to its end."""

    @abstractmethod
    def cancel(self) -> None:
        """Ask the code to stop, from any thread."""


class BlockingVenue(_ThreadVenue):
    """A thread whose code waits by blocking it."""

    __slots__ = ("_told",)

    blocks = True

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop, lambda: ThreadWaitQueue(self.check))
        self._told: set[int] = set()

    def play(self, code: Callable[[], object]) -> Outcome:
        """Run the code in this thread to its end."""
        try:
            self.check()
            code()
        except BaseException as error:  # noqa: BLE001 - told by state, receivers and log
            return outcome_of(error, was_cancelled=self._is_cancelled)
        return Outcome(Ending.RETURNED)

    def cancel(self) -> None:
        """Raise CancelledError once in each of the code's threads, where it waits or waits next."""
        self._told = set()
        self._is_cancelled = True
        for line in (self.lines.input_ready, self.lines.output_space, self.lines.activation):
            line.wake_all()

    def check(self) -> None:
        """Raise CancelledError where the code was asked to stop and could not be told yet."""
        if self._is_cancelled:  # a thread that the code started must not keep it from the code
            told, me = self._told, get_ident()
            if me not in told:
                told.add(me)
                raise asyncio.CancelledError


class LoopVenue(_ThreadVenue):
    """A thread with an event loop of its own."""

    __slots__ = ("_loop", "_own_lines", "_task")

    blocks = False

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._own_lines = tuple(SharedWaitQueue(loop) for _ in range(3))
        super().__init__(loop, iter(self._own_lines).__next__)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[object] | None = None

    def play(self, code: Callable[[], Awaitable[object]]) -> Outcome:
        """Run the code in a new event loop to its end, and that of all it left behind."""
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            for line in self._own_lines:
                line.settle(self._loop)
            return runner.run(self._follow(code))

    def cancel(self) -> None:
        """Throw CancelledError into the code where it waits."""
        self._is_cancelled = True
        if self._task is not None and self._loop is not None:
            post(self._loop, self._task.cancel)

    def check(self) -> None:
        """Nothing: a cancellation is thrown into the code where it waits."""

    async def _follow(self, code: Callable[[], Awaitable[object]]) -> Outcome:
        self._task = asyncio.current_task()
        try:
            if self._is_cancelled:  # before there was a task to cancel
                raise asyncio.CancelledError  # noqa: TRY301 - as the task's own cancellation
            await code()
        except BaseException as error:  # noqa: BLE001 - told by state, receivers and log
            was_cancelled = self._is_cancelled or is_being_cancelled(self._task)
            return outcome_of(error, was_cancelled=was_cancelled)
        return Outcome(Ending.RETURNED)


class ThreadExecution:
    """Runs a kernel's code in one new thread, which does not keep the program from ending."""

    __slots__ = (
        "__weakref__",
        "_code",
        "_context",
        "_ended",
        "_loop",
        "_on_end",
        "_thread",
        "_venue",
    )

    def __init__(
        self,
        name: str,
        venue: _ThreadVenue,
        code: Callable[[], Any],
        on_end: Callable[[Outcome], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """`on_end` is called on `loop`, or in the thread where that loop is closed by then."""
        self._venue = venue
        self._code = code
        self._on_end = on_end
        self._loop = loop
        self._ended = asyncio.Event()
        self._context = copy_context()
        self._thread = Thread(target=self._begin, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread, in a copy of the caller's context.

        Raises:
            RuntimeError: The system gives no more threads.
        """
        self._context = copy_context()
        self._thread.start()
        ending_with_program(self)

    def cancel(self) -> None:
        """Ask the code to stop."""
        self._venue.cancel()

    def join(self, timeout: float) -> None:
        """Block at most `timeout` seconds until the thread has ended."""
        self._thread.join(timeout)

    @property
    def is_current(self) -> bool:
        """Whether the caller runs in this thread."""
        return self._thread.ident == get_ident() and self._thread.is_alive()  # idents come again

    async def wait(self, timeout: float | None) -> bool:
        """Wait at most `timeout` seconds for the end; whether it came."""
        if self._thread.ident is None:
            return True
        return await is_set_within(self._ended, timeout)

    def _begin(self) -> None:
        self._context.run(self._run)  # the end is told in it too, and may start the code again

    def _run(self) -> None:
        try:
            outcome = self._venue.play(self._code)
        except BaseException as error:  # noqa: BLE001 - no loop to be had, say; told as the code's own
            outcome = outcome_of(error)
        if not post(self._loop, self._tell, outcome):
            self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        try:
            self._on_end(outcome)
        finally:
            if not self._loop.is_closed():  # else who waited there was left behind
                self._ended.set()
