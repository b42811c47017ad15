"""A kernel's own ends of its two queues, which can be waited at."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

from pydotcompute._core import ACCEPTED, CLOSED, EMPTY, END, FULL, FastPath, ObjectMailbox
from pydotcompute.exceptions import EndOfStream, QueueFullTimeoutError, QueueTimeoutError
from pydotcompute.execution.row import in_a_row
from pydotcompute.execution.venue import Lines, Owner
from pydotcompute.execution.waiting import WAIT, Expired
from pydotcompute.options import LaunchOptions

DONE: Final = True
"""What an attempt gives that moved a message and has nothing to show for it."""


class KernelEnd:
    """What the kernel asks of its mailbox: messages to take, and room for its replies.

    Belongs to the place where the kernel waits.
    """

    __slots__ = (
        "_core",
        "_input_ready",
        "_input_space",
        "_kernel_id",
        "_output_queue_size",
        "_output_ready",
        "_output_space",
        "_owner",
        "_queue_size",
        "fast",
    )

    def __init__(
        self,
        core: ObjectMailbox,
        fast: FastPath,
        owner: Owner,
        options: LaunchOptions,
        lines: Lines,
    ) -> None:
        """Make the ends of an open mailbox of the kernel that is its owner."""
        self._core = core
        self._owner = owner
        self._kernel_id = owner.id
        self._queue_size = options.queue_size
        self._output_queue_size = options.output_queue_size
        self._input_ready = lines.input_ready
        self._input_space = lines.input_space
        self._output_ready = lines.output_ready
        self._output_space = lines.output_space
        self.fast = fast
        """The calls that do not wait, each of them one call."""

    def take(self, timeout: float | None) -> Coroutine[Any, Any, Any]:
        """Get the next message; asking ends the ones in flight."""
        return self._take(None, timeout)

    def take_batch(
        self, max_messages: int, timeout: float | None
    ) -> Coroutine[Any, Any, list[Any]]:
        """Get one to `max_messages` messages; asking ends the ones in flight."""
        return self._take(min(max_messages, self._queue_size), timeout)  # more there cannot be

    def take_late(self, timeout: float | None) -> QueueTimeoutError:
        """Make the error for a kernel that got no message in time."""
        return QueueTimeoutError(timeout, self._kernel_id)

    def tell_quiet(self) -> None:
        """Tell who watches that the kernel may have become quiet."""
        self._owner.tell_quiet()

    def wake_sender(self) -> None:
        """Let who waits for room in the input queue try again."""
        self._input_space.wake_next()

    def wake_taker(self) -> None:
        """Let who waits in line for a message try again."""
        self._input_ready.wake_next()

    async def reply(self, message: object, timeout: float | None) -> None:
        """Put a reply into the output queue, waiting for room."""
        if not self._output_space.line and self._reply(message) is not WAIT:
            return
        try:
            await self._output_space.until(lambda: self._reply(message), timeout)
        except Expired:
            raise QueueFullTimeoutError(self._output_queue_size, timeout, self._kernel_id) from None

    async def fail(self, error: Exception, *, counted: bool) -> None:
        """Put an error in the place of a reply, waiting for room."""
        fail = partial(self._core.fail, counted=counted)

        def attempt() -> object:
            return self._put(fail, error)

        if self._output_space.line or attempt() is WAIT:
            await self._output_space.until(attempt, None)

    async def reply_batch(
        self, messages: tuple[object, ...], timeout: float | None, sent: int = 0
    ) -> int:
        """Reply from the one at `sent` on; how many of all were sent."""
        return await in_a_row(self.reply, self.fast.reply_batch, messages, timeout, sent)

    # One attempt each: no suspension between moving a message and returning it.

    async def _take(self, most: int | None, timeout: float | None) -> Any:
        """Take a message or, where `most` is given, a list."""
        # Who comes second waits in line, but its asking still ends what is in flight.
        taken = self._ask(0 if self._input_ready else most)
        if taken is WAIT:
            try:
                # No closure: its cells would be there for all kernels that end at once.
                taken = await self._input_ready.until(partial(self._ask, most, again=True), timeout)
            except Expired:
                raise self.take_late(timeout) from None
        if taken is END:
            await self._input_ready.turn()  # a bare `except: continue` must not stop the others
            raise EndOfStream(self._kernel_id)
        return taken

    def _ask(self, most: int | None, *, again: bool = False) -> Any:
        core = self._core
        try:
            taken = core.take(again=again) if most is None else core.take_batch(most, again=again)
            if taken is not EMPTY:
                self._input_space.wake_next()
                return taken
        except BaseException:  # an interrupt, after the message was taken perhaps
            self._input_space.call_next()
            raise
        self._owner.tell_quiet()
        return WAIT

    def _reply(self, message: object) -> object:
        return self._put(self._core.reply, message)

    def _put(self, put: Callable[[Any], int], reply: object) -> object:
        try:
            code = put(reply)
            if code != CLOSED:
                self._owner.tell_quiet()
            if code == ACCEPTED:
                self._output_ready.wake_next()
                return DONE
        except BaseException:  # an interrupt, after the reply was made perhaps
            self._output_ready.call_next()
            raise
        if code == FULL:
            return WAIT
        raise self._owner.refusal()
