"""Every documented name is there, with the documented parameters and defaults."""

import inspect

import pytest

import pydotcompute
from pydotcompute import (
    BackpressureStrategy,
    KernelContext,
    MessageQueue,
    RingKernelRuntime,
    TelemetryCollector,
    exceptions,
    message,
    ring_kernel,
)
from pydotcompute.ring_kernels.lifecycle import managed_kernel
from pydotcompute.runtime import KernelHandle

TOP = [
    "RingKernelRuntime",
    "ring_kernel",
    "message",
    "RingKernelMessage",
    "KernelState",
    "KernelContext",
    "KernelTelemetry",
    "TelemetryCollector",
    "MessageQueue",
    "BackpressureStrategy",
]

REQUIRED = inspect.Parameter.empty
OPTIONS = {
    "queue_size": None,
    "output_queue_size": None,
    "backpressure": None,
    "form": None,
    "input_type": None,
    "output_type": None,
    "replies": None,
    "execution": "task",
    "on_error": "fail",
    "max_restarts": 3,
    "restart_window": 60.0,
}
SWITCHES = {
    "enable_telemetry": False,
    "default_queue_size": 1000,
    "backend": "auto",
    "latency": True,
}
# What goes by position, and what goes by keyword with which default.
RUNTIME = {
    "__init__": ("", SWITCHES),
    "launch": ("kernel_id kernel_func", OPTIONS),
    "portal": ("", {}),
    "activate": ("kernel_id", {}),
    "deactivate": ("kernel_id", {}),
    "reactivate": ("kernel_id", {}),
    "terminate": ("kernel_id", {"timeout": 5.0, "drain": False}),
    "terminate_all": ("", {"timeout": 10.0, "drain": False}),
    "send": ("kernel_id message", {"timeout": None}),
    "receive": ("kernel_id", {"timeout": None}),
    "send_and_receive": ("kernel_id message", {"timeout": None}),
    "send_batch": ("kernel_id messages", {"timeout": None}),
    "receive_batch": ("kernel_id max_messages", {"timeout": None}),
    "send_nowait": ("kernel_id message", {}),
    "receive_nowait": ("kernel_id", {}),
    "get_state": ("kernel_id", {}),
    "get_telemetry": ("kernel_id", {}),
    "get_all_telemetry": ("", {}),
    "get_summary": ("", {}),
    "reset_telemetry": ("kernel_id", {}),
    "kernel_scope": ("kernel_id kernel_func", {}),
    "get_kernel_state": ("kernel_id", {}),
    "is_active": ("kernel_id", {}),
    "start": ("", {}),
    "shutdown": ("", {}),
}
CONTEXT = {
    "receive": ("", {"timeout": None}),
    "receive_batch": ("max_messages", {"timeout": None}),
    "send": ("message", {"timeout": None}),
    "send_batch": ("messages", {"timeout": None}),
    "wait_active": ("", {}),
    "request_termination": ("", {}),
    "record_error": ("exc", {}),
}
QUEUE = {
    "put": ("message", {"timeout": None}),
    "put_nowait": ("message", {}),
    "get": ("", {"timeout": None}),
    "get_nowait": ("", {}),
    "peek": ("", {}),
    "clear": ("", {}),
}
COLLECTOR = {
    "record_receive": ("kernel_id", {}),
    "record_send": ("kernel_id", {}),
    "record_error": ("kernel_id exc", {}),
}
METHODS = [
    (owner, name, *parameters)
    for owner, methods in (
        (RingKernelRuntime, RUNTIME),
        (KernelContext, CONTEXT),
        (KernelHandle, {"send": CONTEXT["send"], "receive": CONTEXT["receive"]}),
        (MessageQueue, QUEUE),
        (TelemetryCollector, COLLECTOR),
    )
    for name, parameters in methods.items()
]
PROPERTIES = [
    (RingKernelRuntime, "kernel_ids active_kernels"),
    (KernelContext, "kernel_id state is_active should_terminate"),
    (KernelHandle, "id telemetry"),
    (MessageQueue, "size max_size is_empty is_full"),
]

