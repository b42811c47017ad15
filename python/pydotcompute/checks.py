"""Checks of what a user passes: each returns the value to keep, or says what was wrong with it."""

import operator
from enum import StrEnum
from types import UnionType
from typing import (
    Final,
    Literal,
    SupportsFloat,
    SupportsIndex,
    TypeAlias,
    TypeGuard,
    TypeVar,
    overload,
)

from pydotcompute.exceptions import BackendNotAvailableError, InvalidArgumentError, InvalidTypeError

MAX_QUEUE_SIZE: Final = 2**24
"""The largest bound of a queue, in messages."""

MAX_KERNEL_ID_BYTES: Final = 192
"""The longest kernel id, in bytes of UTF-8."""

MessageType: TypeAlias = type | UnionType | tuple["MessageType", ...]
"""What isinstance() takes as its second argument."""

E = TypeVar("E", bound=StrEnum)

_SHOWN_CHARACTERS: Final = 80
_INTEGERS: Final = (int, SupportsIndex)  # int first: asking a protocol takes microseconds
_NUMBERS: Final = (int, float, SupportsFloat, SupportsIndex)


def check_queue_size(value: object, name: str = "queue_size") -> int:
    """Check the bound of a queue.

    Returns:
        The bound, 1 to 2**24 messages.

    Raises:
        InvalidTypeError: It is no integer; a bool is none here.
        InvalidArgumentError: It is out of range.

    """
    if type(value) is int and 1 <= value <= MAX_QUEUE_SIZE:  # most calls end here
        return value
    limit = f"an integer from 1 to {MAX_QUEUE_SIZE}"
    size = _integer(value, name, limit)
    if not 1 <= size <= MAX_QUEUE_SIZE:
        raise _wrong_value(size, name, limit)
    return size


def check_count(value: object, name: str) -> int:
    """Check a number of messages.

    Returns:
        The number, 1 or more.

    Raises:
        InvalidTypeError: It is no integer; a bool is none here.
        InvalidArgumentError: It is below 1.

    """
    return _at_least(1, value, name)


@overload
def check_timeout(value: object, name: str = "timeout", *, required: Literal[True]) -> float: ...
@overload
def check_timeout(
    value: object, name: str = "timeout", *, required: Literal[False] = False
) -> float | None: ...
def check_timeout(value: object, name: str = "timeout", *, required: bool = False) -> float | None:
    """Check a timeout in seconds; it may be infinite and, unless `required`, None.

    Returns:
        The seconds, 0 or more, or None.

    Raises:
        InvalidTypeError: It is no number; a bool is none here.
        InvalidArgumentError: It is negative, NaN or too large for a float.
    """
    if value is None and not required:
        return None
    if type(value) is float and value >= 0.0:  # most calls end here
        return value
    limit = f"seconds, 0 or more{'' if required else ', or None for no limit'}"
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
        raise _wrong_type(value, name, limit)
    try:
        seconds = float(value)
    except TypeError:  # an array has the method, but no use for it
        raise _wrong_type(value, name, limit) from None
    except (OverflowError, ValueError):  # a huge int, a signaling NaN
        raise _wrong_value(value, name, limit) from None
    if not seconds >= 0.0:
        raise _wrong_value(value, name, limit)
    return seconds


def check_kernel_id(value: object, name: str = "kernel_id") -> str:
    """Check a kernel id.

    Returns:
        The id as a plain str, 1 to 192 bytes of UTF-8.

    Raises:
        InvalidTypeError: It is no str.
        InvalidArgumentError: It is empty, too long, or holds lone surrogates.
    """
    limit = f"a str of 1 to {MAX_KERNEL_ID_BYTES} bytes of UTF-8"
    if not isinstance(value, str):
        raise _wrong_type(value, name, limit)
    kernel_id = str.__str__(value)  # an enum's member has a __str__ of its own
    try:
        length = len(kernel_id.encode())
    except UnicodeEncodeError:
        raise _wrong_value(kernel_id, name, limit) from None
    if not 1 <= length <= MAX_KERNEL_ID_BYTES:
        raise _wrong_value(kernel_id, name, limit, note=f" of {length} bytes")
    return kernel_id


