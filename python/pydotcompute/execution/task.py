"""Kernels that run as asyncio tasks."""

import asyncio
import sys
from asyncio import _get_running_loop  # None, no error, where no loop runs
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from functools import partial

from pydotcompute._core import FastPath, Home, Stepper
from pydotcompute.execution.parked_line import ParkedLine
from pydotcompute.execution.venue import Ending, Lines, Outcome, is_being_cancelled, outcome_of
from pydotcompute.execution.waiting import WaitQueue


class TaskVenue:
    """The runtime's own event loop."""

    __slots__ = ("_fast", "_has_run", "_parked_line", "home", "lines")

    blocks = False

    def __init__(self, loop: asyncio.AbstractEventLoop, home: Home | None) -> None:
        """`home`: that of the loop, where callers may run the code up to its wait for a message."""
        self.home = home
        self._has_run = False
        self._fast: FastPath | None = None
        self._parked_line = None if home is None else ParkedLine(loop)
        self.lines = Lines(
            input_space=WaitQueue(loop),
            input_ready=WaitQueue(loop) if self._parked_line is None else self._parked_line,
            output_ready=WaitQueue(loop),
            output_space=WaitQueue(loop),
            activation=WaitQueue(loop),
        )

    def attach(self, fast: FastPath) -> None:
        """Let callers run the code by way of `fast`."""
        self._fast = fast

    def execution(
        self, name: str, code: Callable[[], Awaitable[object]], on_end: Callable[[Outcome], None]
    ) -> "TaskExecution":
        """Make ready to run the code as a task."""
        again, self._has_run = self._has_run, True
        return TaskExecution(name, partial(_in_a_turn, code) if again else code, on_end, self)

    def check(self) -> None:
        """Nothing: a cancellation is thrown into the code where it waits."""

    def tell(self, callback: Callable[[], object]) -> None:
        """Run a callback on the runtime's loop, which is this one."""
        callback()

    def bind(self, stepper: Stepper, *, ended: bool = False) -> None:
        """Let callers run the code by way of `stepper`, until its end."""
        line, fast = self._parked_line, self._fast
        if line is None or fast is None or (ended and line.stepper is not stepper):
            return  # the code has started again by then
        line.stepper = None if ended else stepper
        fast.bind(line.stepper)


async def _in_a_turn(code: Callable[[], Awaitable[object]]) -> None:
    await asyncio.sleep(0)  # where tasks start at once, the run before has not ended yet
    await code()


class TaskExecution:
    """Runs a coroutine function as one asyncio task of the running loop."""

    __slots__ = ("_code", "_name", "_on_end", "_stepper", "_task", "_venue")

    def __init__(
        self,
        name: str,
        code: Callable[[], Awaitable[object]],
        on_end: Callable[[Outcome], None],
        venue: TaskVenue,
    ) -> None:
        """`on_end` is called in the code's last step, before anyone else can run.

        `venue` is told of a stepper by which callers may run the code, and of its end.
        """
        self._name = name
        self._code = code
        self._on_end: Callable[[Outcome], None] | None = on_end
        self._task: asyncio.Task[None] | None = None
        self._venue = venue
        self._stepper: Stepper | None = None

    def start(self) -> None:
        """Start the code at the loop's next turn (at once under an eager task factory)."""
        loop, home = asyncio.get_running_loop(), self._venue.home
        # Before 3.12 a task does not tell its context, and a factory may not take one.
        is_told = sys.version_info >= (3, 12) or loop.get_task_factory() is None
        if home is None or not is_told:
            self._task = task = loop.create_task(self._run(), name=self._name)
            task.add_done_callback(self._done)
        else:
            self._start_stepped(loop, Stepper(self._run(), home))

    def _start_stepped(self, loop: asyncio.AbstractEventLoop, stepper: Stepper) -> None:
        self._stepper = stepper
        context: Context | None = None
        task: asyncio.Task[None]
        if sys.version_info >= (3, 12):
            task = loop.create_task(stepper, name=self._name)
            if isinstance(task, asyncio.Task):  # a factory may make something else
                context = task.get_context()
        else:
            context = copy_context()
            task = loop.create_task(stepper, name=self._name, context=context)
        self._task = task
        if context is None:
            task.add_done_callback(self._done)
            return
        stepper.bind(task, context)
        self._venue.bind(stepper)
        task.add_done_callback(self._done, context=context)  # else the task keeps a copy of one

    def cancel(self) -> None:
        """Throw CancelledError into the code where it waits."""
        if self._task is not None:
            self._task.cancel()

    @property
    def is_current(self) -> bool:
        """Whether the caller runs in this task; it may be in any thread, with a loop or without."""
        if self._task is None or _get_running_loop() is None:
            return False
        return asyncio.current_task() is self._task

    async def wait(self, timeout: float | None) -> bool:
        """Wait at most `timeout` seconds for the end; whether it came."""
        if self._task is not None and not self._task.done():
            await asyncio.wait((self._task,), timeout=timeout)
        return self._task is None or self._task.done()

    async def _run(self) -> None:
        if self._task is None:  # under an eager task factory start() goes on later
            self._task = asyncio.current_task()
        try:
            await self._code()
        except (asyncio.CancelledError, GeneratorExit) as error:
            self._tell(outcome_of(error))
            raise
        except (KeyboardInterrupt, SystemExit) as error:
            self._tell(outcome_of(error))
            raise  # these end the program, whoever lets them out
        except BaseException as error:  # noqa: BLE001 - told by state, receivers and log
            self._tell(self._outcome_of(error))
        else:
            self._tell(Outcome(Ending.RETURNED))
        if self._stepper is not None and self._stepper.is_caller_run:
            await asyncio.sleep(0)  # ended in a caller's step, this frame would keep the caller's

    def _outcome_of(self, error: BaseException) -> Outcome:
        if _get_running_loop() is None:
            # A forked child: uvloop goes on there with the rest of its turn, in which every wait is
            # refused; the kernel itself goes on in the parent.
            return Outcome(Ending.CANCELLED)
        return outcome_of(error, was_cancelled=is_being_cancelled(self._task))

    def _done(self, task: asyncio.Task[None]) -> None:
        if self._stepper is not None:
            self._venue.bind(self._stepper, ended=True)
        if not task.cancelled():
            self._report(task.exception())
        self._tell(Outcome(Ending.CANCELLED))  # cancelled before its first step

    def _report(self, error: BaseException | None) -> None:
        """Tell of an error of our own; the code's were told, and two of them end the program."""
        if error is None or issubclass(type(error), (KeyboardInterrupt, SystemExit)):
            return
        context = {"message": f"the end of kernel {self._name!r} failed", "exception": error}
        asyncio.get_running_loop().call_exception_handler(context)

    def _tell(self, outcome: Outcome) -> None:
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end(outcome)
