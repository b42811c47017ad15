"""How often a kernel may be started again."""

from collections import deque
from time import monotonic


class RestartBudget:
    """At most `limit` restarts within any `window_seconds`."""

    __slots__ = ("_limit", "_times", "_window_seconds")

    def __init__(self, limit: int, window_seconds: float) -> None:
        self._limit = limit
        self._window_seconds = window_seconds
        self._times: deque[float] = deque()

    def spend(self) -> bool:
        """Take one restart; False where there is none left in the window."""
        now = monotonic()
        while self._times and now - self._times[0] > self._window_seconds:
            self._times.popleft()
        if len(self._times) >= self._limit:
            return False
        self._times.append(now)
        return True
