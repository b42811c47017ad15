"""Whether the numbers add up: counters against queues against callers."""

from collections.abc import Iterable
from dataclasses import dataclass

from pydotcompute.telemetry.kernel_telemetry import KernelTelemetry


@dataclass(frozen=True, slots=True)
class CallerLedger:
    """What callers counted themselves, knowing nothing of telemetry."""

    accepted: int
    """Sends that returned."""
    received: int
    """Receives that returned or raised an error reply."""


@dataclass(frozen=True, slots=True)
class Term:
    """One number of an equation, and who said it."""

    name: str
    value: int
    source: str

    def __str__(self) -> str:
        """Write the number before its name and source."""
        return f"{self.value:,} {self.name} ({self.source})"


@dataclass(frozen=True, slots=True)
class Equation:
    """Two sides that must be equal."""

    left: tuple[Term, ...]
    right: tuple[Term, ...]

    @property
    def difference(self) -> int:
        """Left minus right; 0 where it holds."""
        return sum(term.value for term in self.left) - sum(term.value for term in self.right)

    def __str__(self) -> str:
        """Write every term, and by how much the sides differ."""
        sides = [" + ".join(str(term) for term in side) for side in (self.left, self.right)]
        verdict = "holds" if self.difference == 0 else f"is off by {self.difference:+,}"
        return f"{sides[0]} = {sides[1]}: {verdict}"


@dataclass(frozen=True, slots=True)
class Audit:
    """The equations that hold whenever nothing is on its way."""

    equations: tuple[Equation, ...]

    @property
    def is_balanced(self) -> bool:
        """Whether every equation holds."""
        return all(equation.difference == 0 for equation in self.equations)

    def __str__(self) -> str:
        """Write one equation a line."""
        return "\n".join(str(equation) for equation in self.equations)


def audit(kernels: Iterable[KernelTelemetry], ledger: CallerLedger) -> Audit:
    """Compare what kernels' records, their queues and their callers say, summed over kernels.

    The three know nothing of each other: records are written a message at a time, queues are
    measured, callers count for themselves since the same launch or reset. Call it at rest.
    """
    shown = tuple(kernels)

    def term(field: str, source: str) -> Term:
        total = sum(getattr(kernel, field) for kernel in shown)
        return Term(field.removeprefix("messages_"), total, source)

    endings = ("processed", "unanswered", "errored", "dropped", "discarded")
    ended = tuple(term(f"messages_{ending}", "record") for ending in endings)
    waiting = (term("queue_depth", "queue"), term("in_flight", "kernel"))
    received = term("messages_received", "record")
    replies = (term("messages_sent", "record"), term("error_replies", "record"))
    collected = Term("received by callers", ledger.received, "callers")
    left = (term("output_depth", "queue"), term("replies_discarded", "record"))
    return Audit(
        (
            Equation((Term("accepted", ledger.accepted, "callers"),), (received,)),
            Equation((received,), ended + waiting),
            Equation(replies, (collected, *left)),
        )
    )
