"""What becomes of kernels in threads where the program ends without closing their runtime."""

import atexit
import os
import time
from typing import Final, Protocol
from weakref import WeakSet

_GRACE_SECONDS: Final = 0.5


class Ending(Protocol):
    """Something that runs in a thread."""

    def cancel(self) -> None:
        """Ask it to stop."""

    def join(self, timeout: float) -> None:
        """Block at most `timeout` seconds until it has."""


_running: Final[dict[int, WeakSet[Ending]]] = {}
"""By process: a forked child has none of its parent's threads, but the locks they hold."""


def ending_with_program(running: Ending) -> None:
    """Cancel this at the program's end, and give it half a second to clean up."""
    mine = _running.setdefault(os.getpid(), WeakSet())
    if not mine:
        atexit.unregister(_end_all)
        atexit.register(_end_all)
    mine.add(running)


def _end_all() -> None:
    running = list(_running.get(os.getpid(), ()))
    for one in running:
        one.cancel()
    deadline = time.monotonic() + _GRACE_SECONDS
    for one in running:
        one.join(max(0.0, deadline - time.monotonic()))
