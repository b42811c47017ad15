"""A mailbox whose four ends can be waited at."""

import asyncio
import math
from time import monotonic
from typing import Any, Final
from uuid import UUID

from pydotcompute._core import (
    ACCEPTED,
    EMPTY,
    FULL,
    ErrorReply,
    FastPath,
    ObjectMailbox,
    PriorityError,
)
from pydotcompute.exceptions import (
    MessageValidationError,
    PyDotComputeError,
    QueueEmptyError,
    QueueFullError,
    QueueFullTimeoutError,
    QueueTimeoutError,
)
from pydotcompute.execution.correlation import NOT_HERE, Caller, Expectations, message_id_of
from pydotcompute.execution.kernel_end import DONE, KernelEnd
from pydotcompute.execution.row import in_a_row, left_until
from pydotcompute.execution.venue import Lines, Owner
from pydotcompute.execution.waiting import WAIT, Expired, Place, keeps_monotonic_time
from pydotcompute.options import BackpressureStrategy, LaunchOptions

_TURNS_OUT_OF_LINE: Final = 2
"""How many turns of the loop a caller waits for its share before it waits in line."""


class WaitingMailbox(KernelEnd):
    """The calls of `ObjectMailbox`, made to wait where they cannot be served at once.

    Each waiting call is a loop around a call that does not wait; that one call moves and counts, so
    a cancelled wait has done neither. Callers send and receive; the kernel takes and replies.
    Callers are tasks of one event loop; the kernel waits where its venue says.
    """

    __slots__ = ("_expected", "_output_open", "_rejects")

    def __init__(
        self, core: ObjectMailbox, owner: Owner, options: LaunchOptions, lines: Lines
    ) -> None:
        """Make an open mailbox of the kernel that is its owner."""
        self._rejects = options.backpressure is BackpressureStrategy.REJECT
        self._output_open = True
        self._expected = Expectations()
        loop = asyncio.get_running_loop()
        fast = FastPath(
            core,
            self,
            home=loop,
            has_loop_time=keeps_monotonic_time(loop),
            input_space=lines.input_space.line,
            input_ready=lines.input_ready.line,
            output_ready=lines.output_ready.line,
            output_space=lines.output_space.line,
            callers=self._expected.callers,
            watchers=owner.watchers,
            input_type=options.input_type,
            output_type=options.output_type,
        )
        super().__init__(core, fast, owner, options, lines)

    @property
    def is_quiet(self) -> bool:
        """Whether the kernel has nothing to do, or waits for room in its output queue."""
        if self._core.is_idle:
            return True
        # Who waits in line may be on the way out already: there is room then.
        return bool(self._output_space.line) and self._core.output_depth >= self._output_queue_size

    # Callers' ends.

    async def send(self, message: object, timeout: float | None) -> None:
        """Put a message into the input queue, waiting for room where the strategy says so."""
        if not self._input_space.line and self._offer(message) is not WAIT:
            return
        try:
            await self._input_space.until(lambda: self._offer(message), timeout)
        except Expired:
            raise QueueFullTimeoutError(self._queue_size, timeout, self._kernel_id) from None

    async def send_batch(
        self, messages: tuple[object, ...], timeout: float | None, sent: int = 0
    ) -> int:
        """Send from the message at `sent` on; how many of all are accepted.

        Every priority is checked before the first.
        """
        if sent == 0:
            self._check_priorities(messages)
        if not self._rejects:
            return await in_a_row(self.send, self.fast.send_batch, messages, timeout, sent)
        for message in messages[sent:]:  # a full queue refuses the rest too, each for itself
            try:
                self._offer(message)
            except QueueFullError:
                continue
            except PyDotComputeError:
                if sent == 0:
                    raise
                break
            sent += 1
        return sent

    def send_nowait(self, message: object, *, elsewhere: bool = False) -> None:
        """Put a message into the input queue; `elsewhere`: from whatever thread this is.

        Raises:
            QueueFullError: No room.
        """
        if self._offer(message, refuse=True, elsewhere=elsewhere) is WAIT:
            raise QueueFullError(self._queue_size, self._kernel_id)

    def send_from_elsewhere(self, message: object) -> bool:
        """Put a message into the input queue, from any thread; False where it has to wait."""
        return not self._input_space.line and self._offer(message, elsewhere=True) is not WAIT

    async def receive(self, timeout: float | None, *, keeps_place: bool = False) -> Any:
        """Get the oldest reply; `fast.receive()` gave EMPTY just before.

        `keeps_place`: nobody who comes later may get a reply before this caller.
        """
        me, line = Place(), self._output_ready
        if keeps_place and self.fast.is_turn_due():
            try:
                return await self._collect_after_a_turn(me, timeout)
            except Expired:
                raise QueueTimeoutError(timeout, self._kernel_id) from None
        if self.fast.is_turn_due():
            expiry = math.inf if timeout is None else monotonic() + timeout
            reply = await self._turn_by_turn(expiry)
            if reply is not EMPTY:
                return reply
            timeout = left_until(None if timeout is None else expiry)
        if not line.line or (self._expected.callers and not line.has_kind(Place)):
            reply = self._collect(me)  # callers before it may leave it a reply
            if reply is not WAIT:
                return reply
        if self._expected.callers:
            line.wake_next()  # a reply may be there that only a receiver can take
        try:
            return await line.until(lambda: self._collect(me), timeout, me)
        except Expired:
            raise QueueTimeoutError(timeout, self._kernel_id) from None

    async def _collect_after_a_turn(self, me: Place, timeout: float | None) -> Any:
        """Let the loop turn in line, out of which a later caller would get this one's reply."""
        if timeout == 0:
            await asyncio.sleep(0)
            reply = self._collect(me)
            if reply is WAIT:
                raise Expired
            return reply
        asyncio.get_running_loop().call_soon(me.wake)
        return await self._output_ready.until(lambda: self._collect(me), timeout, me)

    async def _turn_by_turn(self, expiry: float) -> Any:
        """Let the loop turn where that keeps a caller from running the kernel.

        In line nobody would overtake it, but all others would have to wait behind it.
        """
        for _ in range(_TURNS_OUT_OF_LINE):
            await asyncio.sleep(0)
            reply = self.fast.receive()
            if reply is not EMPTY or not self.fast.is_turn_due() or monotonic() >= expiry:
                return reply
        return EMPTY

    async def receive_batch(self, max_messages: int, timeout: float | None) -> list[Any]:
        """Get one to `max_messages` of the oldest replies; `fast.receive_batch()` gave EMPTY."""
        replies = [await self.receive(timeout)]
        core, behind = self._core, Place()  # what callers in line wait for is theirs
        while len(replies) < max_messages and core.output_depth and not core.is_error_next:
            row = self.fast.collect_batch(max_messages - len(replies))
            if row is EMPTY:
                reply = self._collect(behind)
                if reply is WAIT:  # the next one is somebody else's
                    break
                row = [reply]
            replies += row
        return replies

    async def receive_answer(
        self, message: object, timeout: float | None, deadline: float | None
    ) -> Any:
        """Get the reply to a message just sent, else the oldest that nobody else expects.

        `fast.receive_answer()` gave EMPTY just before. `deadline`: when `timeout` will have passed.
        """
        message_id = message_id_of(message)
        if message_id is None:
            return await self.receive(left_until(deadline), keeps_place=True)
        me = Caller()
        try:
            self._expected.add(message_id, me)  # no suspension since the message was accepted
            if self.fast.is_turn_due():
                return await self._collect_after_a_turn(me, left_until(deadline))
            reply = self._collect(me)
            if reply is not WAIT:
                return reply
            line = self._output_ready
            return await line.until(lambda: self._collect(me), left_until(deadline), me)
        except Expired:
            raise QueueTimeoutError(timeout, self._kernel_id) from None
        finally:
            try:
                self._expect_no_more(message_id, me)
            except BaseException:  # a signal's handler raised
                self._expect_no_more(message_id, me)
                raise

    def _expect_no_more(self, message_id: UUID, caller: Caller) -> None:
        self._expected.remove(message_id, caller)
        self._output_ready.pass_on()  # its reply, if it did not take it, is anybody's now

    def receive_nowait(self) -> Any:
        """Get the oldest reply.

        Raises:
            QueueEmptyError: There is none.
        """
        reply = self._collect()
        if reply is WAIT:
            raise QueueEmptyError(self._kernel_id)
        return reply

    # Opening and closing.

    def resume(self) -> None:
        """Hand messages out."""
        self._core.resume()
        self._input_ready.wake_next()

    def pause(self) -> None:
        """Hand no messages out; who waits for one goes on waiting."""
        self._core.pause()

    def close_input(self) -> None:
        """Refuse further messages; lift a pause, so that the kernel meets the end of its input."""
        self._core.close_input()
        self._core.resume()
        self._input_space.wake_all()
        self._input_ready.wake_all()

    def close_output(self) -> None:
        """Refuse further replies; callers get those made, then the refusal."""
        self._output_open = False
        self._core.close_output()
        self._output_space.wake_all()
        self._output_ready.wake_all()

    # One attempt each: no suspension between moving a message and returning it.

    def _offer(
        self, message: object, *, refuse: bool | None = None, elsewhere: bool = False
    ) -> object:
        try:
            code = self._core.offer(message, refuse=self._rejects if refuse is None else refuse)
            if code == ACCEPTED:
                if elsewhere:
                    self._input_ready.call_next()
                else:
                    self._input_ready.wake_next()
                return DONE
        except PriorityError as reason:
            raise _wrong_priority(message, reason) from None
        except BaseException:  # an interrupt, after the message was accepted perhaps
            self._input_ready.call_next()
            raise
        if code == FULL:
            if self._rejects:
                raise QueueFullError(self._queue_size, self._kernel_id)
            return WAIT
        raise self._owner.refusal()

    def _check_priorities(self, messages: tuple[object, ...]) -> None:
        for message in messages:
            try:
                self._core.check_priority(message)
            except PriorityError as reason:
                raise _wrong_priority(message, reason) from None

    def _collect(self, caller: Place | None = None) -> object:
        index = 0
        if self._expected.callers:
            index = self._expected.find(self._core, self._output_ready, caller)
            if index == NOT_HERE and not self._output_open:
                raise self._owner.refusal()
            if index < 0:
                return WAIT
        try:
            reply = self._core.collect(index)
            if reply is not EMPTY:
                self._output_space.wake_next()
        except BaseException:  # an interrupt, after the reply was collected perhaps
            self._output_space.call_next()
            raise
        if reply is EMPTY:
            if self._output_open:
                return WAIT
            raise self._owner.refusal()
        if type(reply) is ErrorReply:
            raise reply.error
        return reply


def _wrong_priority(message: object, reason: PriorityError) -> MessageValidationError:
    return MessageValidationError(type(message).__name__, "priority", str(reason))
