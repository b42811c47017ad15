"""Priorities of messages."""

from typing import Final

from pydotcompute.exceptions import MessageValidationError

MAX_PRIORITY: Final = 255
"""The most urgent priority; the least is 0."""

NORMAL_PRIORITY: Final = 128
"""The priority of what asks for none."""


def check_priority(owner: type, priority: object) -> None:
    """Check the priority of a message of the class `owner`.

    Raises:
        MessageValidationError: It is no int from 0 to 255; a bool is none here.
    """
    is_int = isinstance(priority, int) and not isinstance(priority, bool)
    if not (is_int and priority in range(MAX_PRIORITY + 1)):
        reason = (
            f"must be an int from 0 to {MAX_PRIORITY} ({NORMAL_PRIORITY} is normal); "
            f"got {priority!r:.80}, which is of type {type(priority).__qualname__}"
        )
        raise MessageValidationError(owner.__qualname__, "priority", reason)
