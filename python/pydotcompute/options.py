"""States and options of kernels, and the checks of what a user passes for them."""

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from types import UnionType
from typing import (
    Final,
    Literal,
    Self,
    SupportsFloat,
    SupportsIndex,
    TypeAlias,
    TypeGuard,
    TypeVar,
    overload,
)

from pydotcompute.exceptions import InvalidArgumentError, InvalidTypeError

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


class KernelState(StrEnum):
    """Where a kernel is in its life; equal to its value, a string in lower case."""

    CREATED = "created"
    LAUNCHED = "launched"
    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    TERMINATING = "terminating"
    TERMINATED = "terminated"
    FAILED = "failed"


class BackpressureStrategy(StrEnum):
    """What a send does when the input queue is full; equal to its value, a string."""

    BLOCK = "block"
    """Wait for room."""
    REJECT = "reject"
    """Raise QueueFullError."""
    DROP_OLDEST = "drop"
    """Drop the oldest message of the lowest priority, the new one included."""


class KernelForm(StrEnum):
    """How a kernel's function meets its messages; equal to its value, a string."""

    LOOP = "loop"
    """It is called once, with the context, and takes messages itself."""
    HANDLER = "handler"
    """It is called once a message; what it returns, unless None, is the reply."""


class ErrorPolicy(StrEnum):
    """What becomes of a kernel whose code raises; equal to its value, a string."""

    FAIL = "fail"
    """It is FAILED."""
    RESTART = "restart"
    """Its code starts again on the same queues, up to max_restarts times in restart_window."""


def check_queue_size(value: object, name: str = "queue_size") -> int:
    """Check the bound of a queue.

    Returns:
        The bound, 1 to 2**24 messages.

    Raises:
        InvalidTypeError: It is no integer; a bool is none here.
        InvalidArgumentError: It is out of range.

    """
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


def check_backpressure(value: object, name: str = "backpressure") -> BackpressureStrategy:
    """Check a backpressure strategy, or find it by its value or name, in upper or lower case.

    Returns:
        The strategy.

    Raises:
        InvalidTypeError: It is neither a BackpressureStrategy nor a str.
        InvalidArgumentError: No strategy is called that.
    """
    return _member(BackpressureStrategy, value, name)


def check_form(value: object, name: str = "form") -> KernelForm:
    """Check a kernel form, or find it by its value or name, in upper or lower case.

    Returns:
        The form.

    Raises:
        InvalidTypeError: It is neither a KernelForm nor a str.
        InvalidArgumentError: No form is called that.
    """
    return _member(KernelForm, value, name)


def check_error_policy(value: object, name: str = "on_error") -> ErrorPolicy:
    """Check an error policy, or find it by its value or name, in upper or lower case.

    Returns:
        The policy.

    Raises:
        InvalidTypeError: It is neither an ErrorPolicy nor a str.
        InvalidArgumentError: No policy is called that.
    """
    return _member(ErrorPolicy, value, name)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelOptions:
    """Options of a kernel, checked when they are built; None means not given.

    Raises:
        InvalidArgumentError, InvalidTypeError: An option is out of range or of a wrong type.
    """

    queue_size: int | None = None
    output_queue_size: int | None = None
    backpressure: BackpressureStrategy | str | None = None
    """Always a member of BackpressureStrategy, once built from one or from a str."""
    input_type: MessageType | None = None
    output_type: MessageType | None = None
    replies: bool | None = None
    form: KernelForm | str | None = None
    """Always a member of KernelForm, once built from one or from a str."""
    on_error: ErrorPolicy | str | None = None
    """Always a member of ErrorPolicy, once built from one or from a str."""
    max_restarts: int | None = None
    restart_window: float | None = None

    def __post_init__(self) -> None:
        """Check each option that is given, and keep what the check returns."""
        for name, check in _CHECKS.items():
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, check(value, name))

    def settle(self, *, default_queue_size: int, usual_form: KernelForm) -> "LaunchOptions":
        """Fill in what nobody gave; an output queue of no size of its own has the input's."""
        queue_size = self.queue_size or default_queue_size
        return LaunchOptions(
            queue_size=queue_size,
            output_queue_size=self.output_queue_size or queue_size,
            backpressure=check_backpressure(self.backpressure or BackpressureStrategy.BLOCK),
            input_type=self.input_type,
            output_type=self.output_type,
            replies=self.replies is not False,
            form=check_form(self.form or usual_form),
            on_error=check_error_policy(self.on_error or ErrorPolicy.FAIL),
            max_restarts=3 if self.max_restarts is None else self.max_restarts,
            restart_window=60.0 if self.restart_window is None else self.restart_window,
        )

    def over(self, other: Self) -> Self:
        """Return the options given here, and for the others those of `other`."""
        given = {name: value for name in _CHECKS if (value := getattr(self, name)) is not None}
        return replace(other, **given) if given else other


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchOptions:
    """What a kernel is launched with: every option settled."""

    queue_size: int
    output_queue_size: int
    backpressure: BackpressureStrategy
    input_type: MessageType | None
    output_type: MessageType | None
    replies: bool
    form: KernelForm
    on_error: ErrorPolicy
    max_restarts: int
    restart_window: float


_CHECKS: Final[dict[str, Callable[[object, str], object]]] = {
    "queue_size": check_queue_size,
    "output_queue_size": check_queue_size,
    "backpressure": check_backpressure,
    "input_type": check_message_type,
    "output_type": check_message_type,
    "replies": check_flag,
    "form": check_form,
    "on_error": check_error_policy,
    "max_restarts": check_max_restarts,
    "restart_window": check_seconds,
}


def _member(kind: type[E], value: object, name: str) -> E:
    choices = " or ".join(repr(member.value) for member in kind)
    limit = f"a {kind.__name__}, or {choices}"
    if not isinstance(value, str):
        raise _wrong_type(value, name, limit)
    called = value.lower()
    for member in kind:
        if called in (member.value, member.name.lower()):
            return member
    raise _wrong_value(value, name, limit)


def _at_least(least: int, value: object, name: str) -> int:
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
