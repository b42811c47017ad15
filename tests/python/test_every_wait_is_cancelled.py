"""No public coroutine is forgotten: each never waits, or is cancelled at every point somewhere."""

import inspect
from collections.abc import Coroutine
from pathlib import Path
from typing import get_origin

import pytest
from kernels_for_tests import echo
from operations_for_tests import WAITING
from waiting_for_tests import at_once

from pydotcompute import MessageQueue, RingKernelRuntime, testing
from pydotcompute.runtime import KernelContext, KernelHandle
from pydotcompute.runtime.scope import KernelScope

PUBLIC = [RingKernelRuntime, KernelContext, KernelHandle, KernelScope, MessageQueue, testing]

NEVER_WAITS = [
    RingKernelRuntime.__aenter__,
    RingKernelRuntime.start,
    RingKernelRuntime.launch,
    RingKernelRuntime.activate,
    RingKernelRuntime.deactivate,
    RingKernelRuntime.reactivate,
    KernelScope.__aenter__,
]

ELSEWHERE = {
    RingKernelRuntime.__aexit__: ("test_cancelled_endings", "async with runtime:"),
    RingKernelRuntime.shutdown: ("test_cancelled_endings", "runtime.shutdown()"),
    RingKernelRuntime.terminate: ("test_cancellation", "runtime.terminate("),
    RingKernelRuntime.terminate_all: ("test_cancelled_endings", "runtime.terminate_all("),
    RingKernelRuntime.wait_quiet: ("test_cancelled_endings", "runtime.wait_quiet("),
    testing.wait_until_idle: ("test_cancelled_endings", "wait_until_idle"),
    RingKernelRuntime.send_and_receive: ("test_cancelled_exchanges", "runtime.send_and_receive("),
    KernelScope.__aexit__: ("test_cancelled_endings", "async with make("),
}


def coroutines_of(place):
    """List the public coroutine functions of a class or module, inherited ones included."""
    return {
        member
        for name, member in inspect.getmembers(place, is_awaited)
        if not name.startswith("_") or name.startswith("__")
    }


def is_awaited(member):
    """Tell whether calling this gives a coroutine, be it of a class of our own."""
    if inspect.iscoroutinefunction(member):
        return True
    if not inspect.isfunction(member):
        return False
    return get_origin(inspect.get_annotations(member).get("return")) is Coroutine


def test_every_public_coroutine_is_on_a_list():
    known = {*NEVER_WAITS, *ELSEWHERE, *(kind.operation for kind in WAITING)}
    assert set().union(*map(coroutines_of, PUBLIC)) == known


@pytest.mark.parametrize("operation", ELSEWHERE, ids=lambda operation: operation.__qualname__)
def test_an_operation_is_cancelled_where_it_is_said_to_be(operation):
    module, call = ELSEWHERE[operation]
    text = Path(__file__).with_name(f"{module}.py").read_text("utf-8")
    assert call in text
    assert "break_off(" in text or "CancelledAt(" in text


async def test_what_never_waits_cannot_be_cancelled_half_way():
    runtime = RingKernelRuntime()
    at_once(runtime.__aenter__())
    at_once(runtime.start())
    at_once(runtime.launch("k", echo))
    at_once(runtime.activate("k"))
    at_once(runtime.deactivate("k"))
    at_once(runtime.reactivate("k"))
    at_once(runtime.kernel_scope("other", echo).__aenter__())
    await runtime.shutdown()


@pytest.mark.parametrize("strategy", ["reject", "drop"])
async def test_where_nobody_waits_for_room_a_batch_goes_through_at_once(runtime, strategy):
    await runtime.launch("k", echo, queue_size=2, backpressure=strategy)
    taken = at_once(runtime.send_batch("k", range(5)))
    assert taken == (2 if strategy == "reject" else 5)
