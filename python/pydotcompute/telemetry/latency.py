"""How long messages took."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LatencySummary:
    """A histogram of one kind of latency, in a few numbers.

    Made of timed messages, each of which stands for as many as were accepted since the one before.
    Times are seconds, from a nanosecond to an hour; longer ones show as an hour, but in `sum`.
    """

    count: int
    """Messages that the timed ones stand for."""
    sum: float
    """Sum over those messages."""
    p50: float
    """Half of the messages took no longer; like the other quantiles within 3.2 % of a time seen."""
    p90: float
    """90 % took no longer."""
    p99: float
    """99 % took no longer."""
    p999: float
    """99.9 % took no longer."""
    max: float
    """Upper edge of the highest bucket used: at most 6.25 % above the longest time seen."""

    def to_dict(self) -> dict[str, Any]:
        """Give every field by name."""
        return dict(self.__dict__)
