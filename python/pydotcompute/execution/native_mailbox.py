"""The mailbox of a native kernel, as its callers use it."""

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any

from pydotcompute._core import (
    EMPTY,
    BusyError,
    ClosedError,
    ErrorReply,
    NativePath,
    NativeWorker,
    RecordMailbox,
    loop_turned,
)
from pydotcompute.device.native_kernel import NativeKernel
from pydotcompute.exceptions import (
    KernelExecutionError,
    PyDotComputeError,
    QueueEmptyError,
    QueueFullError,
    QueueFullTimeoutError,
    QueueTimeoutError,
)
from pydotcompute.execution.venue import Lines
from pydotcompute.execution.waiting import WAIT, Expired
from pydotcompute.options import BackpressureStrategy, LaunchOptions


class NativeMailbox:
    """The calls of `RecordMailbox` for callers, made to wait where they cannot be served at once.

    Callers are tasks of one event loop, and whoever sends from elsewhere. As in `WaitingMailbox`,
    one call that does not wait moves and counts, so a cancelled wait has done neither.
    """

    def __init__(
        self,
        core: RecordMailbox,
        worker: NativeWorker,
        kernel: NativeKernel,
        *,
        kernel_id: str,
        options: LaunchOptions,
        refusal: Callable[[], Exception],
        tell_quiet: Callable[[], None],
        lines: Lines,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Make an open mailbox; the rest is as for `WaitingMailbox`."""
        self._core = core
        self._worker = worker
        self._messages = kernel.input_form
        self._replies = kernel.output_form
        self._kernel_id = kernel_id
        self._queue_size = options.queue_size
        self._output_queue_size = options.output_queue_size
        self._rejects = options.backpressure is BackpressureStrategy.REJECT
        self._refusal = refusal
        self._tell_quiet = tell_quiet
        self._input_space = lines.input_space
        self._output_ready = lines.output_ready
        self._output_open = True
        self._process_id = os.getpid()
        self.fast = NativePath(
            core,
            worker,
            home=loop,
            input_space=lines.input_space.line,
            output_ready=lines.output_ready.line,
            messages=kernel.input_form.layout,
            replies=kernel.output_form.layout,
        )
        """The calls that wait no longer than a moment, each of them one call."""

    @property
    def is_quiet(self) -> bool:
        """Whether the kernel has nothing to do, or waits for room in its output queue."""
        self._worker.want_rest()  # who looks wants to be told when that changes
        if self._core.is_idle:
            return True
        is_full = self._core.output_depth >= self._output_queue_size
        return is_full and self._worker.is_blocked

    @property
    def last_error(self) -> str | None:
        """The newest error that the handler told of; may be read from any thread."""
        code = self._worker.last_error
        return None if code is None else _text_of(code)

    def hear(self) -> None:
        """Something has changed at the worker's side: let those who wait try again."""
        self._input_space.wake_next()
        self._output_ready.wake_next()
        self._tell_quiet()

    # Callers' ends.

    async def send(self, message: object, timeout: float | None) -> None:
        """Put a message into the input queue, waiting for room where the strategy says so."""
        record = self._messages.pack(message, self._kernel_id)
        if not self._input_space.line and self._offer(record) is not WAIT:
            return
        await self._offer_in_line(record, timeout)

    async def send_batch(self, messages: Iterable[Any], timeout: float | None) -> int:
        """Send in a row; how many were accepted. Every message is checked before the first."""
        records = self._messages.pack_all(messages, self._kernel_id)
        if self._rejects:
            return self._put(records, refuse=True)
        sent = 0 if self._input_space.line else self._put(records)
        while sent < len(records):
            try:
                sent += await self._offer_in_line(records[sent:], timeout)
            except QueueFullTimeoutError:
                break
            except PyDotComputeError:
                if sent == 0:
                    raise
                break
        return sent

    def send_nowait(self, message: object, *, elsewhere: bool = False) -> None:  # noqa: ARG002 - the worker is woken the same way
        """Put a message into the input queue; `elsewhere`: from whatever thread this is.

        Raises:
            QueueFullError: No room.
        """
        record = self._messages.pack(message, self._kernel_id)
        if not self._put(record, refuse=True):
            raise QueueFullError(self._queue_size, self._kernel_id)

    def send_from_elsewhere(self, message: object) -> bool:
        """Put a message into the input queue, from any thread; False where it has to wait."""
        record = self._messages.pack(message, self._kernel_id)
        return not self._input_space.line and self._offer(record) is not WAIT

    async def receive(self, timeout: float | None) -> Any:
        """Get the oldest reply."""
        if self.fast.is_turn_due():
            await self._turn()
            reply = self.fast.receive()
            if reply is not EMPTY:
                return reply
        return self._replies.unpack(await self._receive(1, timeout))

    async def receive_batch(self, max_messages: int, timeout: float | None) -> Any:
        """Get one to `max_messages` of the oldest replies, as one structured array."""
        if self.fast.is_turn_due():
            await self._turn()
        return await self._receive(max_messages, timeout)

    async def send_and_receive(self, message: object, timeout: float | None) -> Any:
        """Send a message, then get the oldest reply: callers are served in the order they sent."""
        deadline = None if timeout is None else monotonic() + timeout
        if self.fast.is_turn_due():
            await self._turn()
        if not self.fast.send(message):
            await self.send(message, timeout)
        reply = self.fast.receive()
        if reply is not EMPTY:
            return reply
        left = None if deadline is None else max(0.0, deadline - monotonic())
        try:  # in line at once, before whoever sends next
            return self._replies.unpack(await self._receive(1, left))
        except QueueTimeoutError:
            raise QueueTimeoutError(timeout, self._kernel_id) from None

    def receive_nowait(self) -> Any:
        """Get the oldest reply.

        Raises:
            QueueEmptyError: There is none.
        """
        replies = self._collect(1)
        if replies is WAIT:
            raise QueueEmptyError(self._kernel_id)
        return self._replies.unpack(replies)

    # Opening and closing.

    def resume(self) -> None:
        """Hand messages out."""
        if self._is_here():
            self._core.resume()

    def pause(self) -> None:
        """Hand no messages out; what the worker took goes on."""
        self._core.pause()

    def close_input(self) -> None:
        """Refuse further messages; lift a pause, so that the kernel meets the end of its input."""
        if self._is_here():
            self._core.close_input()
            self._core.resume()
        self._input_space.wake_all()

    def close_output(self) -> None:
        """Refuse further replies; callers get those made, then the refusal."""
        self._output_open = False
        if self._is_here():
            self._core.close_output()
        self._output_ready.wake_all()

    # Inside. One attempt each: no suspension between moving records and returning.

    def _is_here(self) -> bool:
        """In a forked child there is no worker, but perhaps a lock that it held."""
        return self._process_id == os.getpid()

    def _put(self, records: Any, *, refuse: bool = False) -> int:
        while True:
            try:
                return self._core.offer(records, refuse=refuse)
            except ClosedError:
                raise self._refusal() from None
            except BusyError:  # another thread copies a large batch; let it
                time.sleep(0)

    def _offer(self, records: Any) -> Any:
        count = self._put(records, refuse=self._rejects)
        if count == 0 and self._rejects:
            raise QueueFullError(self._queue_size, self._kernel_id)
        return count or WAIT

    def _offer_and_want(self, records: Any) -> Any:
        self._worker.want_room()
        return self._offer(records)

    async def _offer_in_line(self, records: Any, timeout: float | None) -> int:
        attempt = self._offer_and_want
        try:
            count: int = await self._input_space.until(lambda: attempt(records), timeout)
        except Expired:
            raise QueueFullTimeoutError(self._queue_size, timeout, self._kernel_id) from None
        return count

    def _collect(self, most: int) -> Any:
        """Collect up to `most` replies: an array, or WAIT."""
        room = self._replies.room_for(min(most, max(1, self._core.output_depth)))
        collected = self._core.collect(room)
        if collected is EMPTY:
            if self._output_open:
                return WAIT
            raise self._refusal()
        if type(collected) is ErrorReply:
            error = KernelExecutionError(self._kernel_id, _text_of(collected.error))
            error.error_code = collected.error
            raise error
        return room if collected == len(room) else room[:collected]

    def _collect_or_want(self, most: int) -> Any:
        replies = self._collect(most)
        if replies is WAIT and self.fast.has_reply_soon():
            replies = self._collect(most)
        if replies is WAIT:
            self._worker.want_reply()
            replies = self._collect(most)
        return replies

    async def _receive(self, most: int, timeout: float | None) -> Any:
        if not self._output_ready.line:
            replies = self._collect(most)
            if replies is not WAIT:
                return replies
        try:
            return await self._output_ready.until(lambda: self._collect_or_want(most), timeout)
        except Expired:
            raise QueueTimeoutError(timeout, self._kernel_id) from None

    async def _turn(self) -> None:
        await asyncio.sleep(0)
        loop_turned()


def _text_of(code: int) -> str:
    return f"its handler returned the error code {code}"
