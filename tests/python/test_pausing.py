"""A deactivated kernel goes on with what it has and gets nothing more."""

import asyncio

import pytest
from kernels_for_tests import counts, echo, start, start_puppet, turns

from pydotcompute import KernelState
from pydotcompute.exceptions import EndOfStream, QueueTimeoutError

ASKING = {
    "one": lambda ctx, timeout: ctx.receive(timeout=timeout),
    "batch": lambda ctx, timeout: ctx.receive_batch(10, timeout=timeout),
}
asked = pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)


async def pause_with_messages(runtime, *messages):
    puppet = await start_puppet(runtime)
    await runtime.deactivate("k")
    for message in messages:
        await runtime.send("k", message)
    return puppet.ctx


@asked
@pytest.mark.parametrize("timeout", [0, 0.01])
async def test_a_paused_kernel_gets_nothing_whatever_it_polls(runtime, ask, timeout):
    ctx = await pause_with_messages(runtime, "waiting")
    for _ in range(3):
        with pytest.raises(QueueTimeoutError):
            await ask(ctx, timeout)
    assert counts(runtime) == {"received": 1, "queue_depth": 1, "queue_depth_peak": 1}
    await runtime.reactivate("k")
    assert await ask(ctx, timeout) in ("waiting", ["waiting"])


@asked
async def test_a_waiting_receive_is_served_at_reactivation(runtime, ask):
    ctx = await pause_with_messages(runtime, "waiting")
    receiving = asyncio.create_task(ask(ctx, None))
    await turns()
    assert not receiving.done()
    await runtime.reactivate("k")
    assert await receiving in ("waiting", ["waiting"])


async def test_a_receive_that_waited_before_the_pause_gets_nothing_during_it(runtime):
    puppet = await start_puppet(runtime)
    receiving = asyncio.create_task(puppet.ctx.receive())
    await turns()
    await runtime.deactivate("k")
    await runtime.send("k", "during")
    await turns()
    assert not receiving.done()
    await runtime.reactivate("k")
    assert await receiving == "during"


async def test_a_pause_right_behind_a_message_still_comes_first(runtime):
    puppet = await start_puppet(runtime)
    receiving = asyncio.create_task(puppet.ctx.receive())
    await turns()
    runtime.send_nowait("k", "woke it")
    await runtime.deactivate("k")
    await turns()
    assert not receiving.done()
    assert counts(runtime)["queue_depth"] == 1
    await runtime.reactivate("k")
    assert await receiving == "woke it"


async def test_a_pause_right_behind_reactivation_wins(runtime):
    ctx = await pause_with_messages(runtime, "waiting")
    receiving = asyncio.create_task(ctx.receive())
    await turns()
    await runtime.reactivate("k")
    await runtime.deactivate("k")
    await turns()
    assert not receiving.done()
    await runtime.reactivate("k")
    assert await receiving == "waiting"


async def test_a_paused_kernel_goes_on_with_what_it_took_and_may_reply(runtime):
    puppet = await start_puppet(runtime)
    await runtime.send("k", 1)
    message = await puppet.ctx.receive()
    await runtime.deactivate("k")
    assert not puppet.ctx.is_active
    await puppet.ctx.send(message)
    assert await runtime.receive("k") == 1


async def test_queued_messages_keep_their_order_through_a_pause(runtime):
    await start(runtime, "k", echo)
    await runtime.deactivate("k")
    for number in range(20):
        await runtime.send("k", number)
    await turns()
    assert counts(runtime)["queue_depth"] == 20
    await runtime.reactivate("k")
    assert [await runtime.receive("k") for _ in range(20)] == list(range(20))


async def test_wait_active_returns_at_reactivation(runtime):
    ctx = await pause_with_messages(runtime)
    waiting = [asyncio.create_task(ctx.wait_active()) for _ in range(3)]
    await turns()
    assert not any(task.done() for task in waiting)
    await runtime.reactivate("k")
    await asyncio.gather(*waiting)
    await ctx.wait_active()


async def test_terminate_lifts_a_pause(runtime):
    ctx = await pause_with_messages(runtime, "queued")
    receiving = asyncio.create_task(ctx.receive())
    waiting = asyncio.create_task(ctx.wait_active())
    await turns()
    ctx.request_termination()
    await waiting
    assert ctx.should_terminate
    assert not ctx.is_active
    assert await receiving == "queued"
    with pytest.raises(EndOfStream):
        await ctx.receive()


async def test_the_loop_that_people_know_pauses_goes_on_and_ends(runtime):
    async def worker(ctx):
        while not ctx.should_terminate:
            if not ctx.is_active:
                await ctx.wait_active()
                continue
            try:
                request = await ctx.receive(timeout=0.01)
                await ctx.send(request * 2)
            except TimeoutError:
                continue

    await start(runtime, "k", worker)
    await runtime.send("k", 1)
    assert await runtime.receive("k", timeout=1) == 2
    await runtime.deactivate("k")
    await runtime.send("k", 2)
    with pytest.raises(QueueTimeoutError):
        await runtime.receive("k", timeout=0.03)
    await runtime.reactivate("k")
    assert await runtime.receive("k", timeout=1) == 4
    await runtime.terminate("k")
    assert runtime.get_state("k") is KernelState.TERMINATED
    assert "errors" not in counts(runtime)
