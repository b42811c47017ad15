"""What a figure is: targets, and measurements with their spread.

A figure is a file beside this one, named `p<number>_<what>.py` or `peer_<what>.py`, with

- `NUMBER`, the row it fills in docs/performance.md, or "peer";
- `METHOD`, how it is taken, in a sentence;
- `TARGETS`, what is measured, with what it must be and what it aims at;
- `run(effort)`, which gives one outcome for each target, in their order.

It runs in an interpreter of its own and asserts that the work it timed was done.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

LEAST_BLOCKS = 15


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    blocks: int
    """Turns of each contestant."""
    messages: int
    """Messages a turn."""
    kernels: int
    """Kernels where there are many."""


FULL = Effort(blocks=31, messages=2_000, kernels=10_000)
QUICK = Effort(blocks=3, messages=1_000, kernels=1_000)


@dataclass(frozen=True)
class Target:
    """Something to measure; `must` and `aim` are None where nothing is asked of it."""

    name: str
    unit: str
    must: float | None = None
    aim: float | None = None
    is_higher_better: bool = False

    def is_met(self, value: float) -> bool:
        """Whether a value is what it must be."""
        if self.must is None:
            return True
        return value >= self.must if self.is_higher_better else value <= self.must


@dataclass(frozen=True)
class Measurement:
    """A median, the quartiles around it, and absolute figures of the same run beside it."""

    value: float
    low: float
    high: float
    beside: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Missing:
    """Why nothing was measured."""

    reason: str


Outcome = Measurement | Missing


class Figure(Protocol):
    """What the file of a figure has."""

    NUMBER: str
    METHOD: str
    TARGETS: tuple[Target, ...]

    def run(self, effort: Effort) -> Sequence[Outcome]: ...


def median_of(values: Sequence[float], **beside: float) -> Measurement:
    """Summarize figures of one kind."""
    if len(values) == 1:
        return Measurement(values[0], values[0], values[0], beside)
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return Measurement(middle, low, high, beside)


def ratio_of(over: Sequence[float], under: Sequence[float], **beside: float) -> Measurement:
    """Summarize the ratios of neighbours: the median is over turns, not a ratio of medians."""
    return median_of([a / b for a, b in zip(over, under, strict=True)], **beside)
