"""Messages sent one after the other, and what is left of their time."""

from collections.abc import Awaitable, Callable, Sequence
from time import monotonic

from pydotcompute.exceptions import PyDotComputeError, QueueFullTimeoutError


def left_until(deadline: float | None) -> float | None:
    """Say how many seconds are left until a time of time.monotonic(); None: for ever."""
    return None if deadline is None else max(0.0, deadline - monotonic())


async def in_a_row(
    send: Callable[[object, float | None], Awaitable[None]],
    messages: Sequence[object],
    timeout: float | None,
) -> int:
    """Send until there is no room in time; an error counts only where nothing was sent before."""
    for sent, message in enumerate(messages):
        try:
            await send(message, timeout)
        except QueueFullTimeoutError:
            return sent
        except PyDotComputeError:
            if sent == 0:
                raise
            return sent
    return len(messages)
