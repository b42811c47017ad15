"""on_error="restart": the code starts again on the same queues, and the counts go on."""

import asyncio
import logging

import pytest

from pydotcompute import ErrorPolicy, KernelState, RingKernelRuntime
from pydotcompute.exceptions import InvalidArgumentError, InvalidTypeError, KernelFailedError
from pydotcompute.runtime.restarts import RestartBudget
from pydotcompute.testing import wait_until_idle


async def fragile(ctx):
    while True:
        number = await ctx.receive()
        if number < 0:
            raise ValueError(number)
        await ctx.send(number)


@pytest.fixture
async def runtime(caplog):
    caplog.set_level(logging.CRITICAL, logger="pydotcompute")
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        yield runtime
        await runtime.terminate_all(timeout=0)


async def start(runtime, kernel=fragile, **options):
    await runtime.launch("k", kernel, on_error="restart", **options)
    await runtime.activate("k")


async def test_a_restart_keeps_the_queues_and_costs_the_message_in_flight(runtime):
    await start(runtime)
    await runtime.send_batch("k", [1, -2, 3, -4, 5])
    assert [await runtime.receive("k", timeout=5.0) for _ in range(3)] == [1, 3, 5]
    t = runtime.get_telemetry("k")
    assert (t.state, t.restarts, t.errors) == (KernelState.ACTIVE, 2, 2)
    assert (t.messages_processed, t.messages_errored, t.messages_discarded) == (3, 2, 0)
    assert t.last_error == "ValueError: -4"


async def test_a_restart_discards_the_rest_of_a_batch_in_flight(runtime):
    async def batches(ctx):
        batch = await ctx.receive_batch(3)
        if batch[0] < 0:
            raise ValueError
        await ctx.send(batch)
        await ctx.receive()

    await runtime.launch("k", batches, on_error=ErrorPolicy.RESTART)
    await runtime.send_batch("k", [-1, 2, 3, 4])
    await runtime.activate("k")
    assert await runtime.receive("k", timeout=5.0) == [4]
    t = runtime.get_telemetry("k")
    assert (t.messages_errored, t.messages_discarded, t.restarts) == (1, 2, 1)
    assert t.messages_received == t.messages_processed + 3


async def test_more_restarts_than_allowed_fail_the_kernel(runtime):
    await start(runtime, max_restarts=2)
    await runtime.send_batch("k", [-1, -2, -3, 4])
    with pytest.raises(KernelFailedError, match="ValueError: -3"):
        await runtime.receive("k", timeout=5.0)
    t = runtime.get_telemetry("k")
    assert (t.state, t.restarts, t.errors) == (KernelState.FAILED, 2, 3)
    assert (t.messages_errored, t.messages_discarded) == (3, 1)


async def test_code_that_fails_at_once_fails_after_its_restarts(runtime):
    async def broken(_ctx):
        raise RuntimeError

    await start(runtime, broken)
    with pytest.raises(KernelFailedError):
        await runtime.receive("k", timeout=5.0)
    t = runtime.get_telemetry("k")
    assert (t.state, t.restarts, t.errors) == (KernelState.FAILED, 3, 4)


async def test_no_restarts_allowed_is_as_fail(runtime):
    await start(runtime, max_restarts=0)
    await runtime.send("k", -1)
    await wait_until_idle(runtime)
    assert runtime.get_state("k") is KernelState.FAILED


async def test_a_kernel_that_winds_down_is_not_started_again(runtime):
    freed = asyncio.Event()

    async def fails_late(ctx):
        await freed.wait()
        raise ValueError

    await start(runtime, fails_late)
    ending = asyncio.create_task(runtime.terminate("k"))
    await asyncio.sleep(0)
    freed.set()
    await ending
    assert runtime.get_state("k") is KernelState.FAILED
    assert runtime.get_telemetry("k").restarts == 0


async def test_what_is_no_exception_ends_the_kernel(runtime):
    class Stop(BaseException):
        pass

    async def stops(_ctx):
        raise Stop

    await start(runtime, stops)
    await wait_until_idle(runtime)
    assert runtime.get_state("k") is KernelState.FAILED


async def test_a_paused_kernel_that_fails_stays_paused_and_goes_on_when_reactivated(runtime):
    freed = asyncio.Event()

    async def fails_once(ctx):
        if not freed.is_set():
            await freed.wait()
            raise ValueError
        await fragile(ctx)

    await start(runtime, fails_once)
    await asyncio.sleep(0)
    await runtime.deactivate("k")
    await runtime.send("k", 7)
    freed.set()
    await wait_until_idle(runtime)
    assert runtime.get_state("k") is KernelState.DEACTIVATED
    await runtime.reactivate("k")
    assert await runtime.receive("k", timeout=5.0) == 7


async def test_a_reset_leaves_the_number_of_restarts(runtime):
    await start(runtime)
    await runtime.send_batch("k", [-1, 2])
    await runtime.receive("k", timeout=5.0)
    runtime.reset_telemetry("k")
    t = runtime.get_telemetry("k")
    assert (t.restarts, t.errors, t.messages_errored) == (1, 0, 0)


async def test_a_restart_is_told_in_the_log(caplog):
    async with RingKernelRuntime() as runtime:
        await start(runtime)
        await runtime.send_batch("k", [-1, 2])
        await runtime.receive("k", timeout=5.0)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "kernel 'k' failed and starts again" in caplog.text
    assert "ValueError: -1" in caplog.text


def test_a_budget_counts_the_restarts_of_its_window_only():
    narrow, wide = RestartBudget(2, 0.0), RestartBudget(2, 3600.0)
    assert [wide.spend() for _ in range(4)] == [True, True, False, False]
    assert not RestartBudget(0, 1.0).spend()
    assert narrow.spend()


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [
        ("on_error", "retry", InvalidArgumentError),
        ("on_error", 1, InvalidTypeError),
        ("max_restarts", -1, InvalidArgumentError),
        ("max_restarts", 1.5, InvalidTypeError),
        ("restart_window", -1.0, InvalidArgumentError),
        ("restart_window", "60", InvalidTypeError),
    ],
)
async def test_a_wrong_option_is_refused(runtime, option, value, error):
    with pytest.raises(error, match=f"{option} must be .*{value}"):
        await runtime.launch("k", fragile, **{option: value})
    assert runtime.kernel_ids == []
