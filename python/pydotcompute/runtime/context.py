"""What a kernel's code sees of its kernel."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from pydotcompute._core import EMPTY, PARK
from pydotcompute.checks import check_count, check_timeout
from pydotcompute.exceptions import InvalidTypeError
from pydotcompute.options import KernelState

if TYPE_CHECKING:
    from pydotcompute.runtime.kernel import Kernel

TIn = TypeVar("TIn")
TOut = TypeVar("TOut")

_ACTIVE: Final = KernelState.ACTIVE
"""Loops ask for it once a message, and to name a member takes CPython 3.11 80 ns."""


class KernelView:
    """What every kernel's code may ask and say without waiting."""

    __slots__ = ("_kernel",)

    def __init__(self, kernel: "Kernel") -> None:
        """Contexts are made by the runtime."""
        self._kernel = kernel

    def __repr__(self) -> str:
        """Name the kernel and its state."""
        return f"{type(self).__name__}({self.kernel_id!r}, {self.state.value})"

    @property
    def kernel_id(self) -> str:
        """The kernel's id."""
        return self._kernel.id

    @property
    def state(self) -> KernelState:
        """The kernel's state."""
        return self._kernel.state

    @property
    def is_active(self) -> bool:
        """Whether the kernel is ACTIVE."""
        return self._kernel.state is _ACTIVE and not self._kernel.is_ending

    @property
    def should_terminate(self) -> bool:
        """Whether the kernel is to wind down."""
        return self._kernel.is_ending

    def request_termination(self) -> None:
        """Wind this kernel down, as `runtime.terminate()` would; does not wait. From any thread."""
        self._kernel.ask_for_termination()

    def record_error(self, exc: BaseException) -> None:
        """Count an error, and let the oldest message in flight without one end in error.

        The same exception object raised afterwards is not counted again.

        Raises:
            InvalidTypeError: `exc` is not an exception.
            KernelStateError: The kernel has ended.
        """
        if not isinstance(exc, BaseException):
            kind = type(exc).__name__
            message = f"record_error() takes an exception object, got {exc!r} ({kind})"
            raise InvalidTypeError(message)
        self._kernel.record_error(exc)


class KernelContext(KernelView, Generic[TIn, TOut]):
    """A kernel's own end of its two queues, for code that awaits.

    Belongs to the event loop that the kernel runs on: the runtime's, or that of its own thread.
    The kernel's child tasks may use it too. Every wait may be cancelled: a message is then neither
    taken nor sent.
    """

    __slots__ = ("_fast",)

    def __init__(self, kernel: "Kernel") -> None:
        """Contexts are made by the runtime."""
        super().__init__(kernel)
        self._fast = kernel.fast

    async def receive(self, *, timeout: float | None = None) -> TIn:
        """Take the next message. Asking ends the message taken before, also where this times out.

        Args:
            timeout: Seconds to wait; 0 for one try; None for ever. Goes on running while the
                kernel is deactivated.

        Raises:
            QueueTimeoutError: No message in time.
            EndOfStream: The kernel winds down and every queued message was handed out.
            InvalidArgumentError: `timeout` is negative or not a number.
        """
        fast = self._fast
        if timeout is None:
            message = fast.take()
        else:
            timeout = check_timeout(timeout, required=True)
            message = fast.take_within(timeout)
        while message is PARK:  # as in receive_batch(), without a call in between
            try:
                await fast
            except BaseException:
                fast.leave()
                raise
            message = fast.take_again()
        if message is EMPTY:
            message = await self._kernel.mailbox.take(timeout)
        return message  # type: ignore[no-any-return]

    async def receive_batch(
        self,
        max_messages: int,
        *,
        timeout: float | None = None,
    ) -> list[TIn]:
        """Take one to `max_messages` messages; all are in flight, and each reply ends the oldest.

        Raises:
            QueueTimeoutError: No message in time.
            EndOfStream: The kernel winds down and every queued message was handed out.
            InvalidArgumentError: `max_messages` is below 1, or `timeout` negative or not a number.
            InvalidTypeError: `max_messages` is not an int.
        """
        most = min(check_count(max_messages, "max_messages"), self._kernel.queue_size)
        seconds = check_timeout(timeout)
        fast = self._fast
        batch = fast.take_batch(most, seconds)
        while batch is PARK:
            try:
                await fast
            except BaseException:
                fast.leave()
                raise
            batch = fast.take_again()
        if batch is EMPTY:
            batch = await self._kernel.mailbox.take_batch(most, seconds)
        return batch  # type: ignore[no-any-return]

    async def send(self, message: TOut, *, timeout: float | None = None) -> None:
        """Put a reply into the output queue; it answers the oldest message in flight.

        Args:
            message: The reply.
            timeout: Seconds to wait for room; 0 for one try; None for ever.

        Raises:
            QueueFullTimeoutError: No room in time.
            MessageTypeError: The kernel declared another output type.
            KernelStateError: The kernel has ended, or was given up.
            InvalidArgumentError: `timeout` is negative or not a number.
        """
        if timeout is not None:
            timeout = check_timeout(timeout)
        if not self._fast.reply(message):
            self._kernel.check_output(message)
            await self._kernel.mailbox.reply(message, timeout)

    async def send_batch(self, messages: Iterable[TOut], *, timeout: float | None = None) -> int:
        """Put replies into the output queue one after the other; see `send()`.

        All types are checked before any reply is sent. `timeout` is for each reply anew.

        Returns:
            How many were put there: fewer where there was no room in time.

        Raises:
            As `send()`, but no QueueFullTimeoutError, and the rest only where none was put there.
        """
        seconds = check_timeout(timeout)
        return await self._kernel.reply_batch(tuple(messages), seconds)

    async def wait_active(self) -> None:
        """Wait until the kernel is ACTIVE, or winding down."""
        await self._kernel.wait_active()