ERRORS = {
    "PyDotComputeError": "message",
    "KernelError": "kernel_id message",
    "KernelNotFoundError": "kernel_id",
    "KernelStateError": "kernel_id current_state expected_states",
    "KernelAlreadyExistsError": "kernel_id",
    "KernelCompilationError": "kernel_id reason",
    "QueueFullError": "queue_size",
    "QueueEmptyError": "",
    "MessageSerializationError": "message_type reason",
    "MessageValidationError": "message_type field reason",
    "BackendError": "backend message",
    "BackendNotAvailableError": "backend",
    "BackendExecutionError": "backend reason",
}


def parameters_of(call):
    found = list(inspect.signature(call).parameters.values())
    return [parameter for parameter in found if parameter.name != "self"]


def by_position(call):
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
    return [parameter for parameter in parameters_of(call) if parameter.kind in kinds]


def by_keyword(call):
    found = parameters_of(call)
    return {p.name: p.default for p in found if p.kind is inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("name", TOP)
def test_a_documented_name_stands_at_the_top(name):
    assert name in pydotcompute.__all__
    assert getattr(pydotcompute, name).__name__ == name


@pytest.mark.parametrize(("owner", "name", "positional", "keywords"), METHODS)
def test_a_method_takes_what_is_documented(owner, name, positional, keywords):
    call = inspect.getattr_static(owner, name)
    assert " ".join(parameter.name for parameter in by_position(call)) == positional
    assert keywords.items() <= by_keyword(call).items()


@pytest.mark.parametrize(("owner", "names"), PROPERTIES)
def test_what_is_read_is_a_property(owner, names):
    for name in names.split():
        assert isinstance(inspect.getattr_static(owner, name), property)


def test_what_may_be_left_out_by_position_has_its_default():
    optional = {
        (call, parameter.name): parameter.default
        for call in (
            RingKernelRuntime.launch,
            RingKernelRuntime.kernel_scope,
            RingKernelRuntime.reset_telemetry,
            TelemetryCollector.record_error,
            TelemetryCollector,
            managed_kernel,
            MessageQueue,
        )
        for parameter in by_position(call)
        if parameter.default is not REQUIRED
    }
    assert {name: default for (_, name), default in optional.items()} == {
        "kernel_func": None,
        "kernel_id": None,
        "exc": None,
        "enabled": True,
        "max_size": 1000,
        "backpressure": BackpressureStrategy.BLOCK,
    }
    assert [parameter.name for parameter in by_position(managed_kernel)] == [
        "runtime",
        "kernel_id",
        "kernel_func",
    ]


def test_the_decorator_takes_its_options_by_keyword_and_none_means_not_given():
    keywords = by_keyword(ring_kernel)
    assert keywords.pop("auto_register") is True
    assert {"kernel_id", "input_type", "output_type", "queue_size", "backpressure"} <= set(keywords)
    assert set(keywords.values()) == {None}


def test_a_context_names_the_types_of_its_messages_and_replies():
    assert KernelContext[int, str].__args__ == (int, str)


@pytest.mark.parametrize(("name", "arguments"), ERRORS.items())
def test_an_exception_is_made_from_the_documented_arguments(name, arguments):
    kind = getattr(exceptions, name)
    names = arguments.split()
    accepted = [parameter.name for parameter in by_position(kind)]
    required = [parameter.name for parameter in by_position(kind) if parameter.default is REQUIRED]
    assert accepted[: len(names)] == names
    assert required == names


def test_a_message_takes_its_envelope_by_keyword():
    @message
    class Request:
        value: int

    assert by_keyword(Request) == {"message_id": None, "priority": 128, "correlation_id": None}


@pytest.mark.parametrize("name", ["UnifiedBuffer", "MemoryPool", "Accelerator", "gpu_kernel"])
def test_asking_for_what_is_not_here_says_who_does_it_well(name):
    with pytest.raises(AttributeError, match=f"{name}.*CuPy or numba-cuda") as caught:
        getattr(pydotcompute, name)
    assert caught.value.name == name
    assert not hasattr(pydotcompute, name)
    with pytest.raises(AttributeError, match=r"has no attribute 'anything_else'$"):
        pydotcompute.anything_else  # noqa: B018 - reading it is the point