def check_message_type(value: object, name: str = "message_type") -> MessageType | None:
    """Check what messages are to be instances of.

    Returns:
        It, or None where nothing is asked of messages.

    Raises:
        InvalidTypeError: isinstance() does not take it, or it is an empty tuple.
    """
    if value is None or _is_message_type(value):
        return value
    limit = "a class, a union or a tuple of classes, or None for any object"
    raise _wrong_type(value, name, limit)


def check_backend(value: object, name: str = "backend") -> str:
    """Check a backend, or find it by another of its names, in upper or lower case.

    Returns:
        "host", the one there is.

    Raises:
        InvalidTypeError: It is no str.
        InvalidArgumentError: No backend is called that.
        BackendNotAvailableError: It is not part of this version.
    """
    limit = "'auto', 'host' or 'cpu'"
    if not isinstance(value, str):
        raise _wrong_type(value, name, limit)
    backend = value.lower()
    if backend == "cuda":
        raise BackendNotAvailableError(backend, "this version runs kernels on the host alone")
    if backend not in ("auto", "host", "cpu"):
        raise _wrong_value(value, name, limit)
    return "host"


def check_max_restarts(value: object, name: str = "max_restarts") -> int:
    """Check a number of restarts.

    Returns:
        The number, 0 or more.

    Raises:
        InvalidTypeError: It is no integer; a bool is none here.
        InvalidArgumentError: It is negative.
    """
    return _at_least(0, value, name)


def check_seconds(value: object, name: str) -> float:
    """Check a duration in seconds; it may be infinite.

    Raises:
        InvalidTypeError: It is no number; a bool is none here.
        InvalidArgumentError: It is negative, NaN or too large for a float.
    """
    return check_timeout(value, name, required=True)


def check_flag(value: object, name: str) -> bool:
    """Check a bool.

    Returns:
        The bool.

    Raises:
        InvalidTypeError: It is something else.
    """
    if not isinstance(value, bool):
        raise _wrong_type(value, name, "True or False")
    return value


def check_member(kind: type[E], value: object, name: str) -> E:
    """Check a member of an enumeration, or find it by its value or name, in upper or lower case.

    Raises:
        InvalidTypeError: It is neither a member nor a str.
        InvalidArgumentError: No member is called that.
    """
    if type(value) is kind:  # most calls end here
        return value
    if not isinstance(value, str):
        raise _wrong_type(value, name, _choices(kind))
    called = value.lower()
    for member in kind:
        if called in (member.value, member.name.lower()):
            return member
    raise _wrong_value(value, name, _choices(kind))


def _choices(kind: type[StrEnum]) -> str:
    values = " or ".join(repr(member.value) for member in kind)
    return f"a {kind.__name__}, or {values}"


def _at_least(least: int, value: object, name: str) -> int:
    if type(value) is int and value >= least:  # most calls end here
        return value
    limit = f"an integer of {least} or more"
    number = _integer(value, name, limit)
    if number < least:
        raise _wrong_value(number, name, limit)
    return number


def _integer(value: object, name: str, limit: str) -> int:
    if isinstance(value, bool) or not isinstance(value, _INTEGERS):
        raise _wrong_type(value, name, limit)
    try:
        return operator.index(value)
    except TypeError:  # an array has the method, but no use for it
        raise _wrong_type(value, name, limit) from None


def _is_message_type(value: object) -> TypeGuard[MessageType]:
    if isinstance(value, tuple):  # isinstance() would stop at a match before a wrong one
        return bool(value) and all(map(_is_message_type, value))
    try:
        isinstance(None, value)  # type: ignore[arg-type]  # whether it is one is the question
    except TypeError:
        return False
    return True


def _wrong_type(value: object, name: str, limit: str) -> InvalidTypeError:
    kind = type(value).__qualname__
    text = f"{name} must be {limit}; got {_shown(value)}, which is of type {kind}"
    return InvalidTypeError(text, argument=name, value_type=kind)


def _wrong_value(value: object, name: str, limit: str, note: str = "") -> InvalidArgumentError:
    text = f"{name} must be {limit}; got {_shown(value)}{note}"
    return InvalidArgumentError(text, argument=name, value=value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"
