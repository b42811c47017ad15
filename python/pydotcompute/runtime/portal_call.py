"""One call on an event loop, waited for in another thread."""

import asyncio
import signal
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

from pydotcompute.exceptions import RuntimeClosedError
from pydotcompute.execution.waiting import post

T = TypeVar("T")

_GLANCE_SECONDS: Final = 0.1
"""How often a caller that waits looks whether the loop is still there."""


class PortalCall(Generic[T]):
    """Runs a coroutine as a task of a loop, for a caller who blocks another thread meanwhile."""

    __slots__ = ("_coroutine", "_done", "_loop", "_task")

    def __init__(self, coroutine: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> None:
        self._coroutine = coroutine
        self._loop = loop
        self._task: asyncio.Task[T] | None = None
        self._done = threading.Event()

    def result(self) -> T:
        """Run it and return what it returns.

        An interrupt cancels it. Where that comes too late, the result is returned all the same,
        because something has moved, and the interrupt is sent again.

        Raises:
            RuntimeClosedError: The loop is closed, or was shut down meanwhile.
        """
        if not post(self._loop, self._begin):
            self._coroutine.close()
            raise _loop_is_gone()
        try:
            self._wait()
        except KeyboardInterrupt:
            post(self._loop, self._withdraw)
            self._wait()
            if not self._has_result():
                raise
            signal.raise_signal(signal.SIGINT)
        return self._told()

    def _begin(self) -> None:
        self._task = self._loop.create_task(self._coroutine)
        self._task.add_done_callback(lambda _task: self._done.set())

    def _withdraw(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _wait(self) -> None:
        while not self._done.wait(_GLANCE_SECONDS):
            if self._loop.is_closed() and not self._done.is_set():
                if self._task is None:
                    self._coroutine.close()
                raise _loop_is_gone()

    def _has_result(self) -> bool:
        task = self._task
        return task is not None and not task.cancelled() and task.exception() is None

    def _told(self) -> T:
        if self._task is None:
            raise _loop_is_gone()
        with suppress(asyncio.CancelledError):
            return self._task.result()
        raise _loop_is_gone()


def _loop_is_gone() -> RuntimeClosedError:
    message = "the event loop that the runtime lives on was shut down; make a new runtime"
    return RuntimeClosedError(message)
