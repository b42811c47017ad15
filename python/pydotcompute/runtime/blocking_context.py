"""What a kernel's code sees of its kernel where it runs in a thread and blocks it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Generic

from pydotcompute.checks import check_count, check_timeout
from pydotcompute.execution.venue import Venue, run_blocking
from pydotcompute.runtime.context import KernelView, TIn, TOut

if TYPE_CHECKING:
    from pydotcompute.runtime.kernel import Kernel


class BlockingKernelContext(KernelView, Generic[TIn, TOut]):
    """A kernel's own end of its two queues, for a plain function in a thread of its own.

    The calls are those of `KernelContext`, but they block their thread, without the interpreter
    lock. Threads that the kernel starts may use it too, and are served first come, first served.
    A cancellation of the kernel comes as `asyncio.CancelledError` out of the call that waits, or
    out of the next one; a message is then neither taken nor sent.
    """

    __slots__ = ("_venue",)

    def __init__(self, kernel: "Kernel", venue: Venue) -> None:
        """Contexts are made by the runtime."""
        super().__init__(kernel)
        self._venue = venue

    def receive(self, *, timeout: float | None = None) -> TIn:
        """Take the next message; as `KernelContext.receive()`, blocking."""
        self._venue.check()
        message: TIn = run_blocking(self._kernel.mailbox.take(check_timeout(timeout)))
        return message

    def receive_batch(self, max_messages: int, *, timeout: float | None = None) -> list[TIn]:
        """Take one to `max_messages` messages; as `KernelContext.receive_batch()`, blocking."""
        most = check_count(max_messages, "max_messages")
        self._venue.check()
        return run_blocking(self._kernel.mailbox.take_batch(most, check_timeout(timeout)))

    def send(self, message: TOut, *, timeout: float | None = None) -> None:
        """Put a reply into the output queue; as `KernelContext.send()`, blocking."""
        self._kernel.check_output(message)
        self._venue.check()
        run_blocking(self._kernel.mailbox.reply(message, check_timeout(timeout)))

    def send_batch(self, messages: Iterable[TOut], *, timeout: float | None = None) -> int:
        """Put replies into the output queue; as `KernelContext.send_batch()`, blocking."""
        seconds = check_timeout(timeout)
        batch = tuple(messages)
        self._venue.check()
        return run_blocking(self._kernel.reply_batch(batch, seconds))

    def wait_active(self) -> None:
        """Block until the kernel is ACTIVE, or winding down."""
        self._venue.check()
        run_blocking(self._kernel.wait_active())
