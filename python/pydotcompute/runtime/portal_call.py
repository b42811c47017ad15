"""One call on an event loop, waited for in another thread."""

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, TypeVar

from pydotcompute.exceptions import RuntimeClosedError
from pydotcompute.execution.waiting import post

T = TypeVar("T")

_GLANCE_SECONDS: Final = 0.1
"""How often a caller that waits looks whether the loop is still there."""

_AFTER_SECONDS: Final = 0.02
"""When an interrupt that came too late is sent again: Python raises one at once, so not sooner."""

_abandoning: Final = threading.Lock()
"""What is left behind in a closed loop leaves the lines it waited in, in its caller's thread."""


class PortalCall(Generic[T]):
    """Runs a coroutine as a task of a loop, for a caller who blocks another thread meanwhile."""

    __slots__ = ("_error", "_is_over", "_is_refused", "_loop", "_make", "_news", "_result", "_task")

    def __init__(
        self, make: Callable[[], Coroutine[Any, Any, T]], loop: asyncio.AbstractEventLoop
    ) -> None:
        """`make` is called on the loop."""
        self._make = make
        self._loop = loop
        self._task: asyncio.Task[T] | None = None
        self._result: T | None = None
        self._error: BaseException | None = None
        self._is_over = False
        self._is_refused = False
        """Whether it ended by being cancelled, or never began: it moved nothing."""
        self._news = threading.Lock()  # no Event: an interrupt inside one may leave it locked
        self._news.acquire()

    def result(self) -> T:
        """Run it and return what it returns.

        An interrupt, or whatever else a signal handler raises here, cancels it. Where an interrupt
        comes too late for that, the call ends as if there had been none, because something has
        moved, and the interrupt is sent again. A second one leaves without waiting any longer.

        Raises:
            RuntimeClosedError: The loop is closed, or was shut down meanwhile.
        """
        try:
            self._post_and_wait(self._begin)
        except BaseException as interrupt:
            self._post_and_wait(self._withdraw)
            if self._is_refused or not _is_from_signal(interrupt):
                raise
            _interrupt_later()
        # No calls from here on, so that no interrupt comes between the result and its receiver.
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # whose traceback knows this call
        return self._result  # type: ignore[return-value]  # None is a result as well

    # In the caller's thread.

    def _post_and_wait(self, step: Callable[[], None]) -> None:
        if not post(self._loop, step):
            self._abandon()
        while not self._is_over:
            self._news.acquire(timeout=_GLANCE_SECONDS)
            if not self._is_over and self._loop.is_closed():
                self._abandon()

    def _abandon(self) -> None:
        """End what a closed loop will not go on with."""
        task = self._task
        if task is not None:
            if task.done():  # but the loop did not come to tell
                self._end(task)
                return
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - the caller is told
            with _abandoning:
                task.get_coro().close()
        self._refuse(loop_is_gone())

    # On the loop.

    def _begin(self) -> None:
        try:
            coroutine = self._make()
        except TypeError as error:  # an option that there is not
            self._refuse(error)
            return
        try:
            self._task = self._loop.create_task(coroutine)
        except BaseException as error:  # noqa: BLE001 - a task factory's; the caller gets it
            coroutine.close()
            self._refuse(error)
        else:
            self._task.add_done_callback(self._end)

    def _withdraw(self) -> None:
        if self._task is not None:
            self._task.cancel()
        elif not self._is_over:  # interrupted before it could begin
            self._refuse(loop_is_gone())

    def _end(self, task: asyncio.Task[T]) -> None:
        self._task = None
        if task.cancelled():
            self._refuse(loop_is_gone())
            return
        self._error = task.exception()
        if self._error is None:
            self._result = task.result()
        self._tell()

    def _refuse(self, error: BaseException) -> None:
        self._error = error
        self._is_refused = True
        self._tell()

    def _tell(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._news.release()


def _is_from_signal(error: BaseException) -> bool:
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and isinstance(error, KeyboardInterrupt)


def _interrupt_later() -> None:
    main = threading.main_thread().ident
    timer = threading.Timer(_AFTER_SECONDS, signal.pthread_kill, (main, signal.SIGINT))
    timer.daemon = True
    timer.start()


def loop_is_gone() -> RuntimeClosedError:
    """Make the error for a call that its loop did not end."""
    message = (
        "the event loop that the runtime lives on was shut down, or cancelled its tasks; make a "
        "new runtime"
    )
    return RuntimeClosedError(message)
