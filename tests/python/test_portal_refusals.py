"""What a runtime refuses its portal refuses alike; and where a portal is of no use it says so."""

import asyncio

import pytest
from kernels_for_tests import echo, start, start_puppet, turns
from portals_for_tests import error_of, in_threads
from refusals_for_tests import called, everything

from pydotcompute import RingKernelRuntime
from pydotcompute.exceptions import (
    KernelExecutionError,
    KernelFailedError,
    KernelNotFoundError,
    QueueFullError,
    QueueFullTimeoutError,
    QueueTimeoutError,
    WrongLoopError,
)


async def of_the_runtime(runtime, name, arguments, options):
    try:
        return await called(lambda: getattr(runtime, name)(*arguments, **options))
    except Exception as error:  # noqa: BLE001 - compared by the test
        return error


REFUSED = [
    ("launch", ("worker", echo), {}),
    ("launch", ("", echo), {}),
    ("launch", ("new", echo), {"queue_size": 0}),
    ("launch", ("new", echo), {"execution": "moon"}),
    ("launch", ("nobody registered this",), {}),
    ("activate", ("worker",), {}),
    ("activate", ("walkr",), {}),
    ("deactivate", ("walker",), {}),
    ("reactivate", ("worker",), {}),
    ("terminate", ("walkr",), {}),
    ("terminate", ("worker",), {"timeout": -1}),
    ("terminate", ("worker",), {"timeout": None}),
    ("terminate_all", (), {"timeout": float("nan")}),
    ("send", ("walkr", 1), {}),
    ("send", ("worker", 1), {"timeout": -1}),
    ("send", ("worker", 1), {"timeout": "soon"}),
    ("send", ([], 1), {}),
    ("send_nowait", ("walkr", 1), {}),
    ("send_batch", ("walkr", [1]), {}),
    ("send_batch", ("worker", 1), {}),
    ("send_batch", ("worker", [1]), {"timeout": True}),
    ("receive", ("walkr",), {}),
    ("receive", ("worker",), {"timeout": -0.5}),
    ("receive_batch", ("worker", 0), {}),
    ("receive_batch", ("worker", "2"), {}),
    ("receive_nowait", ("walker",), {}),
    ("receive", ("walker",), {"timeout": 0}),
    ("send_and_receive", ("walkr", 1), {}),
    ("send_and_receive", ("worker", 1), {"timeout": -1}),
    ("get_state", ("walkr",), {}),
    ("reset_telemetry", ("walkr",), {}),
]


@pytest.mark.parametrize(("name", "arguments", "options"), REFUSED)
async def test_what_the_runtime_refuses_its_portal_refuses_alike(busy, name, arguments, options):
    before = everything(busy)
    call = getattr(busy.portal(), name)
    (through,) = await in_threads(lambda: [error_of(call, *arguments, **options)])
    directly = await of_the_runtime(busy, name, arguments, options)
    assert type(through[0]) is type(directly)
    assert isinstance(directly, Exception)
    assert (str(through[0]), vars(through[0])) == (str(directly), vars(directly))
    assert everything(busy) == before


async def test_a_batch_for_nobody_is_not_even_looked_at(runtime):
    messages = iter([1, 2])
    call = runtime.portal().send_batch
    (error,) = await in_threads(lambda: [error_of(call, "nobody", messages)])
    assert type(error[0]) is KernelNotFoundError
    assert type(error_of(call, "nobody", messages)) is WrongLoopError
    assert list(messages) == [1, 2]


async def test_the_failure_of_a_kernel_comes_through_with_its_cause(runtime):
    puppet = await start_puppet(runtime)
    puppet.error = ValueError("as told")
    receive = runtime.portal().receive
    waiting = asyncio.create_task(in_threads(lambda: [error_of(receive, "k")]))
    await turns()
    puppet.freed.set()
    ((error,),) = await waiting
    assert type(error) is KernelFailedError
    assert (error.kernel_id, error.__cause__) == ("k", puppet.error)


async def test_the_error_of_one_message_comes_through_with_its_cause(runtime):
    await start(runtime, "k", lambda number: 1 / number)
    call = runtime.portal().send_and_receive
    ((error,),) = await in_threads(lambda: [error_of(call, "k", 0)])
    assert type(error) is KernelExecutionError
    assert isinstance(error.__cause__, ZeroDivisionError)


async def test_timeouts_and_full_queues_are_those_of_the_runtime(runtime):
    portal = runtime.portal()
    await start_puppet(runtime, queue_size=1)
    await start_puppet(runtime, "strict", queue_size=1, backpressure="reject")

    def work():
        portal.send("k", 1)
        portal.send("strict", 1)
        for seconds in (0, 0.01):
            late = error_of(portal.send, "k", 2, timeout=seconds)
            assert type(late) is QueueFullTimeoutError
            assert (late.queue_size, late.timeout, late.kernel_id) == (1, seconds, "k")
        full = error_of(portal.send, "strict", 2)
        assert (type(full), full.queue_size, full.kernel_id) == (QueueFullError, 1, "strict")
        assert type(error_of(portal.send_nowait, "k", 2)) is QueueFullError
        assert portal.send_batch("k", [2, 3], timeout=0) == 0
        late = error_of(portal.receive, "k", timeout=0.01)
        assert (type(late), late.timeout) == (QueueTimeoutError, 0.01)
        rejected = {i: portal.get_telemetry(i).messages_rejected for i in ("k", "strict")}
        assert rejected == {"k": 1, "strict": 1}

    await in_threads(work)


# Where it is of no use.

IN_THE_LOOP = [call for call in REFUSED if call[0] not in ("get_state", "reset_telemetry")]


@pytest.mark.parametrize(("name", "arguments", "options"), IN_THE_LOOP)
async def test_the_thread_of_the_loop_is_refused(busy, name, arguments, options):
    before = everything(busy)
    error = error_of(getattr(busy.portal(), name), *arguments, **options)
    assert type(error) is WrongLoopError
    assert "the runtime's methods" in str(error)
    assert everything(busy) == before


async def test_a_kernel_on_the_loop_is_refused(runtime):
    async def kernel(ctx):
        await ctx.send(error_of(runtime.portal().send, "k", 1))

    await start(runtime, "k", kernel)
    assert type(await runtime.receive("k", timeout=5)) is WrongLoopError


async def test_a_scope_is_refused_in_the_thread_of_the_loop(busy):
    before = everything(busy)
    assert type(error_of(busy.portal().kernel_scope("new", echo).__enter__)) is WrongLoopError
    assert everything(busy) == before


async def test_reading_through_a_portal_works_on_the_loop_too(busy):
    assert everything(busy.portal()) == everything(busy)
    assert repr(busy.portal()) == f"<RuntimePortal to {busy!r}>"


def test_a_portal_needs_a_runtime_that_was_used():
    assert type(error_of(RingKernelRuntime().portal)) is WrongLoopError
