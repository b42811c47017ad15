"""Tasks that wait for a condition, first come, first served."""

import asyncio
import math
from asyncio import _get_running_loop  # None, no error, where no loop runs
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar, final

from pydotcompute._core import EMPTY
from pydotcompute.exceptions import WrongLoopError

T = TypeVar("T")

WAIT: Final = EMPTY
"""What an attempt gives while its condition does not hold; no message can be this object."""


@final
class Expired(Exception):  # noqa: N818 - a signal between two layers, never shown to a user
    """The deadline of a wait has passed."""


class Place:
    """A place in line; whoever is known by it can be woken alone."""

    __slots__ = ("future", "is_called")

    def __init__(self) -> None:
        """Make a place that nobody waits in."""
        self.future: asyncio.Future[None] | None = None
        self.is_called = False
        """Whether a wake-up from another thread is on its way."""

    @property
    def is_woken(self) -> bool:
        """Whether whoever waits here is on the way to try again."""
        return self.future is not None and self.future.done()

    def wake(self) -> None:
        """Let whoever waits here try again; nobody there: nothing happens."""
        self.is_called = False
        if self.future is not None and not self.future.done():
            self.future.set_result(None)


class WaitQueue:
    """The tasks of one event loop that wait for one condition.

    A wake-up is a hint: whoever is woken tries again and finds the truth. A waiter keeps its place
    in line until it has what it came for, was cancelled or ran out of time; then it wakes the next,
    so no wake-up is lost with it.

    Only that loop's own thread may wake anybody, but for `call_next()`; `SharedWaitQueue` lifts
    that.
    """

    __slots__ = ("_is_called", "_loop", "line")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._is_called = False
        self.line: list[Place] = []  # an empty deque, of which a kernel needs five, has 760 bytes
        """Who waits, first come first."""

    def __bool__(self) -> bool:
        return bool(self.line)

    def wake_next(self) -> None:
        """Let the first in line try again."""
        if self.line:  # Place.wake(), without the call: this is done four times a round trip
            future = self.line[0].future
            if future is not None and not future.done():
                try:
                    future.set_result(None)
                except RuntimeError:
                    if not self._loop.is_closed():  # nobody is woken; what was moved has moved
                        raise

    def wake_all(self) -> None:
        """Let everybody try again, in the order they came."""
        if self.line and not self._loop.is_closed():  # a closed loop left its waiters behind
            for place in [*self.line]:
                place.wake()

    def call_next(self) -> None:
        """Let the first in line try again, at the loop's next turn; from any thread.

        Also where nobody waits: somebody may be just about to, with an attempt behind it.
        """
        if not self._is_called:
            self._is_called = True
            try:
                post(self._loop, self._answer)
            except BaseException:  # an interrupt: nobody is on the way, or once too often
                self._is_called = False
                raise

    def _answer(self) -> None:
        self._is_called = False
        self.wake_next()

    def has_kind(self, kind: type[Place]) -> bool:
        """Whether somebody waits whose place is of just this kind."""
        return any(type(place) is kind for place in self.line)

    def wake_first(self, kind: type[Place]) -> None:
        """Let the first in line whose place is of just this kind try again."""
        for place in self.line:
            if type(place) is kind:
                place.wake()
                return

    def pass_on(self) -> None:
        """Let the first in line try again, on behalf of one who leaves, be it with its loop."""
        if self.line and not self._loop.is_closed():
            self.line[0].wake()

    def has_before(self, place: Place) -> bool:
        """Whether somebody waits who came before whoever waits, or will wait, in this place."""
        return bool(self.line) and self.line[0] is not place

    def turn(self) -> Coroutine[Any, Any, None]:
        """Let others run; without a coroutine of its own, for thousands may do so at once."""
        return asyncio.sleep(0)

    async def until(
        self, attempt: Callable[[], T], timeout: float | None, place: Place | None = None
    ) -> T:
        """Wait in line until `attempt` gives something else than WAIT, and return that.

        An attempt is made and returned without a suspension between, so a cancelled wait has moved
        nothing. `place` is what others know the caller by; one of its own where left out.

        Raises:
            WrongLoopError: Another event loop runs here: nobody could wake the caller.
            Expired: After `timeout` seconds; with 0 after one turn of the loop, without an attempt.
        """
        if timeout == 0:
            await asyncio.sleep(0)  # polling with 0 must leave a turn to whoever it polls for
            raise Expired
        loop, line = self._running_loop(), self.line
        expiry = math.inf if timeout is None else loop.time() + timeout
        me = Place() if place is None else place
        try:
            line.append(me)
            while True:
                me.future = loop.create_future()  # again: the same place in line
                timer = None if expiry == math.inf else loop.call_at(expiry, me.wake)
                try:
                    await me.future
                finally:
                    if timer is not None:
                        timer.cancel()
                is_late = timer is not None and expiry <= loop.time()
                if not is_late or line[0] is me:  # nobody overtakes on the way out
                    result = attempt()
                    if result is not WAIT:
                        return result
                if is_late:
                    raise Expired
        finally:
            try:
                self._leave(me, loop)
            except BaseException:  # a signal's handler raised; nobody waits behind one who has gone
                self._leave(me, loop)
                raise

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        loop = _get_running_loop()
        if loop is None or loop is not self._loop:
            message = "a kernel and its callers wait in one event loop, but another loop runs here"
            raise WrongLoopError(message)
        return loop

    def _leave(self, place: Place, loop: asyncio.AbstractEventLoop) -> None:
        if loop is self._loop:  # else left behind with a closed one, and the line is another's now
            place.future = None
            if place in self.line:
                self.line.remove(place)  # mostly from the head: the first may stay for ever
            self.pass_on()


