"""Messages sent one after the other, and what is left of their time."""

from collections.abc import Awaitable, Callable
from time import monotonic

from pydotcompute.exceptions import PyDotComputeError, QueueFullTimeoutError


def left_until(deadline: float | None) -> float | None:
    """Say how many seconds are left until a time of time.monotonic(); None: for ever."""
    return None if deadline is None else max(0.0, deadline - monotonic())


async def in_a_row(
    send: Callable[[object, float | None], Awaitable[None]],
    send_row: Callable[[tuple[object, ...], int], int],
    messages: tuple[object, ...],
    timeout: float | None,
    sent: int,
) -> int:
    """Send from the message at `sent` on until there is no room in time; how many are sent then.

    `send_row` sends as many as it can at once. An error counts only where nothing was sent before.
    """
    while sent < len(messages):
        try:
            await send(messages[sent], timeout)
        except QueueFullTimeoutError:
            break
        except PyDotComputeError:
            if sent == 0:
                raise
            break
        sent += 1
        sent += send_row(messages, sent)
    return sent
