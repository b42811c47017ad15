"""One incarnation of one kernel."""

import asyncio
import logging
import traceback
from asyncio import _get_running_loop  # None, no error, where no loop runs
from collections.abc import Iterable
from typing import Any

from pydotcompute._core import Home, Snapshot
from pydotcompute.exceptions import (
    KernelExecutionError,
    KernelFailedError,
    KernelStateError,
    MessageTypeError,
)
from pydotcompute.execution.correlation import message_id_of
from pydotcompute.execution.venue import Ending, Execution, Outcome
from pydotcompute.execution.waiting import WAIT, post
from pydotcompute.kernels import KernelLaunch
from pydotcompute.options import ErrorPolicy, KernelExecution, KernelState
from pydotcompute.runtime.code import code_of
from pydotcompute.runtime.lifecycle import ENDED, ENDING, OPEN, check_move, check_state
from pydotcompute.runtime.parts import Recording, parts_of
from pydotcompute.runtime.restarts import RestartBudget
from pydotcompute.telemetry.errors import describe, is_recorded, mark_recorded

_logger = logging.getLogger("pydotcompute")


class Kernel:
    """A kernel from its launch to its end: state, mailbox, running code.

    Belongs to the event loop of its runtime. What the kernel's context asks for may come from the
    kernel's own thread, and `snapshot()`, `state` and `last_error` may be read from any.
    """

    def __init__(
        self,
        launch: KernelLaunch,
        *,
        generation: int,
        recording: Recording,
        home: Home | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Launch it."""
        options = launch.options
        self.id = launch.kernel_id
        self.state = KernelState.LAUNCHED  # as its record is made
        self.failure: BaseException | None = None
        self._last_error: str | None = None
        self._reason: str | None = None
        self.watchers: list[asyncio.Event] = []
        """Set whenever the kernel may have become quiet."""
        self._is_to_stop = False
        self._is_asked_to_end = False
        self._loop = loop
        self._launch = launch
        self._input_type, self._output_type = options.input_type, options.output_type
        self._core, self._venue, self.mailbox, self._last_error_elsewhere = parts_of(
            self, launch, generation, recording, loop=loop, home=home
        )
        self.fast = self.mailbox.fast
        self.queue_size = options.queue_size
        self._venue.attach(self.fast)
        self._activation = self._venue.lines.activation
        self._execution = self._new_execution()
        self._restarts = (
            RestartBudget(options.max_restarts, options.restart_window)
            if options.on_error is ErrorPolicy.RESTART
            else None
        )

    # What the runtime asks for.

    def activate(self) -> None:
        """Start the code.

        Raises:
            KernelFailedError: There is no thread to be had for it.
        """
        self._move(KernelState.ACTIVE, origins=(KernelState.LAUNCHED,))
        self.mailbox.resume()
        if not self._start():
            raise self.refusal()

    def deactivate(self) -> None:
        """Hand out no messages until `reactivate()`."""
        self._move(KernelState.DEACTIVATED)
        self.mailbox.pause()

    def reactivate(self) -> None:
        """Hand out messages again."""
        self._move(KernelState.ACTIVE, origins=(KernelState.DEACTIVATED,))
        self.mailbox.resume()

    def request_termination(self) -> None:
        """Close the input and tell the code to wind down; nothing where that was done."""
        if self.state in ENDING:
            return
        never_ran = self.state is KernelState.LAUNCHED
        self._move(KernelState.TERMINATING)
        self.mailbox.close_input()
        if never_ran:
            self._finish(Outcome(Ending.RETURNED))

    def cancel(self) -> None:
        """Throw CancelledError into the code."""
        self._is_to_stop = True
        self._execution.cancel()

    def close_output(self) -> None:
        """Refuse further replies."""
        self.mailbox.close_output()

    def abandon(self) -> None:
        """Refuse the replies of code that would not stop, and say so."""
        self.close_output()
        self._log(logging.ERROR, "kernel %r swallowed its cancellation and runs on", self.id)

    def discard_replies(self) -> None:
        """Throw away the replies that nobody collected."""
        self._core.discard_replies()

    async def wait_ended(self, timeout: float | None) -> bool:
        """Wait at most `timeout` seconds for the end of the code; whether it came."""
        return await self._execution.wait(timeout)

    @property
    def has_ended(self) -> bool:
        """Whether the code will not run again."""
        return self.state in ENDED

    @property
    def is_current(self) -> bool:
        """Whether the caller is this kernel's own code."""
        return self._execution.is_current

    @property
    def is_quiet(self) -> bool:
        """Whether waiting would bring nothing: idle, blocked on its output, or not active."""
        return self.state is not KernelState.ACTIVE or self.mailbox.is_quiet

    @property
    def last_error(self) -> str | None:
        """Type and text of the newest error."""
        elsewhere = self._last_error_elsewhere
        return self._last_error if elsewhere is None else self._last_error or elsewhere()

    @property
    def takes_records(self) -> bool:
        """Whether its mailbox checks and packs messages itself, whole batches at once."""
        return self._launch.options.execution is KernelExecution.NATIVE

    def snapshot(self) -> Snapshot:
        """Read counts, depths and times; RuntimeError without telemetry."""
        return self._core.snapshot()

    # What the kernel's context asks for.

    async def wait_active(self) -> None:
        """Wait until the kernel is active or winding down."""
        if self._is_awake() is WAIT:
            await self._activation.until(self._is_awake, None)
        if self.is_ending:
            await self._activation.turn()  # a loop that waits for it again must let others run

    @property
    def is_ending(self) -> bool:
        """Whether the kernel is to wind down, or has ended."""
        return self._is_asked_to_end or self.state in ENDING

    def ask_for_termination(self) -> None:
        """Wind the kernel down from whatever thread this is."""
        if _get_running_loop() is self._loop:
            self.request_termination()
            return
        self._is_asked_to_end = True  # its code sees so at once
        post(self._loop, self.request_termination)

    def record_error(self, error: BaseException) -> None:
        """Count an error of the code's own accord."""
        if self.has_ended:
            raise self.refusal()
        self._core.record_error()
        mark_recorded(error, self)
        self._last_error = describe(error)

    async def fail_message(self, message: object, error: Exception) -> None:
        """Answer the message in flight with the exception that its handler raised."""
        self._last_error = describe(error)
        self._log(logging.DEBUG, "kernel %r failed for one message", self.id, error=error)
        told = KernelExecutionError(self.id, self._last_error, message_id_of(message))
        told.__cause__ = error
        counted = is_recorded(error, self)
        try:
            await self.mailbox.fail(told, counted=counted)
        except (asyncio.CancelledError, KernelStateError):
            if not counted:
                self._core.record_error()  # nobody will be told, but it was raised
            raise

    def check_input(self, message: object) -> None:
        """Raise MessageTypeError where the kernel takes another type."""
        if self._input_type is not None and not isinstance(message, self._input_type):
            raise MessageTypeError(type(message), self._input_type, kernel_id=self.id)

    async def reply_batch(self, replies: tuple[object, ...], timeout: float | None) -> int:
        """Put replies into the output queue, all checked before the first; how many."""
        sent = self.fast.reply_batch(replies)
        if sent < len(replies):
            if sent == 0:
                for reply in replies:
                    self.check_output(reply)
            sent = await self.mailbox.reply_batch(replies, timeout, sent)
        return sent

    def check_inputs(self, messages: Iterable[object]) -> None:
        """Raise MessageTypeError where the kernel takes another type than that of any of them."""
        for message in messages:
            self.check_input(message)

    def check_output(self, message: object) -> None:
        """Raise MessageTypeError where the kernel gives another type."""
        if self._output_type is not None and not isinstance(message, self._output_type):
            raise MessageTypeError(type(message), self._output_type, kernel_id=self.id)

    # What its mailbox asks for.

    def tell_quiet(self) -> None:
        """Tell the watchers, if any, that the kernel may have become quiet."""
        if self.watchers:
            self._venue.tell(self._tell_watchers)

    def refusal(self) -> Exception:
        """Make the error for what comes after the end."""
        if self.failure is None:
            # Closed, but not moved yet: so another thread may see a kernel's end.
            state = KernelState.TERMINATING if self.state in OPEN else self.state
            return KernelStateError(self.id, state, list(OPEN))
        refusal = KernelFailedError(self.id, self._reason or type(self.failure).__qualname__)
        refusal.__cause__ = self.failure
        return refusal

    # Its own course.

    def _code(self) -> Any:
        return code_of(self, self._launch, self._venue)

    def _start(self) -> bool:
        try:
            self._execution.start()
        except RuntimeError as error:  # the system gives no more threads
            self._finish(Outcome(Ending.RAISED, error))
            return False
        return True

    def _move(self, target: KernelState, origins: tuple[KernelState, ...] = ()) -> None:
        if origins:
            check_state(self.id, self.state, *origins)
        check_move(self.id, self.state, target)
        self.state = target
        self._core.set_state(target)
        self._tell()

    def _new_execution(self) -> Execution:
        return self._venue.execution(self.id, self._code, self._end)

    def _end(self, outcome: Outcome) -> None:
        error = None if outcome.was_cancelled else outcome.error
        if error is not None and self._may_restart(error):
            self._restart(error)
        else:
            self._finish(outcome)

    def _finish(self, outcome: Outcome) -> None:
        """Book the end first; what runs foreign code (texts, logging handlers) comes after it."""
        self.failure = outcome.error
        counted = self.failure is not None and is_recorded(self.failure, self)
        discarded = self._count_end(outcome.ending, counted=counted)
        self._move(KernelState.TERMINATED if self.failure is None else KernelState.FAILED)
        self.mailbox.close_input()
        self.mailbox.close_output()
        if self.failure is not None:
            self._reason = describe(self.failure)
            if not counted:
                self._last_error = self._reason
            self._log(logging.ERROR, "kernel %r failed", self.id, error=self.failure)
        elif outcome.ending is Ending.CANCELLED and not self._is_to_stop:
            self._log(logging.WARNING, "kernel %r was cancelled, not by its runtime", self.id)
        if discarded:
            unit = "message" if discarded == 1 else "messages"
            text = "kernel %r ended and discarded %d %s"
            self._log(logging.WARNING, text, self.id, discarded, unit)

    def _may_restart(self, error: BaseException) -> bool:
        if self._restarts is None or self.state in ENDING:
            return False
        return issubclass(type(error), Exception) and self._restarts.spend()

    def _restart(self, error: BaseException) -> None:
        counted = is_recorded(error, self)
        discarded = self._core.restart(counted=counted)
        self._execution = self._new_execution()
        if not counted:
            self._last_error = describe(error)
        is_started = self._start()
        if is_started:
            text = "kernel %r failed and starts again; %d messages in flight discarded"
            self._log(logging.WARNING, text, self.id, discarded, error=error)

    def _count_end(self, ending: Ending, *, counted: bool) -> int:
        if ending is Ending.RETURNED:
            return self._core.end_returned()
        if ending is Ending.CANCELLED:
            return self._core.end_cancelled()
        return self._core.end_raised(counted=counted)

    def _log(
        self, level: int, text: str, *values: object, error: BaseException | None = None
    ) -> None:
        try:
            _logger.log(level, text, *values, exc_info=error)
        except Exception:  # noqa: BLE001 - a handler's; told where logging tells its own errors
            traceback.print_exc()

    def _tell(self) -> None:
        self._activation.wake_all()
        self._tell_watchers()

    def _tell_watchers(self) -> None:
        if self.watchers and not self._loop.is_closed():  # a closed loop left its watchers behind
            for watcher in self.watchers:
                watcher.set()

    def _is_awake(self) -> object:
        return True if self.state is KernelState.ACTIVE or self.is_ending else WAIT
