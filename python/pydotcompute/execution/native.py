"""Kernels that run in a native thread, without the interpreter."""

import asyncio
from collections.abc import Callable
from itertools import islice
from typing import Any, Final

from pydotcompute._core import Bell, FastPath, NativeWorker, RecordMailbox
from pydotcompute.execution.exiting import ending_with_program
from pydotcompute.execution.venue import Ending, Lines, Outcome, is_set_within
from pydotcompute.execution.waiting import SharedWaitQueue

_EXITING_SECONDS: Final = 1.0


class LoopBell:
    """What tells one event loop of its native workers: one file, watched as long as any runs."""

    __slots__ = ("_answers", "_bell", "_loop", "_next")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch a new file."""
        self._bell = Bell()
        self._loop = loop
        self._answers: dict[int, Callable[[], None]] = {}
        self._next = 0
        loop.add_reader(self._bell.fileno(), self._answer)

    def start(self, worker: NativeWorker, answer: Callable[[], None]) -> int:
        """Start a worker, and call `answer` on the loop whenever it rings; the key to leave by."""
        key, self._next = self._next, self._next + 1
        self._answers[key] = answer
        try:
            worker.start(self._bell, key)
        except BaseException:
            self.leave(key)
            raise
        return key

    def leave(self, key: int) -> None:
        """Hear of this worker no more."""
        del self._answers[key]
        if not self._answers and not self._loop.is_closed():
            self._loop.remove_reader(self._bell.fileno())
            _bells.pop(self._loop, None)

    def _answer(self) -> None:
        for key in self._bell.answer():
            answer = self._answers.get(key)
            if answer is not None:
                answer()


_bells: Final[dict[asyncio.AbstractEventLoop, LoopBell]] = {}
"""Of loops with native workers; those of closed loops until the next worker starts."""


def bell_of(loop: asyncio.AbstractEventLoop) -> LoopBell:
    """Give the bell of a loop, made where there is none."""
    for other in [other for other in tuple(_bells) if other.is_closed()]:
        _bells.pop(other, None)
    if loop not in _bells:
        _bells[loop] = LoopBell(loop)
    return _bells[loop]


class ReplyLine(SharedWaitQueue):
    """The tasks that wait for replies of one native kernel; as many are woken as there are replies.

    Woken one after the other, by whoever has got a reply, they would need a turn of the loop each,
    and meanwhile everybody else would have to wait behind them.
    """

    __slots__ = ("_reply_count",)

    def __init__(self, loop: asyncio.AbstractEventLoop, reply_count: Callable[[], int]) -> None:
        """`reply_count` tells how many replies there are."""
        super().__init__(loop)
        self._reply_count = reply_count

    def wake_next(self) -> None:
        """Let the first in line try again, and one more for each further reply."""
        if self.line and not self.line[0].is_woken:
            for place in tuple(islice(self.line, max(1, self._reply_count()))):
                place.wake()

    def pass_on(self) -> None:
        """Let the first in line try again, on behalf of one who leaves, be it with its loop."""
        if not self._loop.is_closed():
            self.wake_next()


class NativeVenue:
    """A native thread beside the runtime's event loop."""

    __slots__ = ("_loop", "_worker", "lines", "on_news")

    blocks = False

    def __init__(
        self, loop: asyncio.AbstractEventLoop, worker: NativeWorker, core: RecordMailbox
    ) -> None:
        self._loop = loop
        self._worker = worker
        self.lines = Lines(
            input_space=SharedWaitQueue(loop),
            input_ready=SharedWaitQueue(loop),
            output_ready=ReplyLine(loop, lambda: core.output_depth),
            output_space=SharedWaitQueue(loop),
            activation=SharedWaitQueue(loop),
        )
        self.on_news: Callable[[], None] = self.lines.activation.wake_all
        """Called on the loop whenever the worker has rung."""

    def execution(
        self,
        name: str,  # noqa: ARG002 - as other venues: there a task or a thread is called that
        code: Callable[[], Any],  # noqa: ARG002 - and has Python code to run
        on_end: Callable[[Outcome], None],
    ) -> "NativeExecution":
        """Make ready to run the worker's thread."""
        return NativeExecution(self._worker, self._loop, self.on_news, on_end)

    def attach(self, fast: FastPath) -> None:
        """Nothing: no caller runs native code."""

    def check(self) -> None:
        """Nothing: the code waits nowhere in Python."""

    def tell(self, callback: Callable[[], object]) -> None:
        """Run a callback on the runtime's loop, where the bell is answered."""
        callback()


class NativeExecution:
    """Runs a native worker's thread, which does not keep the program from ending."""

    __slots__ = (
        "__weakref__",
        "_ended",
        "_is_started",
        "_is_stopped",
        "_key",
        "_loop",
        "_on_end",
        "_on_news",
        "_worker",
    )

    def __init__(
        self,
        worker: NativeWorker,
        loop: asyncio.AbstractEventLoop,
        on_news: Callable[[], None],
        on_end: Callable[[Outcome], None],
    ) -> None:
        """`on_end` is called on `loop`, once."""
        self._worker = worker
        self._loop = loop
        self._on_news = on_news
        self._on_end = on_end
        self._ended = asyncio.Event()
        self._is_started = self._is_stopped = False
        self._key = 0

    def start(self) -> None:
        """Start the thread.

        Raises:
            RuntimeError: The system gives no more threads, or no more files.
        """
        try:
            self._key = bell_of(self._loop).start(self._worker, self._answer)
        except OSError as error:
            message = f"no way to hear of a native kernel: {error}"
            raise RuntimeError(message) from error
        self._is_started = True
        ending_with_program(self)

    def cancel(self) -> None:
        """Ask the thread to stop before its next message."""
        self._is_stopped = True
        self._worker.stop()

    def join(self, timeout: float) -> None:
        """Block at most `timeout` seconds until the thread has ended."""
        if self._is_started:
            self._worker.join(timeout)

    @property
    def is_current(self) -> bool:
        """Whether the caller is that code: never, for it is no Python."""
        return False

    async def wait(self, timeout: float | None) -> bool:
        """Wait at most `timeout` seconds for the end; whether it came."""
        if not self._is_started:
            return True
        return await is_set_within(self._ended, timeout)

    def _answer(self) -> None:
        if not self._worker.has_ended:
            self._on_news()
        elif not self._ended.is_set():
            self._worker.join(_EXITING_SECONDS)  # it is on its way out: its memory is given back
            bell_of(self._loop).leave(self._key)
            try:
                self._on_end(Outcome(Ending.CANCELLED if self._is_stopped else Ending.RETURNED))
            finally:
                self._ended.set()
