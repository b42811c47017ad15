"""Every exception of the package, in one tree under `PyDotComputeError`.

Each says who, what, the value, the limit and the way out in `.message`, and carries the same facts
as attributes. Each survives pickling and copying with all its attributes and notes; a cause and a
traceback stay behind, as they do with Python's own exceptions.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uuid import UUID

    from pydotcompute.options import KernelState

__all__ = [
    "BackendError",
    "BackendExecutionError",
    "BackendNotAvailableError",
    "BusyResourceError",
    "CountersFileError",
    "EndOfStream",
    "InvalidArgumentError",
    "InvalidTypeError",
    "KernelAlreadyExistsError",
    "KernelCompilationError",
    "KernelError",
    "KernelExecutionError",
    "KernelFailedError",
    "KernelNotFoundError",
    "KernelStateError",
    "KernelStuckError",
    "MessageError",
    "MessageSerializationError",
    "MessageTypeError",
    "MessageValidationError",
    "PyDotComputeError",
    "QueueEmptyError",
    "QueueError",
    "QueueFullError",
    "QueueFullTimeoutError",
    "QueueTimeoutError",
    "RuntimeClosedError",
    "WrongLoopError",
]


class PyDotComputeError(Exception):
    """Base of every exception of this package; `message` is its text."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        """Describe the exception by its attributes.

        Python's own way calls the class with `args`, which here is the finished text alone.
        """
        return _rebuild, (type(self), self.args), self.__dict__.copy()


def _rebuild(kind: type[PyDotComputeError], args: tuple[object, ...]) -> PyDotComputeError:
    error = kind.__new__(kind)
    error.args = args
    return error


class InvalidArgumentError(PyDotComputeError, ValueError):
    """An argument of the right type has a value that is not allowed.

    `argument` is its name and `value` its value, where they are known.
    """

    def __init__(self, message: str, *, argument: str | None = None, value: object = None) -> None:
        super().__init__(message)
        self.argument = argument
        self.value = value


class InvalidTypeError(PyDotComputeError, TypeError):
    """An argument has a type that is not allowed.

    `argument` is its name and `value_type` the name of its type, where they are known; the value
    itself might not be picklable.
    """

    def __init__(
        self, message: str, *, argument: str | None = None, value_type: str | None = None
    ) -> None:
        super().__init__(message)
        self.argument = argument
        self.value_type = value_type


class WrongLoopError(PyDotComputeError, RuntimeError):
    """A runtime was used from another event loop or thread than its own."""


class RuntimeClosedError(PyDotComputeError, RuntimeError):
    """A runtime was used after it was closed."""


class CountersFileError(PyDotComputeError):
    """A counters file cannot be made or read."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"counters file {path!r}: {reason}")
        self.path = path
        self.reason = reason


class KernelError(PyDotComputeError):
    """Something is wrong with one kernel; `kernel_id` says which."""

    def __init__(self, kernel_id: str, message: str) -> None:
        super().__init__(f"kernel {kernel_id!r}: {message}")
        self.kernel_id = kernel_id


class KernelNotFoundError(KernelError):
    """No kernel is known by this id; `near` holds ids that look like it."""

    def __init__(self, kernel_id: str, near: Iterable[str] = ()) -> None:
        """Keep the id and those near to it, the nearest first."""
        self.near = tuple(near)
        near_it = f" (near it: {', '.join(map(repr, self.near))})" if self.near else ""
        super().__init__(
            kernel_id,
            f"no kernel has this id{near_it}; launch one with a function, or register the function "
            "under the id with @ring_kernel",
        )


class KernelStateError(KernelError):
    """The kernel's state does not allow the operation.

    `current_state` is its state, `expected_states` lists those that would allow it.
    """

    def __init__(
        self,
        kernel_id: str,
        current_state: "KernelState",
        expected_states: "Iterable[KernelState]",
        *,
        hint: str = "",
    ) -> None:
        """Keep the states; `hint` is added to the text as the way out."""
        expected = list(expected_states)
        needed = f", needed is {' or '.join(s.name for s in expected)}" if expected else ""
        super().__init__(
            kernel_id, f"its state is {current_state.name}{needed}{hint and f'; {hint}'}"
        )
        self.current_state: KernelState | None = current_state
        self.expected_states = expected
        self.hint = hint


