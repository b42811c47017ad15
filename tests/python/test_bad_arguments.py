"""An argument that is out of range or of a wrong type is refused before anything happens."""

import math

import pytest
from kernels_for_tests import echo
from refusals_for_tests import called, refusal

from pydotcompute import RingKernelRuntime
from pydotcompute.exceptions import InvalidArgumentError, InvalidTypeError
from pydotcompute.testing import wait_until_idle

SIZES = [
    (0, InvalidArgumentError),
    (-1, InvalidArgumentError),
    (2**24 + 1, InvalidArgumentError),
    (2**40, InvalidArgumentError),
    (True, InvalidTypeError),
    (1.5, InvalidTypeError),
    (1.0, InvalidTypeError),
    ("10", InvalidTypeError),
    ([10], InvalidTypeError),
]

OPTIONS = [
    ("backpressure", "drop_newest", InvalidArgumentError, "'block' or 'reject' or 'drop'"),
    ("backpressure", "", InvalidArgumentError, "'block' or 'reject' or 'drop'"),
    ("backpressure", 1, InvalidTypeError, "'block' or 'reject' or 'drop'"),
    ("backpressure", True, InvalidTypeError, "'block' or 'reject' or 'drop'"),
    ("input_type", "int", InvalidTypeError, "a class"),
    ("input_type", 5, InvalidTypeError, "a class"),
    ("input_type", (int, 5), InvalidTypeError, "a class"),
    ("input_type", (), InvalidTypeError, "a class"),
    ("output_type", [int], InvalidTypeError, "a class"),
    ("output_type", list[int], InvalidTypeError, "a class"),
    ("replies", 1, InvalidTypeError, "True or False"),
    ("replies", "no", InvalidTypeError, "True or False"),
]

TIMEOUTS = [
    (-1, InvalidArgumentError),
    (-1e-9, InvalidArgumentError),
    (-math.inf, InvalidArgumentError),
    (math.nan, InvalidArgumentError),
    (10**400, InvalidArgumentError),
    (True, InvalidTypeError),
    ("1", InvalidTypeError),
    (b"1", InvalidTypeError),
    ([1], InvalidTypeError),
    (1j, InvalidTypeError),
]

OF_CALLERS = {
    "send": lambda runtime, timeout: runtime.send("worker", 1, timeout=timeout),
    "receive": lambda runtime, timeout: runtime.receive("worker", timeout=timeout),
    "terminate": lambda runtime, timeout: runtime.terminate("worker", timeout=timeout),
    "terminate_all": lambda runtime, timeout: runtime.terminate_all(timeout=timeout),
    "draining": lambda runtime, timeout: runtime.terminate_all(timeout=timeout, drain=True),
    "wait_until_idle": lambda runtime, timeout: wait_until_idle(runtime, timeout=timeout),
}
MUST_END = ("terminate", "terminate_all", "draining", "wait_until_idle")

OF_KERNELS = {
    "ctx.receive": lambda ctx, timeout: ctx.receive(timeout=timeout),
    "ctx.receive_batch": lambda ctx, timeout: ctx.receive_batch(1, timeout=timeout),
    "ctx.send": lambda ctx, timeout: ctx.send(1, timeout=timeout),
}

BATCH_SIZES = [
    (0, InvalidArgumentError),
    (-1, InvalidArgumentError),
    (-(2**70), InvalidArgumentError),
    (True, InvalidTypeError),
    ("3", InvalidTypeError),
    (1.5, InvalidTypeError),
    (None, InvalidTypeError),
]

sizes = pytest.mark.parametrize(("size", "kind"), SIZES)
timeouts = pytest.mark.parametrize(("timeout", "kind"), TIMEOUTS, ids=repr)


# Options.


@sizes
@pytest.mark.parametrize("name", ["queue_size", "output_queue_size"])
async def test_the_size_of_a_queue_is_checked_at_the_launch(busy, name, size, kind):
    with refusal(busy, kind, f"{name} must be", repr(size), "1 to 16777216") as caught:
        await busy.launch("k", echo, **{name: size})
    assert caught.value.argument == name


@sizes
def test_the_default_size_of_queues_is_checked_at_once(size, kind):
    with pytest.raises(kind, match=r"default_queue_size must be .*from 1 to 16777216"):
        RingKernelRuntime(default_queue_size=size)


@pytest.mark.parametrize("name", ["enable_telemetry", "latency"])
@pytest.mark.parametrize("value", ["no", 1, None])
def test_a_switch_of_the_runtime_is_true_or_false(name, value):
    with pytest.raises(InvalidTypeError, match=f"{name} must be True or False; got {value!r}"):
        RingKernelRuntime(**{name: value})


@pytest.mark.parametrize("size", [1, 2**24])
async def test_the_smallest_and_the_largest_queue_are_made(busy, size):
    await busy.launch("k", echo, queue_size=size, output_queue_size=size)
    await busy.activate("k")
    await busy.send("k", 1)
    assert await busy.receive("k") == 1


@pytest.mark.parametrize(("name", "value", "kind", "limit"), OPTIONS)
async def test_an_option_is_checked_at_the_launch(busy, name, value, kind, limit):
    with refusal(busy, kind, f"{name} must be", repr(value), limit) as caught:
        await busy.launch("k", echo, **{name: value})
    assert caught.value.argument == name


async def test_an_option_that_does_not_exist_is_not_ignored(busy):
    for name in ("hand_off", "priority"):
        with refusal(busy, TypeError, name):
            await busy.launch("k", echo, **{name: None})
        with pytest.raises(TypeError, match=name):
            RingKernelRuntime(**{name: None})


# Timeouts.


@timeouts
@pytest.mark.parametrize("call", OF_CALLERS.values(), ids=OF_CALLERS)
async def test_a_timeout_of_a_caller_is_checked(busy, call, timeout, kind):
    with refusal(busy, kind, "timeout must be seconds, 0 or more", repr(timeout)[:60]):
        await call(busy, timeout)


@timeouts
@pytest.mark.parametrize("call", OF_KERNELS.values(), ids=OF_KERNELS)
async def test_a_timeout_of_a_kernel_is_checked(busy, worker, call, timeout, kind):
    with refusal(busy, kind, "timeout must be seconds, 0 or more", repr(timeout)[:60]):
        await call(worker, timeout)


@pytest.mark.parametrize("name", MUST_END)
async def test_what_must_end_takes_no_endless_timeout(busy, name):
    with refusal(busy, InvalidTypeError, "timeout must be seconds", "None"):
        await OF_CALLERS[name](busy, None)


async def test_a_bad_timeout_is_refused_also_where_nothing_would_wait(busy):
    await busy.terminate("walker")
    with refusal(busy, InvalidArgumentError, "timeout", "-1"):
        await busy.terminate("walker", timeout=-1)


# What kernels pass.


@pytest.mark.parametrize(("size", "kind"), BATCH_SIZES)
async def test_the_size_of_a_batch_is_checked(busy, worker, size, kind):
    with refusal(busy, kind, "max_messages must be", "1 or more", repr(size)):
        await worker.receive_batch(size)


@pytest.mark.parametrize("error", ["text", None, 5, ValueError, [ValueError()]])
async def test_only_an_exception_is_recorded_as_an_error(busy, worker, error):
    with refusal(busy, InvalidTypeError, "record_error()", repr(error)):
        await called(worker.record_error, error)
