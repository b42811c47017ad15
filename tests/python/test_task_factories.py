"""Kernels run under whatever makes the loop's tasks, also where tasks start at once."""

import asyncio
import logging

import pytest
from kernels_for_tests import TASK_FACTORIES, counts, echo, start, start_puppet, turns

from pydotcompute import KernelState
from pydotcompute.exceptions import InvalidArgumentError, KernelStuckError
from pydotcompute.testing import wait_until_idle

pytestmark = pytest.mark.parametrize("factory", TASK_FACTORIES)


@pytest.fixture(autouse=True)
async def chosen(runtime, factory):
    loop = asyncio.get_running_loop()
    loop.set_task_factory(factory)
    yield
    loop.set_task_factory(None)


async def test_messages_and_replies_travel(runtime):
    await start(runtime, "k", echo, queue_size=2, output_queue_size=2)
    sending = [asyncio.create_task(runtime.send("k", n)) for n in range(20)]
    assert [await runtime.receive("k") for _ in range(20)] == list(range(20))
    await asyncio.gather(*sending)
    await runtime.terminate("k", drain=True)
    assert runtime.get_state("k") is KernelState.TERMINATED


async def test_messages_sent_before_the_activation_are_handled(runtime):
    await runtime.launch("k", echo)
    await runtime.send("k", 1)
    await runtime.activate("k")
    assert await runtime.receive("k") == 1


async def test_a_kernel_that_ends_in_its_first_step_has_ended(runtime):
    async def at_once(ctx):
        ctx.request_termination()

    await start(runtime, "k", at_once)
    await turns()
    assert runtime.get_state("k") is KernelState.TERMINATED


async def test_a_kernel_that_fails_in_its_first_step_has_failed(runtime, caplog):
    async def fail(ctx):
        raise ValueError

    await start(runtime, "k", fail)
    await turns()
    assert runtime.get_state("k") is KernelState.FAILED
    assert counts(runtime) == {"errors": 1}
    assert [record.name for record in caplog.records] == ["pydotcompute"]


async def test_a_kernel_cannot_wait_for_its_own_end_in_its_first_step(runtime):
    refused = []

    async def suicidal(ctx):
        try:
            await runtime.terminate("k", timeout=0)
        except InvalidArgumentError as error:
            refused.append(error)

    await start(runtime, "k", suicidal)
    await turns()
    assert len(refused) == 1
    assert runtime.get_state("k") is KernelState.TERMINATED


async def test_kernels_are_cancelled_at_the_timeout(runtime):
    await start_puppet(runtime)
    await runtime.terminate("k", timeout=0)
    assert runtime.get_state("k") is KernelState.TERMINATED


async def test_a_kernel_may_end_another_in_its_first_step(runtime):
    await start(runtime, "other", echo)

    async def end_the_other(ctx):
        await runtime.terminate("other")

    await start(runtime, "k", end_the_other)
    await turns(20)
    assert runtime.get_state("other") is KernelState.TERMINATED
    assert runtime.get_state("k") is KernelState.TERMINATED


async def test_a_kernel_that_swallows_cancellation_from_its_first_step_is_stuck(
    runtime, short_grace
):
    free = asyncio.Event()

    async def cling(ctx):
        while not free.is_set():
            try:
                await free.wait()
            except asyncio.CancelledError:
                continue

    await start(runtime, "k", cling)
    await turns()
    with pytest.raises(KernelStuckError):
        await runtime.terminate("k", timeout=0)
    free.set()


async def test_a_storm_of_restarts_ends_and_tells_of_the_newest_error(runtime, caplog):
    caplog.set_level(logging.CRITICAL, logger="pydotcompute")

    async def fail(ctx):
        raise ValueError(await ctx.receive())

    await runtime.launch("k", fail, on_error="restart", max_restarts=2000)
    await runtime.send_batch("k", range(1000))
    await runtime.activate("k")
    await wait_until_idle(runtime)
    t = runtime.get_telemetry("k")
    assert (t.state, t.restarts, t.messages_errored) == (KernelState.ACTIVE, 1000, 1000)
    assert t.last_error == "ValueError: 999"
