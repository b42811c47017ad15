"""Draining: what was accepted is handled before the kernel is told to end."""

import asyncio

import pytest
from kernels_for_tests import counts, echo, start, start_puppet, turns

from pydotcompute import KernelState
from pydotcompute.exceptions import EndOfStream, QueueTimeoutError


async def drain_without_delay(runtime):
    """Drain in a few turns: only who notices that there is no more to wait for is so quick."""
    async with asyncio.timeout(5):
        await runtime.terminate("k", timeout=100, drain=True)


async def until_told(ctx):
    """Handle messages slowly, and stop at once when told to."""
    while not ctx.should_terminate:
        try:
            message = await ctx.receive(timeout=0.01)
        except QueueTimeoutError:
            continue
        await turns(3)
        await ctx.send(message)


async def test_everything_accepted_is_handled(runtime):
    await start(runtime, "k", until_told)
    for number in range(20):
        runtime.send_nowait("k", number)
    await drain_without_delay(runtime)
    assert [runtime.receive_nowait("k") for _ in range(20)] == list(range(20))
    assert counts(runtime)["processed"] == 20
    assert "discarded" not in counts(runtime)


async def test_without_draining_such_a_kernel_discards_what_is_queued(runtime):
    await start(runtime, "k", until_told)
    for number in range(20):
        runtime.send_nowait("k", number)
    await turns(3)
    await runtime.terminate("k")
    assert counts(runtime)["discarded"] > 10


async def test_a_kernel_that_has_not_begun_yet_is_drained_too(runtime):
    await runtime.launch("k", until_told)
    runtime.send_nowait("k", "early")
    await runtime.activate("k")
    await drain_without_delay(runtime)
    assert runtime.receive_nowait("k") == "early"


async def test_blocked_senders_get_in_while_draining(runtime):
    await start(runtime, "k", until_told, queue_size=1, output_queue_size=10)
    sending = [asyncio.create_task(runtime.send("k", n)) for n in range(5)]
    await turns(1)
    await drain_without_delay(runtime)
    await asyncio.gather(*sending)
    assert [runtime.receive_nowait("k") for _ in range(5)] == list(range(5))


async def polling_until_told(ctx):
    """Do the same, but look for a message now and then instead of standing in line for it."""
    while not ctx.should_terminate:
        try:
            await ctx.send(await ctx.receive(timeout=0))
        except QueueTimeoutError:
            await turns(2)


@pytest.mark.parametrize("kernel", [until_told, polling_until_told])
@pytest.mark.parametrize("phase", range(3))
@pytest.mark.parametrize("pauses", range(8))
async def test_what_is_accepted_while_draining_is_handled(runtime, kernel, pauses, phase):
    await start(runtime, "k", kernel)
    await turns(phase)
    ending = asyncio.create_task(runtime.terminate("k", drain=True))
    await turns(pauses)
    accepted = runtime.get_state("k") is KernelState.ACTIVE
    if accepted:
        runtime.send_nowait("k", "late")
    await ending
    assert counts(runtime).get("processed", 0) == int(accepted)


async def test_a_kernel_without_replies_is_drained(runtime):
    handled = []

    async def sink(ctx):
        while not ctx.should_terminate:
            handled.append(await ctx.receive())
            await turns(3)

    await start(runtime, "k", sink, replies=False)
    for number in range(5):
        runtime.send_nowait("k", number)
    await drain_without_delay(runtime)
    assert handled == list(range(5))
    assert counts(runtime)["processed"] == 5


async def test_draining_does_not_wait_for_a_kernel_blocked_on_its_output(runtime):
    await start(runtime, "k", echo, output_queue_size=1)
    for number in range(3):
        runtime.send_nowait("k", number)
    await turns()
    ending = asyncio.create_task(runtime.terminate("k", drain=True))
    await turns()
    assert runtime.get_state("k") is KernelState.TERMINATING
    assert [await runtime.receive("k") for _ in range(3)] == [0, 1, 2]
    await ending


