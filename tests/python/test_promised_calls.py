"""The calls for batches and for asking keep the rules of the single ones."""

import asyncio
import math

import pytest
from kernels_for_tests import bring_to, counts, echo, start, start_puppet, turns
from refusals_for_tests import refusal
from waiting_for_tests import at_once

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.exceptions import (
    InvalidArgumentError,
    KernelFailedError,
    KernelNotFoundError,
    QueueFullError,
    RuntimeClosedError,
    WrongLoopError,
)
from pydotcompute.testing import wait_until_idle

CALLS = {
    "send_batch": lambda runtime, kernel_id, **timeout: runtime.send_batch(
        kernel_id, [1], **timeout
    ),
    "receive_batch": lambda runtime, kernel_id, **timeout: runtime.receive_batch(
        kernel_id, 1, **timeout
    ),
    "send_and_receive": lambda runtime, kernel_id, **timeout: runtime.send_and_receive(
        kernel_id, 1, **timeout
    ),
}
calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@calls
async def test_an_unknown_id_is_named_with_those_that_are_near(busy, call):
    with refusal(busy, KernelNotFoundError, "'wrker'", "'worker'"):
        await call(busy, "wrker")


@calls
@pytest.mark.parametrize("timeout", [-1, -0.5, math.nan, -math.inf])
async def test_a_negative_timeout_or_nan_is_refused(busy, call, timeout):
    with refusal(busy, InvalidArgumentError, "timeout must be seconds, 0 or more"):
        await call(busy, "worker", timeout=timeout)


@pytest.mark.parametrize("timeout", [-1, math.nan])
async def test_a_kernels_batch_of_replies_takes_no_such_timeout_either(busy, worker, timeout):
    with refusal(busy, InvalidArgumentError, "timeout must be seconds, 0 or more"):
        await worker.send_batch([1], timeout=timeout)


@calls
async def test_a_closed_runtime_refuses_it(call):
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("worker", echo)
    with refusal(runtime, RuntimeClosedError, "closed"):
        await call(runtime, "worker")


@calls
async def test_a_call_from_another_loop_is_refused(busy, call):
    async def elsewhere():
        await call(busy, "worker")

    with refusal(busy, WrongLoopError, "another loop runs"):
        await asyncio.to_thread(asyncio.run, elsewhere())


@calls
@pytest.mark.parametrize("when", ["pending", "later"])
async def test_a_failed_kernel_tells_the_cause(runtime, call, when):
    error = ValueError("the reason")
    puppet = await start_puppet(runtime, queue_size=1)
    puppet.error = error
    runtime.send_nowait("k", "fills it")
    asked = asyncio.create_task(call(runtime, "k"))
    await turns()
    assert not asked.done()
    puppet.freed.set()
    await turns()
    if when == "later":
        asked.exception()
        asked = asyncio.create_task(call(runtime, "k"))
    with pytest.raises(KernelFailedError) as caught:
        await asked
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("state", [KernelState.ACTIVE, KernelState.TERMINATED])
async def test_a_batch_of_nothing_is_nothing(runtime, state):
    await bring_to(runtime, state)
    assert await runtime.send_batch("k", []) == 0
    assert counts(runtime) == {}


@pytest.mark.parametrize("end", ["callers", "kernels"])
async def test_the_timeout_of_a_batch_is_for_each_message_anew(runtime, skip_ahead, end):
    puppet = await start_puppet(runtime, queue_size=1, output_queue_size=1)
    if end == "callers":
        sending = asyncio.create_task(runtime.send_batch("k", range(3), timeout=5))
        serve = puppet.ctx.receive
    else:
        sending = asyncio.create_task(puppet.ctx.send_batch(range(3), timeout=5))
        serve = lambda: runtime.receive("k")  # noqa: E731 - the other way round
    for number in range(3):
        await turns()
        skip_ahead(4)
        assert at_once(serve()) == number
    assert await sending == 3


async def test_a_queue_holds_a_thousand_messages_where_nobody_says_otherwise(runtime):
    await start_puppet(runtime)
    for number in range(1000):
        runtime.send_nowait("k", number)
    with pytest.raises(QueueFullError) as caught:
        runtime.send_nowait("k", 1000)
    assert caught.value.queue_size == 1000


async def test_the_runtimes_default_is_the_size_of_both_queues():
    async with RingKernelRuntime(default_queue_size=2) as runtime:
        puppet = await start_puppet(runtime)
        for number in range(2):
            runtime.send_nowait("k", number)
            at_once(puppet.ctx.send(number))
        for send in (runtime.send("k", 2, timeout=0), puppet.ctx.send(2, timeout=0)):
            with pytest.raises(QueueFullError) as caught:
                await send
            assert caught.value.queue_size == 2
        await runtime.terminate_all(timeout=0)


async def test_restarts_older_than_the_window_do_not_count(runtime, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("pydotcompute.runtime.restarts.monotonic", lambda: now[0])

    async def fragile(ctx):
        raise ValueError(await ctx.receive())

    await start(runtime, "k", fragile, on_error="restart", max_restarts=2, restart_window=10)
    for seconds in (0, 6, 11, 17):  # never three of them within ten
        now[0] = seconds
        await runtime.send("k", seconds)
        await wait_until_idle(runtime)
        assert runtime.get_state("k") is KernelState.ACTIVE
    assert runtime.get_telemetry("k").restarts == 4
    now[0] = 20
    await runtime.send("k", "the third within ten")
    await wait_until_idle(runtime)
    assert runtime.get_state("k") is KernelState.FAILED
    assert runtime.get_telemetry("k").restarts == 4
