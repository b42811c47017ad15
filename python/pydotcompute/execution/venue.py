"""What every place to run a kernel has in common."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from enum import Enum, auto
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from pydotcompute._core import FastPath
from pydotcompute.exceptions import EndOfStream
from pydotcompute.execution.waiting import Place, WaitQueue

T = TypeVar("T")

_members_of: Final = BaseExceptionGroup.__dict__["exceptions"].__get__


class Ending(Enum):
    """How a kernel's code ended."""

    RETURNED = auto()
    RAISED = auto()
    CANCELLED = auto()


class Outcome(NamedTuple):
    """An ending, with the exception where one was raised."""

    ending: Ending
    error: BaseException | None = None
    was_cancelled: bool = False
    """Whether the code made the exception of its cancellation, so that it is to stay ended."""


class Line(Protocol):
    """Those of a kernel who wait for one condition, first come, first served."""

    @property
    def line(self) -> Any:
        """Who waits in line; empty: nobody."""

    def __bool__(self) -> bool:
        """Whether anybody waits, in line or elsewhere."""

    def wake_next(self) -> None:
        """Let the first in line try again."""

    def call_next(self) -> None:
        """Let the first in line try again; from any thread, whoever waits here."""

    def wake_all(self) -> None:
        """Let everybody try again, in the order they came."""

    async def turn(self) -> None:
        """Let others run."""

    async def until(
        self, attempt: Callable[[], T], timeout: float | None, place: Place | None = None
    ) -> T:
        """Wait in line until `attempt` gives something else than WAIT, and return that."""


class Lines(NamedTuple):
    """Who waits at the four ends of a mailbox, and for the kernel to be active."""

    input_space: WaitQueue
    input_ready: Line
    output_ready: WaitQueue
    output_space: Line
    activation: Line


class Owner(Protocol):
    """Whose mailbox it is: what a mailbox asks of its kernel."""

    @property
    def id(self) -> str:
        """The kernel's id."""

    @property
    def watchers(self) -> list[asyncio.Event]:
        """Who wants to know when the kernel is quiet: one list, whoever is in it."""

    def tell_quiet(self) -> None:
        """Tell the watchers that the kernel may have become quiet."""

    def refusal(self) -> Exception:
        """Make the error for what comes after the end of the kernel."""


class Execution(Protocol):
    """Something that runs a kernel's code once and tells how it ended, once."""

    def start(self) -> None:
        """Start the code."""

    def cancel(self) -> None:
        """Ask the code to stop at once."""

    @property
    def is_current(self) -> bool:
        """Whether the caller is that code."""

    async def wait(self, timeout: float | None) -> bool:
        """Wait at most `timeout` seconds for the end; whether it came."""


class Venue(Protocol):
    """Where a kernel's code runs, as often as it is started, and where it waits."""

    lines: Lines
    blocks: bool
    """Whether the code's waits block its thread, so that its coroutines never suspend."""

    def execution(
        self, name: str, code: Callable[[], Any], on_end: Callable[[Outcome], None]
    ) -> Execution:
        """Make ready to run the code once; `on_end` is called on the runtime's loop."""

    def attach(self, fast: FastPath) -> None:
        """Let callers run the code by way of `fast`, where this place allows that."""

    def check(self) -> None:
        """Raise CancelledError where the code was asked to stop and could not be told yet."""

    def tell(self, callback: Callable[[], object]) -> None:
        """Run a callback on the runtime's loop; at once where the code runs there too."""


def outcome_of(error: BaseException, *, was_cancelled: bool = False) -> Outcome:
    """Tell the end of input from an error, also where a task group wrapped it."""
    if issubclass(type(error), asyncio.CancelledError | GeneratorExit):
        return Outcome(Ending.CANCELLED)
    if issubclass(type(error), EndOfStream) or (_is_group(error) and _only_ends(error)):
        return Outcome(Ending.RETURNED)
    return Outcome(Ending.RAISED, error, was_cancelled)


def is_being_cancelled(task: asyncio.Task[Any] | None) -> bool:
    """Whether somebody cancelled this task, also where its code made something else of that."""
    return task is not None and task.cancelling() > 0


def run_blocking(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine whose waits block this thread, so that it never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    message = "a wait of a kernel that blocks its thread asked for an event loop"
    raise RuntimeError(message)


async def is_set_within(event: asyncio.Event, timeout: float | None) -> bool:
    """Wait at most `timeout` seconds for an event; whether it came."""
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout):
            await event.wait()
    return event.is_set()


def _is_group(error: BaseException) -> bool:
    return issubclass(type(error), BaseExceptionGroup)


def _only_ends(error: BaseException) -> bool:
    # The type and the slot of the base class: a foreign exception may lie about itself, or raise.
    if _is_group(error):
        return all(map(_only_ends, _members_of(error)))
    return issubclass(type(error), (EndOfStream, asyncio.CancelledError))