class SharedWaitQueue(WaitQueue):
    """The tasks of one event loop that wait for one condition, which any thread may bring about."""

    __slots__ = ()

    def settle(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make the line that of another loop; whoever a loop now closed left in it is gone."""
        self.line.clear()
        self._loop = loop

    def wake_next(self) -> None:
        """Let the first in line try again."""
        try:
            place = self.line[0]
        except IndexError:  # also where the last one leaves just now
            return
        if _get_running_loop() is self._loop:
            place.wake()
        else:
            self._call(place)

    def call_next(self) -> None:
        """Let the first in line try again; who is about to wait makes an attempt after it began."""
        self.wake_next()

    def wake_all(self) -> None:
        """Let everybody try again, in the order they came."""
        # Not copy(): that of CPython 3.11 reads too far where a collection shortens the line.
        for place in [*self.line]:
            self._call(place)

    async def until(
        self, attempt: Callable[[], T], timeout: float | None, place: Place | None = None
    ) -> T:
        """Wait in line, as `WaitQueue.until()`.

        Each attempt comes after the place was made ready for a wake-up: whatever another thread
        does too late for the attempt wakes it.
        """
        if timeout == 0:
            await asyncio.sleep(0)
            raise Expired
        loop, line = self._running_loop(), self.line
        expiry = math.inf if timeout is None else loop.time() + timeout
        me = Place() if place is None else place
        try:
            line.append(me)
            may_try, is_late = line[0] is me, False
            while True:
                me.future = loop.create_future()
                if may_try:
                    result = attempt()
                    if result is not WAIT:
                        return result
                if is_late:
                    raise Expired
                timer = None if expiry == math.inf else loop.call_at(expiry, me.wake)
                try:
                    await me.future
                finally:
                    if timer is not None:
                        timer.cancel()
                is_late = timer is not None and expiry <= loop.time()
                may_try = not is_late or line[0] is me
        finally:
            try:
                self._leave(me, loop)
            except BaseException:  # a signal's handler raised; nobody waits behind one who has gone
                self._leave(me, loop)
                raise

    def _call(self, place: Place) -> None:
        if not place.is_called:
            place.is_called = True
            try:
                post(self._loop, place.wake)
            except BaseException:  # as in WaitQueue.call_next()
                place.is_called = False
                raise


def post(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *args: object) -> bool:
    """Run a callback at a loop's next turn, from any thread; False where the loop is closed."""
    try:
        loop.call_soon_threadsafe(callback, *args)
    except RuntimeError:
        if not loop.is_closed():
            raise
        return False
    return True


def keeps_monotonic_time(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether the time that a loop goes by is CLOCK_MONOTONIC, and not a test's own."""
    clock = type(loop).time
    return clock is asyncio.BaseEventLoop.time or type(loop).__module__.startswith("uvloop")
