"""What is remembered of an error: its text, and that it was counted."""

from typing import Final

_MARK: Final = "__pydotcompute_recorded__"
_TEXT_LIMIT: Final = 500


def describe(error: BaseException) -> str:
    """Type and text of an exception in one line of at most 500 characters.

    An exception whose own text cannot be made is described by its type alone.
    """
    name = type(error).__qualname__
    try:
        text = str(error)
    except Exception as broken:  # noqa: BLE001 - foreign code; what it did is in the text
        text = f"<its text cannot be made: {type(broken).__qualname__}>"
    line = f"{name}: {text}" if text else name
    return line if len(line) <= _TEXT_LIMIT else line[: _TEXT_LIMIT - 1] + "…"


def mark_recorded(error: BaseException, incarnation: int) -> None:
    """Remember that this incarnation of a kernel counted this exception object.

    The mark lies on the exception, so that neither has to keep the other alive. It names the
    object, so that a copy does not pass for it.
    """
    marks = error.__dict__.get(_MARK, frozenset())
    error.__dict__[_MARK] = marks | {(id(error), incarnation)}


def is_recorded(error: BaseException, incarnation: int) -> bool:
    """Whether this incarnation of a kernel counted this exception object before."""
    return (id(error), incarnation) in error.__dict__.get(_MARK, ())
