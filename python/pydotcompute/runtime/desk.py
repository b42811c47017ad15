"""Where a handler's messages come from and its replies go."""

from asyncio import CancelledError
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from pydotcompute.exceptions import KernelStateError, MessageTypeError
from pydotcompute.execution.venue import Venue
from pydotcompute.runtime.context import KernelContext

if TYPE_CHECKING:
    from pydotcompute.runtime.kernel import Kernel


class HandlerDesk:
    """A kernel's own end of its mailbox, for code that never sees a context."""

    __slots__ = ("_context", "_kernel")

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self._context: KernelContext[Any, Any] = KernelContext(kernel)

    def take(self) -> Coroutine[Any, Any, Any]:
        """Take the next message, or raise EndOfStream."""
        return self._context.receive()

    async def reply(self, message: object, reply: object) -> None:
        """Answer the message in flight; a reply of a wrong type is an error of that message."""
        if self._kernel.fast.reply(reply):
            return
        try:
            self._kernel.check_output(reply)
        except MessageTypeError as error:
            await self.fail(message, error)
        else:
            try:
                await self._kernel.mailbox.reply(reply, None)
            except KernelStateError:  # given up: it ends as the cancellation it did not heed
                raise CancelledError from None

    async def fail(self, message: object, error: Exception) -> None:
        """Answer the message in flight with an error."""
        try:
            await self._kernel.fail_message(message, error)
        except KernelStateError:
            raise CancelledError from None


class BlockingDesk(HandlerDesk):
    """The same for code that blocks its thread: it can be told to stop between messages only."""

    __slots__ = ("_venue",)

    def __init__(self, kernel: "Kernel", venue: Venue) -> None:
        super().__init__(kernel)
        self._venue = venue

    async def take(self) -> Any:
        """Take the next message, or raise EndOfStream; CancelledError where the code is to stop."""
        self._venue.check()
        return await self._kernel.mailbox.take(None)
