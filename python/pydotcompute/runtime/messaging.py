"""Messages to and from the kernels of a runtime, from its event loop."""

import asyncio
import os
from asyncio import _get_running_loop  # the C function behind get_running_loop; None, no error
from collections.abc import Iterable
from threading import get_ident
from time import monotonic
from typing import Any

from pydotcompute._core import EMPTY, FastPath
from pydotcompute.checks import check_count, check_timeout
from pydotcompute.exceptions import WrongLoopError
from pydotcompute.runtime.kernel import Kernel
from pydotcompute.runtime.readings import Readings
from pydotcompute.telemetry import TelemetryCollector


class Messaging(Readings):
    """The kernels of a runtime, to send to and receive from.

    Belongs to the event loop it is first used on; what only reads may be called from any thread.
    """

    def __init__(self, collector: TelemetryCollector) -> None:
        """Start without kernels and without a loop."""
        super().__init__(collector)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread_id = self._process_id = 0

    async def send(self, kernel_id: str, message: Any, *, timeout: float | None = None) -> None:
        """Put a message into a kernel's input queue.

        Args:
            kernel_id: The kernel.
            message: Any object; it travels by reference.
            timeout: Seconds to wait for room under BLOCK; 0 for one try; None for ever.

        Raises:
            KernelNotFoundError: No such kernel.
            KernelStateError: It winds down or has ended.
            KernelFailedError: It failed; the cause is its exception.
            QueueFullTimeoutError: No room in time.
            QueueFullError: No room, under REJECT.
            MessageTypeError: The kernel declared another input type.
            MessageValidationError: The message's priority is not an int from 0 to 255.
            InvalidArgumentError: `timeout` is negative or not a number.
            WrongLoopError, RuntimeClosedError: The runtime lives elsewhere, or no more.
        """
        if timeout is not None:
            timeout = check_timeout(timeout)
        try:
            kernel = self._kernels[kernel_id]
        except (KeyError, TypeError):
            kernel = self._find(kernel_id)  # which says what is near
        if not kernel.fast.send(message):
            self._find(kernel_id).check_input(message)
            await kernel.mailbox.send(message, timeout)

    def send_nowait(self, kernel_id: str, message: Any) -> None:
        """Put a message into a kernel's input queue, or raise QueueFullError; else as `send()`."""
        kernel = self._find(kernel_id)
        kernel.check_input(message)
        kernel.mailbox.send_nowait(message)

    async def send_batch(
        self, kernel_id: str, messages: Iterable[Any], *, timeout: float | None = None
    ) -> int:
        """Send messages one after the other; see `send()`.

        Args:
            kernel_id: The kernel.
            messages: The messages, in order. All types are checked before any is sent. For a
                native kernel also a structured array, not to be changed before this returns.
            timeout: Seconds to wait for room, for each message anew.

        Returns:
            How many were accepted: fewer where there was no room in time, or the kernel closed its
            input on the way; under REJECT those that fitted, each other counted as rejected. What
            was accepted stays so where the call is cancelled.

        Raises:
            As `send()`, but no QueueFullError, and the rest only where no message was accepted.
        """
        seconds = check_timeout(timeout)
        kernel = self._find(kernel_id)
        if kernel.takes_records:
            records: Any = messages
            return await kernel.mailbox.send_batch(records, seconds)
        batch = tuple(messages)
        sent = kernel.fast.send_batch(batch)
        if sent < len(batch):
            if sent == 0:
                kernel.check_inputs(batch)
            sent = await kernel.mailbox.send_batch(batch, seconds, sent)
        return sent

    async def receive(self, kernel_id: str, *, timeout: float | None = None) -> Any:
        """Get a kernel's oldest reply.

        Args:
            kernel_id: The kernel.
            timeout: Seconds to wait; 0 for one try; None for ever.

        Raises:
            KernelNotFoundError: No such kernel.
            KernelStateError: It has ended and every reply was received.
            KernelFailedError: It failed and every reply was received.
            KernelExecutionError: In the place of a reply: its handler raised for that message.
            QueueTimeoutError: No reply in time.
            InvalidArgumentError: `timeout` is negative or not a number.
            WrongLoopError, RuntimeClosedError: The runtime lives elsewhere, or no more.
        """
        if timeout is not None:
            timeout = check_timeout(timeout)
        try:
            kernel = self._kernels[kernel_id]
        except (KeyError, TypeError):
            kernel = self._find(kernel_id)
        reply = kernel.fast.receive()
        if reply is EMPTY:
            reply = await self._find(kernel_id).mailbox.receive(timeout)
        return reply

    async def receive_batch(
        self, kernel_id: str, max_messages: int, *, timeout: float | None = None
    ) -> Any:
        """Get one to `max_messages` of a kernel's oldest replies; else as `receive()`.

        Returns:
            A list; of a native kernel a structured array.
        """
        most = check_count(max_messages, "max_messages")
        seconds = check_timeout(timeout)
        kernel = self._find(kernel_id)
        replies = EMPTY if kernel.takes_records else kernel.fast.receive_batch(most)
        if replies is EMPTY:
            replies = await kernel.mailbox.receive_batch(most, seconds)
        return replies

    async def send_and_receive(
        self, kernel_id: str, message: Any, *, timeout: float | None = None
    ) -> Any:
        """Send a message and get the reply to it.

        Where several callers wait at one kernel, the reply whose `correlation_id` is the message's
        `message_id` goes to whoever sent it; other replies go in order. What was accepted stays so
        where the waiting for the reply times out or is cancelled.

        Args:
            kernel_id: The kernel.
            message: The message.
            timeout: Seconds for both together; None for ever.

        Raises:
            As `send()` and `receive()`.
        """
        if timeout is not None:
            timeout = check_timeout(timeout)
        try:
            kernel = self._kernels[kernel_id]
        except (KeyError, TypeError):
            kernel = self._find(kernel_id)
        fast = kernel.fast
        if type(fast) is not FastPath:
            return await self._find(kernel_id).mailbox.send_and_receive(message, timeout)
        deadline = None if timeout is None else monotonic() + timeout
        if not fast.send(message):
            self._find(kernel_id).check_input(message)
            await kernel.mailbox.send(message, timeout)
        reply = fast.receive_answer(message)
        if reply is EMPTY:
            reply = await kernel.mailbox.receive_answer(message, timeout, deadline)
        return reply

    def receive_nowait(self, kernel_id: str) -> Any:
        """Get a kernel's oldest reply, or raise QueueEmptyError; else as `receive()`."""
        return self._find(kernel_id).mailbox.receive_nowait()

    # Inside.

    def _find(self, kernel_id: str) -> Kernel:
        if _get_running_loop() is not self._loop or self._loop is None:  # closed: None
            self._check_loop()
        try:
            return self._kernels[kernel_id]
        except (KeyError, TypeError):
            return self._known(kernel_id)  # which says what is near

    def _check_loop(self) -> asyncio.AbstractEventLoop:
        self.check_open()
        running = _get_running_loop()
        if running is not None and running is self._loop:
            return running
        if running is not None and self._loop is None:
            self._thread_id, self._process_id = get_ident(), os.getpid()
            self._loop = running
            return running
        where = "no event loop runs in this thread" if running is None else "another loop runs here"
        message = (
            f"a runtime is used from the one event loop it was first used on, but {where}; from "
            "other threads use runtime.portal()"
        )
        raise WrongLoopError(message)
