"""Threads that wait for a condition, first come, first served."""

import math
import time
from collections.abc import Callable
from threading import local
from typing import Final, TypeVar

from pydotcompute._core import Parker
from pydotcompute.execution.waiting import WAIT, Expired, Place

T = TypeVar("T")

_TURN_SECONDS: Final = 0.001


class _Parkers(local):
    """One parker a thread, kept from wait to wait; a wake-up too many only makes it look again."""

    def __init__(self) -> None:
        self.mine = Parker()


_parkers: Final = _Parkers()


class ThreadWaitQueue:
    """The threads that wait for one condition, which any thread may bring about.

    As `WaitQueue`, but a wait blocks its thread, without the interpreter lock. `until()` and
    `turn()` are coroutines that never suspend, so that what is built on them is written once.
    """

    __slots__ = ("_check", "line")

    def __init__(self, check: Callable[[], None]) -> None:
        """`check` is called before every attempt; what it raises ends the wait."""
        self._check = check
        self.line: list[Parker] = []  # as in WaitQueue

    def __bool__(self) -> bool:
        """Whether anybody waits."""
        return bool(self.line)

    def wake_next(self) -> None:
        """Let the first in line try again."""
        try:
            parker = self.line[0]
        except IndexError:  # also where the last one leaves just now
            return
        parker.unpark()

    def call_next(self) -> None:
        """Let the first in line try again."""
        self.wake_next()

    def wake_all(self) -> None:
        """Let everybody try again."""
        for parker in [*self.line]:  # not copy(), see SharedWaitQueue
            parker.unpark()

    async def turn(self) -> None:
        """Let other threads run, and do so for a moment: whoever asks for this may ask again."""
        time.sleep(_TURN_SECONDS)  # noqa: ASYNC251 - blocking this thread is what it is for

    async def until(
        self,
        attempt: Callable[[], T],
        timeout: float | None,
        place: Place | None = None,  # noqa: ARG002 - known places are the callers' alone
    ) -> T:
        """Wait in line until `attempt` gives something else than WAIT, and return that.

        Raises:
            Expired: After `timeout` seconds; with 0 at once, without an attempt.
        """
        if timeout == 0:
            time.sleep(0)  # noqa: ASYNC251 - polling must leave the interpreter lock to others
            raise Expired
        expiry = math.inf if timeout is None else time.monotonic() + timeout
        me, line = _parkers.mine, self.line
        line.append(me)  # before the attempt: what it misses wakes it
        try:
            while True:
                left = math.inf if expiry == math.inf else expiry - time.monotonic()
                self._check()
                if line[0] is me:
                    result = attempt()
                    if result is not WAIT:
                        return result
                if left <= 0:
                    raise Expired
                me.park(None if left == math.inf else left)
        finally:
            line.remove(me)
            self.wake_next()
