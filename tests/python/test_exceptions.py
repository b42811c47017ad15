"""Exceptions say what was wrong, carry their facts, and survive the way to another process."""

import asyncio
import copy
import inspect
import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydotcompute import exceptions as module
from pydotcompute.exceptions import (
    BackendError,
    BackendExecutionError,
    BackendNotAvailableError,
    BusyResourceError,
    CountersFileError,
    EndOfStream,
    InvalidArgumentError,
    InvalidTypeError,
    KernelAlreadyExistsError,
    KernelCompilationError,
    KernelError,
    KernelExecutionError,
    KernelFailedError,
    KernelNotFoundError,
    KernelStateError,
    KernelStuckError,
    MessageError,
    MessageSerializationError,
    MessageTypeError,
    MessageValidationError,
    PyDotComputeError,
    QueueEmptyError,
    QueueError,
    QueueFullError,
    QueueFullTimeoutError,
    QueueTimeoutError,
    RuntimeClosedError,
    WrongLoopError,
)
from pydotcompute.options import KernelState

ALL = [getattr(module, name) for name in module.__all__]

TREE = {
    PyDotComputeError: {Exception},
    InvalidArgumentError: {PyDotComputeError, ValueError},
    InvalidTypeError: {PyDotComputeError, TypeError},
    WrongLoopError: {PyDotComputeError, RuntimeError},
    RuntimeClosedError: {PyDotComputeError, RuntimeError},
    CountersFileError: {PyDotComputeError},
    KernelError: {PyDotComputeError},
    KernelNotFoundError: {KernelError},
    KernelStateError: {KernelError},
    KernelAlreadyExistsError: {KernelStateError},
    KernelCompilationError: {KernelError},
    KernelFailedError: {KernelError},
    KernelExecutionError: {KernelError},
    KernelStuckError: {KernelError},
    QueueError: {PyDotComputeError},
    QueueFullError: {QueueError},
    QueueEmptyError: {QueueError},
    QueueTimeoutError: {QueueError, asyncio.TimeoutError},
    QueueFullTimeoutError: {QueueFullError, QueueTimeoutError},
    EndOfStream: {QueueError},
    BusyResourceError: {QueueError},
    MessageError: {PyDotComputeError},
    MessageSerializationError: {MessageError},
    MessageValidationError: {MessageError},
    MessageTypeError: {MessageError, TypeError},
    BackendError: {PyDotComputeError},
    BackendNotAvailableError: {BackendError},
    BackendExecutionError: {BackendError},
}

STATES = st.sampled_from(KernelState)
IDS = st.lists(st.text(), max_size=3)
# What each argument, by its name, may be. A new exception with a new argument adds a line.
ARGUMENTS = {
    "action": st.text(),
    "argument": st.none() | st.text(),
    "backend": st.text(),
    "correlation_id": st.none() | st.uuids(),
    "current_state": STATES,
    "expected_states": st.lists(STATES, max_size=3),
    "expected_type": st.text(),
    "field": st.text(),
    "hint": st.text(),
    "kernel_id": st.text(),
    "message": st.text(),
    "message_type": st.text(),
    "near": IDS,
    "others": IDS,
    "path": st.text(),
    "queue_size": st.integers(),
    "reason": st.text(),
    "timeout": st.floats(allow_nan=False),
    "value": st.none() | st.integers() | st.text() | st.floats(allow_nan=False),
    "value_type": st.none() | st.text(),
}

COPIES: dict[str, Callable[[BaseException], BaseException]] = {
    f"pickle protocol {protocol}": lambda error, p=protocol: pickle.loads(pickle.dumps(error, p))  # noqa: S301 - made here
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
} | {"copy": copy.copy, "deepcopy": copy.deepcopy}


class OwnError(KernelFailedError):
    """A user's exception, with a constructor of its own."""

    def __init__(self, machine: str, *, seconds: float) -> None:
        super().__init__("worker", f"{machine} is gone")
        self.machine = machine
        self.seconds = seconds


def made(data: st.DataObject, kind: type) -> tuple[PyDotComputeError, dict[str, object]]:
    """Make an exception of any kind, all its arguments given."""
    given_ones = {
        name: data.draw(ARGUMENTS[name], name) for name in inspect.signature(kind).parameters
    }
    return kind(**given_ones), given_ones


def assert_same(one: BaseException, other: BaseException) -> None:
    assert type(other) is type(one)
    assert other.args == one.args
    assert vars(other) == vars(one)
    assert str(other) == str(one)


@pytest.mark.parametrize("kind", ALL)
@given(data=st.data())
def test_every_exception_keeps_its_arguments_as_attributes(kind, data):
    error, arguments = made(data, kind)
    arguments.pop("message", None)
    for name, value in arguments.items():
        kept = getattr(error, name)
        assert (list(kept) if isinstance(value, list) else kept) == value


@pytest.mark.parametrize("kind", ALL)
@given(data=st.data())
def test_the_message_of_every_exception_is_its_text(kind, data):
    error, arguments = made(data, kind)
    assert error.message == str(error)
    assert error.args == (error.message,)
    assert arguments.get("message", "") in error.message


@pytest.mark.parametrize("kind", ALL)
@given(data=st.data())
def test_every_exception_survives_pickle_and_copy_with_all_it_carries(kind, data):
    error, _ = made(data, kind)
    for note in data.draw(IDS, "notes"):
        error.add_note(note)
    for copied_by in COPIES.values():
        assert_same(error, copied_by(error))