class KernelAlreadyExistsError(KernelStateError):
    """A live kernel has this id; `current_state` is its state where it was told, else None."""

    def __init__(
        self,
        kernel_id: str,
        current_state: "KernelState | None" = None,
        expected_states: "Iterable[KernelState]" = (),
    ) -> None:
        state = "" if current_state is None else f" in state {current_state.name}"
        KernelError.__init__(
            self,
            kernel_id,
            f"a kernel of this id is there already{state}; terminate it first, or take another id",
        )
        self.current_state = current_state
        self.expected_states = list(expected_states)
        self.hint = ""


class KernelCompilationError(KernelError):
    """The kernel's code cannot be compiled; `reason` is what the compiler said."""

    def __init__(self, kernel_id: str, reason: str) -> None:
        super().__init__(kernel_id, f"its code does not compile: {reason}")
        self.reason = reason


class KernelFailedError(KernelError):
    """The kernel's code raised and the kernel ended; `reason` names the exception, its cause."""

    def __init__(self, kernel_id: str, reason: str) -> None:
        super().__init__(
            kernel_id, f"its code failed and it ended: {reason}; launch it again to go on"
        )
        self.reason = reason


class KernelExecutionError(KernelError):
    """The kernel's code raised for one message, and goes on; `reason` names the exception.

    `correlation_id` is the message's `message_id`, where it has one; `error_code` what the handler
    of a native kernel returned, else None.
    """

    def __init__(self, kernel_id: str, reason: str, correlation_id: "UUID | None" = None) -> None:
        super().__init__(kernel_id, f"its code failed for one message and goes on: {reason}")
        self.reason = reason
        self.correlation_id = correlation_id
        self.error_code: int | None = None


class KernelStuckError(KernelError):
    """The kernel's code did not end, not even when cancelled.

    `timeout` is how many seconds it had; `others` are the ids of further kernels that did the same.
    """

    def __init__(self, kernel_id: str, timeout: float, others: Iterable[str] = ()) -> None:
        self.others = tuple(others)
        more = f" (nor did {', '.join(map(repr, self.others))})" if self.others else ""
        super().__init__(
            kernel_id,
            f"its code did not end within {timeout} s, and swallowed its cancellation{more}; let "
            "it return when ctx.should_terminate is true, and let CancelledError through",
        )
        self.timeout = timeout


class QueueError(PyDotComputeError):
    """Something is wrong with a queue; `kernel_id` says whose, or is None where that is unknown."""

    kernel_id: str | None = None


# The queue errors below name QueueError rather than super(): QueueFullTimeoutError is two of
# them at once, and super() of the one would be the other, which takes other arguments.


class QueueFullError(QueueError):
    """The queue has no room; `queue_size` is its bound in messages."""

    def __init__(self, queue_size: int, kernel_id: str | None = None) -> None:
        QueueError.__init__(
            self,
            f"{_queue_of(kernel_id)} is full with {queue_size} messages; take them out faster, "
            f"wait for room, or {_larger(kernel_id)}",
        )
        self.queue_size = queue_size
        self.kernel_id = kernel_id


class QueueEmptyError(QueueError):
    """The queue has nothing to give."""

    def __init__(self, kernel_id: str | None = None) -> None:
        super().__init__(f"{_queue_of(kernel_id)} is empty; use a call that waits")
        self.kernel_id = kernel_id


class QueueTimeoutError(QueueError, TimeoutError):
    """Nothing came in time; `timeout` is how many seconds that was. A TimeoutError too."""

    def __init__(self, timeout: float | None, kernel_id: str | None = None) -> None:
        QueueError.__init__(
            self, f"{_queue_of(kernel_id)} gave nothing within {timeout} s; wait longer or retry"
        )
        self.timeout = timeout
        self.kernel_id = kernel_id


