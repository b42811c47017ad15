"""Tasks that wait for a condition, first come, first served."""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar, final

from pydotcompute._core import EMPTY

T = TypeVar("T")

WAIT: Final = EMPTY
"""What an attempt gives while its condition does not hold; no message can be this object."""


@final
class Expired(Exception):  # noqa: N818 - a signal between two layers, never shown to a user
    """The deadline of a wait has passed."""


class _Waiter:
    __slots__ = ("expired", "future")

    def __init__(self) -> None:
        self.future: asyncio.Future[None]
        self.expired = False

    def wake(self) -> None:
        if not self.future.done():
            self.future.set_result(None)

    def expire(self) -> None:
        self.expired = True
        self.wake()


class WaitQueue:
    """The tasks of one event loop that wait for one condition.

    A wake-up is a hint: whoever is woken tries again and finds the truth. A waiter stays first in
    line until it has what it came for, was cancelled or ran out of time; then it wakes the next,
    so no wake-up is lost with it.
    """

    __slots__ = ("_loop", "_waiters")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiters: deque[_Waiter] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiters)

    def wake_next(self) -> None:
        """Let the first in line try again."""
        if self._waiters:
            self._waiters[0].wake()

    def wake_all(self) -> None:
        """Let everybody try again, in the order they came."""
        for waiter in self._waiters:
            waiter.wake()

    async def until(self, attempt: Callable[[], T], timeout: float | None) -> T:  # noqa: ASYNC109
        """Wait in line until `attempt` gives something else than WAIT, and return that.

        An attempt runs without a suspension before it is returned, so a cancelled wait has moved
        nothing.

        Raises:
            Expired: After `timeout` seconds.
        """
        waiter = _Waiter()
        timer = None
        if timeout is not None and timeout != math.inf:
            timer = self._loop.call_later(timeout, waiter.expire)
        self._waiters.append(waiter)
        try:
            return await self._attempts(waiter, attempt)
        finally:
            if timer is not None:
                timer.cancel()
            self._waiters.remove(waiter)
            self.wake_next()

    async def _attempts(self, waiter: _Waiter, attempt: Callable[[], T]) -> T:
        while True:
            waiter.future = self._loop.create_future()
            await waiter.future
            if waiter.expired and self._waiters[0] is not waiter:
                raise Expired
            result = attempt()
            if result is not WAIT:
                return result
            if waiter.expired:
                raise Expired
