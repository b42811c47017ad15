"""Kernels that run as asyncio tasks."""

import asyncio
from asyncio import _get_running_loop  # None, no error, where no loop runs
from collections.abc import Awaitable, Callable
from functools import partial

from pydotcompute.execution.venue import Ending, Lines, Outcome, is_being_cancelled, outcome_of
from pydotcompute.execution.waiting import WaitQueue


class TaskVenue:
    """The runtime's own event loop."""

    __slots__ = ("_has_run", "lines")

    blocks = False

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._has_run = False
        self.lines = Lines(
            input_space=WaitQueue(loop),
            input_ready=WaitQueue(loop),
            output_ready=WaitQueue(loop),
            output_space=WaitQueue(loop),
            activation=WaitQueue(loop),
        )

    def execution(
        self, name: str, code: Callable[[], Awaitable[object]], on_end: Callable[[Outcome], None]
    ) -> "TaskExecution":
        """Make ready to run the code as a task."""
        again, self._has_run = self._has_run, True
        return TaskExecution(name, partial(_in_a_turn, code) if again else code, on_end)

    def check(self) -> None:
        """Nothing: a cancellation is thrown into the code where it waits."""

    def tell(self, callback: Callable[[], object]) -> None:
        """Run a callback on the runtime's loop, which is this one."""
        callback()


async def _in_a_turn(code: Callable[[], Awaitable[object]]) -> None:
    await asyncio.sleep(0)  # where tasks start at once, the run before has not ended yet
    await code()


class TaskExecution:
    """Runs a coroutine function as one asyncio task of the running loop."""

    __slots__ = ("_code", "_name", "_on_end", "_task")

    def __init__(
        self, name: str, code: Callable[[], Awaitable[object]], on_end: Callable[[Outcome], None]
    ) -> None:
        """`on_end` is called in the task's last step, before anyone else can run."""
        self._name = name
        self._code = code
        self._on_end: Callable[[Outcome], None] | None = on_end
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the code at the loop's next turn (at once under an eager task factory)."""
        task = asyncio.get_running_loop().create_task(self._run(), name=self._name)
        self._task = task
        task.add_done_callback(self._done)

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

    def _outcome_of(self, error: BaseException) -> Outcome:
        if _get_running_loop() is None:
            # A forked child: uvloop goes on there with the rest of its turn, in which every wait is
            # refused; the kernel itself goes on in the parent.
            return Outcome(Ending.CANCELLED)
        return outcome_of(error, was_cancelled=is_being_cancelled(self._task))

    def _done(self, task: asyncio.Task[None]) -> None:
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
