"""A queue that programs make for themselves."""

import asyncio
from asyncio import _get_running_loop  # None, no error, where no loop runs
from typing import Any, Final, Generic, TypeVar

from pydotcompute._core import ACCEPTED, EMPTY, ObjectQueue, PriorityError
from pydotcompute.checks import check_queue_size, check_timeout
from pydotcompute.exceptions import (
    InvalidTypeError,
    MessageValidationError,
    QueueFullError,
    QueueFullTimeoutError,
    QueueTimeoutError,
    WrongLoopError,
)
from pydotcompute.execution.waiting import WAIT, Expired, WaitQueue
from pydotcompute.options import BackpressureStrategy, check_backpressure

T = TypeVar("T")

_DONE: Final = True


class MessageQueue(Generic[T]):
    """A bounded queue of messages: highest priority first, equal ones in order of arrival.

    Instances of a message class have the priority they carry, all else has 128. None is no
    message, because it is what an empty queue answers to `get_nowait()` and `peek()`.

    Belongs to the event loop of its first `put()` or `get()`, which any number of its tasks may
    call; whoever waits is served first come, first served, and may be cancelled: a message is then
    neither put nor taken. Until then, and while that loop does not run, the calls that do not wait
    may come from anywhere. What only reads may always be called from any thread.
    """

    __slots__ = ("__weakref__", "_backpressure", "_core", "_loop", "_max_size", "_ready", "_space")

    def __init__(
        self,
        max_size: int = 1000,
        backpressure: BackpressureStrategy | str = BackpressureStrategy.BLOCK,
    ) -> None:
        """Make an empty queue.

        Args:
            max_size: Its bound, 1 to 2**24 messages.
            backpressure: What a put does when there is no room: wait, raise QueueFullError, or
                drop the oldest message of the lowest priority, the new one included.

        Raises:
            InvalidArgumentError, InvalidTypeError: An argument is out of range or of a wrong type.
        """
        self._max_size = check_queue_size(max_size, "max_size")
        self._backpressure = check_backpressure(backpressure)
        drops = self._backpressure is BackpressureStrategy.DROP_OLDEST
        self._core = ObjectQueue(self._max_size, drop_oldest=drops)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready: WaitQueue | None = None
        self._space: WaitQueue | None = None

    def __repr__(self) -> str:
        """Say how full it is, and what happens when it is."""
        return f"<MessageQueue {self.size} of {self._max_size}, {self._backpressure.value}>"

    # Putting.

    async def put(self, message: T, *, timeout: float | None = None) -> None:
        """Put a message into the queue.

        Args:
            message: Any object but None; it travels by reference.
            timeout: Seconds to wait for room under BLOCK; 0 for one try; None for ever.

        Raises:
            QueueFullTimeoutError: No room in time; a QueueFullError too.
            QueueFullError: No room, under REJECT.
            InvalidTypeError: The message is None.
            MessageValidationError: The message's priority is not an int from 0 to 255.
            InvalidArgumentError: `timeout` is negative or not a number.
            WrongLoopError: The queue belongs to another event loop.
        """
        seconds = check_timeout(timeout)
        _, space = self._lines()
        if not space and self._offer(message) is not WAIT:
            return
        try:
            await space.until(lambda: self._offer(message), seconds)
        except Expired:
            raise QueueFullTimeoutError(self._max_size, seconds) from None

    def put_nowait(self, message: T) -> None:
        """Put a message into the queue; as `put()`, but without room at once QueueFullError."""
        self._check_loop()
        if self._offer(message) is WAIT:
            raise QueueFullError(self._max_size)

    # Getting.

    async def get(self, *, timeout: float | None = None) -> T:
        """Take the oldest message of the highest priority.

        Args:
            timeout: Seconds to wait for one; 0 for one try; None for ever.

        Raises:
            QueueTimeoutError: No message in time; a TimeoutError too.
            InvalidArgumentError: `timeout` is negative or not a number.
            WrongLoopError: The queue belongs to another event loop.
        """
        seconds = check_timeout(timeout)
        ready, _ = self._lines()
        taken: Any = WAIT if ready else self._take()
        if taken is WAIT:
            try:
                taken = await ready.until(self._take, seconds)
            except Expired:
                raise QueueTimeoutError(seconds) from None
        message: T = taken
        return message

    def get_nowait(self) -> T | None:
        """Take the oldest message of the highest priority, or give None where there is none.

        Raises:
            WrongLoopError: The queue belongs to another event loop.
        """
        self._check_loop()
        taken = self._take()
        message: T | None = None if taken is WAIT else taken
        return message

    def peek(self) -> T | None:
        """Show the message that `get()` would take and leave it, or give None; from any thread."""
        found = self._core.peek()
        message: T | None = None if found is EMPTY else found
        return message

    def clear(self) -> int:
        """Throw every message away, and make room for those who wait for it.

        Returns:
            How many messages there were.

        Raises:
            WrongLoopError: The queue belongs to another event loop.
        """
        self._check_loop()
        count = self._core.clear()
        self._wake(self._space)
        return count

    # Reading; from any thread.

    @property
    def size(self) -> int:
        """How many messages are queued."""
        return self._core.depth

    @property
    def max_size(self) -> int:
        """How many messages there is room for."""
        return self._max_size

    @property
    def is_empty(self) -> bool:
        """Whether nothing is queued."""
        return self._core.depth == 0

    @property
    def is_full(self) -> bool:
        """Whether there is no room."""
        return self._core.depth >= self._max_size

    # One attempt each: no suspension between moving a message and telling of it.

    def _offer(self, message: T) -> object:
        if message is None:
            text = "None cannot be put into a queue: it is what an empty one gives; got None"
            raise InvalidTypeError(text, argument="message", value_type="NoneType")
        try:
            code = self._core.offer(message)
        except PriorityError as reason:
            kind = type(message).__name__
            raise MessageValidationError(kind, "priority", str(reason)) from None
        if code == ACCEPTED:
            self._wake(self._ready)
            return _DONE
        if self._backpressure is BackpressureStrategy.REJECT:
            raise QueueFullError(self._max_size)
        return WAIT

    def _take(self) -> Any:
        taken = self._core.take()
        if taken is EMPTY:
            return WAIT
        self._wake(self._space)
        return taken

    def _wake(self, line: WaitQueue | None) -> None:
        # A closed loop may have left waiters behind, whom nothing wakes any more.
        if line and self._loop is not None and not self._loop.is_closed():
            line.wake_next()

    # The loop.

    def _lines(self) -> tuple[WaitQueue, WaitQueue]:
        """Give the lines for messages and for room; the first call binds the queue to its loop."""
        loop = asyncio.get_running_loop()
        if self._ready is None or self._space is None:
            self._loop, self._ready, self._space = loop, WaitQueue(loop), WaitQueue(loop)
        elif loop is not self._loop:
            raise _wrong_loop()
        return self._ready, self._space

    def _check_loop(self) -> None:
        """Refuse callers that could not wake who waits."""
        if self._loop is None:
            return
        running = _get_running_loop()
        if running is not self._loop and (running is not None or self._loop.is_running()):
            raise _wrong_loop()


def _wrong_loop() -> WrongLoopError:
    message = (
        "a queue is used from the one event loop of its first put() or get(), but that is not the "
        "one that runs here; from elsewhere, pass the call to loop.call_soon_threadsafe()"
    )
    return WrongLoopError(message)
