"""A kernel's own ends of its two queues, which can be waited at."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from pydotcompute._core import CLOSED, EMPTY, END, FULL, FastPath, ObjectMailbox
from pydotcompute.exceptions import EndOfStream, QueueFullTimeoutError, QueueTimeoutError
from pydotcompute.execution.row import in_a_row
from pydotcompute.execution.venue import Lines
from pydotcompute.execution.waiting import WAIT, Expired

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
        "_queue_size",
        "_refusal",
        "_take_again",
        "fast",
        "tell_quiet",
    )

    def __init__(
        self,
        core: ObjectMailbox,
        fast: FastPath,
        *,
        kernel_id: str,
        queue_size: int,
        output_queue_size: int,
        refusal: Callable[[], Exception],
        tell_quiet: Callable[[], None],
        lines: Lines,
    ) -> None:
        """Make the ends of an open mailbox; `WaitingMailbox` says what the parts are."""
        self._core = core
        self._take_again = partial(core.take, again=True)
        self._kernel_id = kernel_id
        self._queue_size = queue_size
        self._output_queue_size = output_queue_size
        self._refusal = refusal
        self._input_ready = lines.input_ready
        self._input_space = lines.input_space
        self._output_ready = lines.output_ready
        self._output_space = lines.output_space
        self.tell_quiet = tell_quiet
        self.fast = fast
        """The calls that do not wait, each of them one call."""

    async def take(self, timeout: float | None) -> Any:
        """Get the next message; asking ends the ones in flight."""
        return await self._take(self._core.take, self._take_again, timeout)

    async def take_batch(self, max_messages: int, timeout: float | None) -> list[Any]:
        """Get one to `max_messages` messages; asking ends the ones in flight."""
        most = min(max_messages, self._queue_size)  # more there cannot be
        take_batch = self._core.take_batch
        batch: list[Any] = await self._take(
            lambda: take_batch(most), lambda: take_batch(most, again=True), timeout
        )
        return batch

    def take_late(self, timeout: float | None) -> QueueTimeoutError:
        """Make the error for a kernel that got no message in time."""
        return QueueTimeoutError(timeout, self._kernel_id)

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

        def attempt() -> object:
            return self._sent(self._core.fail(error, counted=counted))

        if self._output_space.line or attempt() is WAIT:
            await self._output_space.until(attempt, None)

    async def reply_batch(
        self, messages: tuple[object, ...], timeout: float | None, sent: int = 0
    ) -> int:
        """Reply from the one at `sent` on; how many of all were sent."""
        return await in_a_row(self.reply, self.fast.reply_batch, messages, timeout, sent)

    # One attempt each: no suspension between moving a message and returning it.

    async def _take(
        self, ask: Callable[[], Any], ask_again: Callable[[], Any], timeout: float | None
    ) -> Any:
        # Who comes second waits in line, but its asking still ends what is in flight.
        taken = self._ask((lambda: self._core.take_batch(0)) if self._input_ready else ask)
        if taken is WAIT:
            try:
                taken = await self._input_ready.until(lambda: self._ask(ask_again), timeout)
            except Expired:
                raise self.take_late(timeout) from None
        if taken is END:
            await self._input_ready.turn()  # a bare `except: continue` must not stop the others
            raise EndOfStream(self._kernel_id)
        return taken

    def _ask(self, ask: Callable[[], object]) -> object:
        taken = ask()
        if taken is EMPTY:
            self.tell_quiet()
            return WAIT
        if taken is not END:
            self._input_space.wake_next()
        return taken

    def _reply(self, message: object) -> object:
        return self._sent(self._core.reply(message))

    def _sent(self, code: int) -> object:
        if code == CLOSED:
            raise self._refusal()
        self.tell_quiet()
        if code == FULL:
            return WAIT
        self._output_ready.wake_next()
        return DONE
