"""What a form is: a way to write the values of one declared type, and to read them back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias

MAX_DEPTH: Final = 100
"""How deep values may lie in each other: far below what the interpreter's stack holds."""


class Refusal(Exception):  # noqa: N818 - a signal between two layers, never shown to a user
    """A value cannot be written, or what was read is no such value."""

    def __init__(self, reason: str, path: tuple[str, ...] = ()) -> None:
        """`path` leads to the field, from the outermost in."""
        super().__init__(reason)
        self.reason = reason
        self.path = path

    def inside(self, name: str) -> "Refusal":
        """Say the same of a value in the field `name`."""
        return Refusal(self.reason, (name, *self.path))

    def __str__(self) -> str:
        """Name the field, or the message, then the reason."""
        what = f"field {'.'.join(self.path)!r}" if self.path else "the message"
        return f"{what} {self.reason}"


Turn: TypeAlias = Callable[[Any, int], Any]
"""Turns a value into what is written, or back, with so much depth left."""


@dataclass(frozen=True, slots=True)
class Form:
    """How values of one declared type are written and read. Both ways may raise Refusal."""

    label: str
    """The type, as one would declare it."""
    kind: type | None
    """The class whose instances it is for; None where that is not one class."""
    write: Turn
    read: Turn


def deeper(room: int) -> int:
    """Give the room left one level down.

    Raises:
        Refusal: There is none.
    """
    if room <= 0:
        reason = f"lies more than {MAX_DEPTH} levels deep, which is the limit"
        raise Refusal(reason)
    return room - 1


def refuse(value: object, label: str) -> NoReturn:
    """Raise the Refusal of a value that is of another type than was declared."""
    got = "None" if value is None else type(value).__qualname__
    reason = f"must be {label}, got {got}"
    raise Refusal(reason)