@pytest.mark.parametrize("way", COPIES)
def test_a_subclass_with_its_own_constructor_survives_pickle_and_copy(way):
    error = OwnError("host 7", seconds=2.5)
    error.found_later = ["anything"]
    error.add_note("told twice")
    copied = COPIES[way](error)
    assert_same(error, copied)
    assert (copied.machine, copied.kernel_id, copied.found_later) == (
        "host 7",
        "worker",
        ["anything"],
    )


def test_a_copy_does_not_share_the_attributes_of_the_original():
    error = QueueFullError(10)
    copied = copy.copy(error)
    copied.queue_size = 20
    assert error.queue_size == 10


def test_every_exception_of_the_module_is_exported_in_order():
    defined = [
        name
        for name, item in vars(module).items()
        if inspect.isclass(item) and issubclass(item, BaseException)
    ]
    assert module.__all__ == sorted(defined)


@pytest.mark.parametrize("kind", TREE)
def test_the_tree_is_as_documented(kind):
    assert set(kind.__bases__) == TREE[kind]


def test_the_tree_is_complete():
    assert sorted(kind.__name__ for kind in TREE) == module.__all__


@pytest.mark.parametrize(
    ("error", "fragments"),
    [
        (KernelError("worker", "something"), ["'worker'", "something"]),
        (KernelNotFoundError("wroker"), ["'wroker'", "launch", "@ring_kernel"]),
        (KernelNotFoundError("wroker", ["worker", "walker"]), ["'worker'", "'walker'"]),
        (
            KernelStateError("w", KernelState.ACTIVE, [KernelState.LAUNCHED, KernelState.FAILED]),
            ["'w'", "ACTIVE", "LAUNCHED or FAILED"],
        ),
        (KernelStateError("w", KernelState.ACTIVE, [], hint="terminate it"), ["; terminate it"]),
        (KernelAlreadyExistsError("w"), ["'w'", "terminate it first"]),
        (KernelAlreadyExistsError("w", KernelState.DEACTIVATED), ["DEACTIVATED"]),
        (KernelCompilationError("w", "line 3"), ["'w'", "line 3"]),
        (KernelFailedError("w", "ValueError: no"), ["'w'", "ValueError: no", "launch it again"]),
        (KernelExecutionError("w", "ValueError: no"), ["'w'", "ValueError: no", "goes on"]),
        (KernelStuckError("w", 5.0), ["'w'", "5.0 s", "should_terminate"]),
        (KernelStuckError("w", 5.0, others=("v", "u")), ["'v', 'u'"]),
        (QueueFullError(1000), ["1000", "a larger queue"]),
        (QueueFullError(1000, kernel_id="w"), ["'w'", "larger queue_size"]),
        (QueueEmptyError(), ["empty", "waits"]),
        (QueueEmptyError(kernel_id="w"), ["'w'"]),
        (QueueTimeoutError(0.25), ["0.25 s", "wait longer"]),
        (QueueTimeoutError(0.25, kernel_id="w"), ["'w'"]),
        (QueueFullTimeoutError(1000, 0.25), ["1000", "0.25 s", "a larger queue"]),
        (QueueFullTimeoutError(1000, 0.25, kernel_id="w"), ["'w'", "larger queue_size"]),
        (EndOfStream(), ["closed", "return"]),
        (EndOfStream(kernel_id="w"), ["'w'"]),
        (BusyResourceError("receiving", kernel_id="w"), ["'w'", "receiving", "wait"]),
        (MessageSerializationError("Request", "no bytes"), ["Request", "no bytes"]),
        (MessageValidationError("Request", "size", "too big"), ["Request.size", "too big"]),
        (MessageTypeError(int, str, kernel_id="w"), ["'w'", "declared str", "got int"]),
        (MessageTypeError(int, (str, bytes)), ["str or bytes"]),
        (MessageTypeError(int, str | bytes), ["str | bytes"]),
        (BackendError("cuda", "something"), ["'cuda'", "something"]),
        (BackendNotAvailableError("cuda"), ["'cuda'", "another backend"]),
        (BackendNotAvailableError("cuda", reason="no device"), ["no device"]),
        (BackendExecutionError("cuda", "error 700"), ["'cuda'", "error 700"]),
        (CountersFileError("counters", "no space"), ["'counters'", "no space"]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_the_text_names_the_facts_and_the_way_out(error, fragments):
    assert [fragment for fragment in fragments if fragment not in str(error)] == []


def test_types_are_kept_by_name_so_that_a_local_class_does_not_stop_pickle():
    class Local:
        pass

    error = MessageTypeError(Local, (int, Local))
    assert error.message_type == Local.__qualname__
    assert error.expected_type == f"int or {Local.__qualname__}"
    assert_same(error, pickle.loads(pickle.dumps(error)))  # noqa: S301 - made here


def test_a_queue_timeout_is_what_asyncio_calls_a_timeout():
    with pytest.raises(asyncio.TimeoutError):
        raise QueueTimeoutError(0.1)


def test_a_queue_without_room_in_time_is_caught_as_full_and_as_a_timeout():
    error = QueueFullTimeoutError(8, 0.1)
    assert isinstance(error, QueueFullError)
    assert isinstance(error, TimeoutError)
    assert (error.queue_size, error.timeout) == (8, 0.1)