class QueueFullTimeoutError(QueueFullError, QueueTimeoutError):
    """No room came in time: a QueueFullError and a QueueTimeoutError, with the facts of both."""

    def __init__(
        self, queue_size: int, timeout: float | None, kernel_id: str | None = None
    ) -> None:
        QueueError.__init__(
            self,
            f"{_queue_of(kernel_id)} stayed full with {queue_size} messages for {timeout} s; take "
            f"them out faster, wait longer, or {_larger(kernel_id)}",
        )
        self.queue_size = queue_size
        self.timeout = timeout
        self.kernel_id = kernel_id


class EndOfStream(QueueError):  # noqa: N818 - an end is no error; a kernel returns on it
    """The input is closed and every message was handed out: the kernel's code should return."""

    def __init__(self, kernel_id: str | None = None) -> None:
        super().__init__(
            f"{_queue_of(kernel_id)} is closed and every message was handed out; return"
        )
        self.kernel_id = kernel_id


class BusyResourceError(QueueError):
    """Another task is doing this already; `action` says what, as in "receiving"."""

    def __init__(self, action: str, kernel_id: str | None = None) -> None:
        super().__init__(
            f"{_queue_of(kernel_id)} is in use: another task is {action} already; wait for it"
        )
        self.action = action
        self.kernel_id = kernel_id


class MessageError(PyDotComputeError):
    """Something is wrong with a message."""


class MessageSerializationError(MessageError):
    """A message of `message_type` cannot be turned into bytes or back; `reason` says why."""

    def __init__(self, message_type: str, reason: str) -> None:
        super().__init__(
            f"{message_type} cannot be turned into bytes, or be made from them: {reason}"
        )
        self.message_type = message_type
        self.reason = reason


class MessageValidationError(MessageError):
    """The `field` of a message of `message_type` is wrong; `reason` says why."""

    def __init__(self, message_type: str, field: str, reason: str) -> None:
        super().__init__(f"{message_type}.{field}: {reason}")
        self.message_type = message_type
        self.field = field
        self.reason = reason


class MessageTypeError(MessageError, TypeError):
    """A message is of another type than its kernel declared.

    `message_type` and `expected_type` are the names of both: a class itself might not be picklable.
    """

    def __init__(
        self, message_type: object, expected_type: object, kernel_id: str | None = None
    ) -> None:
        """Keep the names of the types; classes, tuples of classes and names are taken."""
        self.message_type = _type_name(message_type)
        self.expected_type = _type_name(expected_type)
        self.kernel_id = kernel_id
        whose = "the kernel" if kernel_id is None else f"kernel {kernel_id!r}"
        super().__init__(
            f"{whose} declared {self.expected_type}, got {self.message_type}; pass an instance of "
            "what it declared, or declare another input_type or output_type"
        )


class BackendError(PyDotComputeError):
    """Something is wrong with what kernels run on; `backend` is its name."""

    def __init__(self, backend: str, message: str) -> None:
        super().__init__(f"backend {backend!r}: {message}")
        self.backend = backend


class BackendNotAvailableError(BackendError):
    """The backend cannot be used on this machine; `reason` says why, where that is known."""

    def __init__(self, backend: str, reason: str = "") -> None:
        super().__init__(
            backend, f"not available here{reason and f': {reason}'}; take another backend"
        )
        self.reason = reason


class BackendExecutionError(BackendError):
    """The backend failed while it ran something; `reason` is what it said."""

    def __init__(self, backend: str, reason: str) -> None:
        super().__init__(backend, f"execution failed: {reason}")
        self.reason = reason


def _queue_of(kernel_id: str | None) -> str:
    return "the queue" if kernel_id is None else f"the queue of kernel {kernel_id!r}"


def _larger(kernel_id: str | None) -> str:
    return "make a larger queue" if kernel_id is None else "launch with a larger queue_size"


def _type_name(kind: object) -> str:
    if isinstance(kind, str):
        return kind
    if isinstance(kind, tuple):
        return " or ".join(map(_type_name, kind))
    return kind.__qualname__ if isinstance(kind, type) else str(kind)