@pytest.mark.parametrize("state", [KernelState.LAUNCHED, KernelState.DEACTIVATED])
async def test_draining_does_not_wait_for_a_kernel_that_is_not_active(runtime, state):
    await runtime.launch("k", echo)
    if state is KernelState.DEACTIVATED:
        await runtime.activate("k")
        await runtime.deactivate("k")
    runtime.send_nowait("k", 1)
    await drain_without_delay(runtime)


async def test_a_kernel_that_blocks_while_it_is_drained_is_drained(runtime):
    puppet = await start_puppet(runtime, output_queue_size=1)
    runtime.send_nowait("k", 1)
    await puppet.ctx.receive()
    ending = asyncio.create_task(drain_without_delay(runtime))
    await turns(20)
    await puppet.ctx.send(1)
    runtime.send_nowait("k", 2)
    blocked = asyncio.create_task(puppet.ctx.send(2))
    await turns()
    assert runtime.get_state("k") is KernelState.TERMINATING
    assert [await runtime.receive("k") for _ in range(2)] == [1, 2]
    await blocked
    puppet.freed.set()
    await ending


async def test_what_a_kernel_does_between_its_answer_and_its_next_asking_is_waited_for(runtime):
    puppet = await start_puppet(runtime)
    runtime.send_nowait("k", 1)
    await puppet.ctx.receive()
    ending = asyncio.create_task(drain_without_delay(runtime))
    await turns(20)
    assert runtime.get_state("k") is KernelState.ACTIVE
    await puppet.ctx.send(1)
    await turns()
    assert runtime.get_state("k") is KernelState.ACTIVE
    asking = asyncio.create_task(puppet.ctx.receive())
    await turns()
    assert runtime.get_state("k") is KernelState.TERMINATING
    with pytest.raises(EndOfStream):
        await asking
    puppet.freed.set()
    await ending


async def test_a_pause_ends_the_draining(runtime):
    await start_puppet(runtime)
    runtime.send_nowait("k", "never taken")
    ending = asyncio.create_task(runtime.terminate("k", timeout=100, drain=True))
    await turns()
    assert runtime.get_state("k") is KernelState.ACTIVE
    await runtime.deactivate("k")
    await turns()
    assert runtime.get_state("k") is KernelState.TERMINATING
    ending.cancel()
    await asyncio.wait([ending])


async def test_draining_takes_at_most_half_the_timeout(runtime):
    loop = asyncio.get_running_loop()
    told = loop.create_future()

    async def busy(ctx):
        await ctx.receive()
        await ctx.wait_active()
        while not ctx.should_terminate:
            await turns(1)
        told.set_result(loop.time())

    await start(runtime, "k", busy)
    runtime.send_nowait("k", 1)
    began = loop.time()
    await runtime.terminate("k", timeout=0.4, drain=True)
    assert 0.19 < told.result() - began < 0.4


async def test_a_pipeline_of_kernels_that_feed_each_other_is_drained_whole(runtime):
    async def feed(ctx):
        number = int(ctx.kernel_id)
        while True:
            message = await ctx.receive()
            await turns(number)
            await runtime.send(str(number + 1), message)

    for number in range(4):
        await start(runtime, str(number), feed, replies=False, queue_size=2)
    await start(runtime, "4", echo, output_queue_size=100)
    async with asyncio.TaskGroup() as tasks:
        for number in range(30):
            tasks.create_task(runtime.send("0", number))
    await runtime.terminate_all(drain=True)
    assert [runtime.receive_nowait("4") for _ in range(30)] == list(range(30))
    assert runtime.get_summary()["total_errors"] == 0


async def test_terminate_all_ends_kernels_in_every_state(runtime):
    await runtime.launch("launched", echo)
    await start(runtime, "active", echo)
    await start(runtime, "paused", echo)
    await runtime.deactivate("paused")
    await start(runtime, "ended", echo)
    await runtime.terminate("ended")
    await runtime.terminate_all(drain=True)
    assert runtime.kernel_ids == []
    await runtime.terminate_all()
