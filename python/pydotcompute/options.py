"""States and options of kernels."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, Final, NamedTuple, Self

from pydotcompute.checks import (
    MessageType,
    check_flag,
    check_max_restarts,
    check_member,
    check_message_type,
    check_queue_size,
    check_seconds,
)


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


class KernelExecution(StrEnum):
    """Where a kernel's function runs; equal to its value, a string."""

    TASK = "task"
    """On the runtime's event loop."""
    THREAD = "thread"
    """In a thread of its own: an async function with an event loop there, any other blocking it."""
    NATIVE = "native"
    """In a thread without the interpreter: a C function, by way of `native_kernel()`."""


def check_backpressure(value: object, name: str = "backpressure") -> BackpressureStrategy:
    """Check a backpressure strategy, or find it by its value or name, in upper or lower case.

    Returns:
        The strategy.

    Raises:
        InvalidTypeError: It is neither a BackpressureStrategy nor a str.
        InvalidArgumentError: No strategy is called that.
    """
    return check_member(BackpressureStrategy, value, name)


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
    execution: KernelExecution | str | None = None
    """Always a member of KernelExecution, once built from one or from a str."""
    on_error: ErrorPolicy | str | None = None
    """Always a member of ErrorPolicy, once built from one or from a str."""
    max_restarts: int | None = None
    restart_window: float | None = None

    def __post_init__(self) -> None:
        """Check each option that is given, and keep what the check returns."""
        for name, check in _CHECKS.items():
            value = getattr(self, name)
            if value is not None and (kept := check(value, name)) is not value:
                object.__setattr__(self, name, kept)

    def settle(self, *, default_queue_size: int, usual_form: KernelForm) -> "LaunchOptions":
        """Fill in what nobody gave; an output queue of no size of its own has the input's."""
        queue_size = self.queue_size or default_queue_size
        members: Any = self  # no str is left of those that it was built from
        return LaunchOptions(
            queue_size=queue_size,
            output_queue_size=self.output_queue_size or queue_size,
            backpressure=members.backpressure or BackpressureStrategy.BLOCK,
            input_type=self.input_type,
            output_type=self.output_type,
            replies=self.replies is not False,
            form=members.form or usual_form,
            execution=members.execution or KernelExecution.TASK,
            on_error=members.on_error or ErrorPolicy.FAIL,
            max_restarts=3 if self.max_restarts is None else self.max_restarts,
            restart_window=60.0 if self.restart_window is None else self.restart_window,
        )

    def over(self, other: Self) -> Self:
        """Return the options given here, and for the others those of `other`."""
        given = {name: value for name in _CHECKS if (value := getattr(self, name)) is not None}
        return replace(other, **given) if given else other


class LaunchOptions(NamedTuple):
    """What a kernel is launched with: every option settled."""

    queue_size: int
    output_queue_size: int
    backpressure: BackpressureStrategy
    input_type: MessageType | None
    output_type: MessageType | None
    replies: bool
    form: KernelForm
    execution: KernelExecution
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
    "form": partial(check_member, KernelForm),
    "execution": partial(check_member, KernelExecution),
    "on_error": partial(check_member, ErrorPolicy),
    "max_restarts": check_max_restarts,
    "restart_window": check_seconds,
}
