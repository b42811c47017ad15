"""Kernels are wound down: told, given time, cancelled."""

import asyncio
import logging

import pytest
from kernels_for_tests import (
    Clinger,
    Puppet,
    counts,
    echo,
    start,
    start_puppet,
    turns,
)

from pydotcompute import KernelState
from pydotcompute.exceptions import (
    EndOfStream,
    InvalidArgumentError,
    KernelStateError,
    KernelStuckError,
)

TERMINATING, TERMINATED = KernelState.TERMINATING, KernelState.TERMINATED


def warnings_in(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


# Told.


async def test_a_kernel_that_is_told_sees_it_at_once(runtime):
    puppet = await start_puppet(runtime)
    ending = asyncio.create_task(runtime.terminate("k"))
    await turns()
    assert runtime.get_state("k") is TERMINATING
    assert (puppet.ctx.should_terminate, puppet.ctx.is_active) == (True, False)
    puppet.freed.set()
    await ending
    assert runtime.get_state("k") is TERMINATED


async def test_blocked_senders_are_refused_when_the_input_closes(runtime):
    puppet = await start_puppet(runtime, queue_size=1)
    await runtime.send("k", 0)
    blocked = [asyncio.create_task(runtime.send("k", n)) for n in (1, 2)]
    await turns()
    puppet.ctx.request_termination()
    told = await asyncio.gather(*blocked, return_exceptions=True)
    assert [type(error) for error in told] == [KernelStateError, KernelStateError]
    assert counts(runtime)["received"] == 1


async def test_queued_messages_are_handed_out_before_the_end_of_input(runtime):
    puppet = await start_puppet(runtime)
    for number in range(5):
        await runtime.send("k", number)
    puppet.ctx.request_termination()
    assert await puppet.ctx.receive() == 0
    assert await puppet.ctx.receive_batch(2) == [1, 2]
    assert await puppet.ctx.receive_batch(9, timeout=0) == [3, 4]
    for _ in range(3):
        with pytest.raises(EndOfStream) as caught:
            await puppet.ctx.receive()
        with pytest.raises(EndOfStream):
            await puppet.ctx.receive_batch(1, timeout=0)
    assert caught.value.kernel_id == "k"


async def test_every_waiting_task_of_a_kernel_meets_the_end_of_input(runtime):
    puppet = await start_puppet(runtime)
    waiting = [asyncio.create_task(puppet.ctx.receive()) for _ in range(3)]
    await turns()
    runtime.send_nowait("k", "last")
    puppet.ctx.request_termination()
    first, *rest = await asyncio.gather(*waiting, return_exceptions=True)
    assert first == "last"
    assert [type(error) for error in rest] == [EndOfStream, EndOfStream]


async def test_replies_made_while_winding_down_can_be_received_afterwards(runtime):
    await start(runtime, "k", echo)
    for number in range(3):
        runtime.send_nowait("k", number)
    await runtime.terminate("k")
    assert [await runtime.receive("k") for _ in range(2)] == [0, 1]
    assert runtime.receive_nowait("k") == 2
    with pytest.raises(KernelStateError) as caught:
        await runtime.receive("k")
    assert caught.value.current_state is TERMINATED


async def test_a_kernel_may_ask_for_its_own_end(runtime):
    async def last_words(ctx):
        message = await ctx.receive()
        ctx.request_termination()
        ctx.request_termination()
        assert ctx.should_terminate
        await ctx.send(message)
        await echo(ctx)

    await start(runtime, "k", last_words)
    for number in (1, 2):
        runtime.send_nowait("k", number)
    assert [await runtime.receive("k") for _ in range(2)] == [1, 2]
    await turns()
    assert runtime.get_state("k") is TERMINATED


async def test_a_kernel_cannot_wait_for_its_own_end(runtime):
    refused = []

    async def suicidal(ctx):
        for ending in (runtime.terminate(ctx.kernel_id), runtime.terminate_all()):
            try:
                await ending
            except InvalidArgumentError as error:
                refused.append(str(error))

    await start(runtime, "k", suicidal)
    await turns()
    assert len(refused) == 2
    assert all("'k'" in text and "ctx.request_termination()" in text for text in refused)
    assert runtime.get_state("k") is TERMINATED


async def test_a_launched_kernel_ends_without_having_run(runtime, caplog):
    puppet = Puppet()
    await runtime.launch("k", puppet)
    for number in range(3):
        await runtime.send("k", number)
    await runtime.terminate("k")
    assert not puppet.began.is_set()
    assert runtime.get_state("k") is TERMINATED
    assert counts(runtime)["discarded"] == 3
    assert warnings_in(caplog) == ["kernel 'k' ended and discarded 3 messages"]


async def test_terminating_twice_at_once_is_terminating(runtime):
    puppet = await start_puppet(runtime)
    both = [asyncio.create_task(runtime.terminate("k", drain=drain)) for drain in (True, False)]
    await turns()
    assert not any(ending.done() for ending in both)
    puppet.freed.set()
    await asyncio.gather(*both)
    assert runtime.get_state("k") is TERMINATED


# Cancelled.


async def test_a_kernel_is_cancelled_at_the_timeout(runtime, caplog):
    seen = []

    async def busy(ctx):
        await ctx.receive()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            seen.append(error)
            raise

    await start(runtime, "k", busy)
    for number in range(3):
        await runtime.send("k", number)
    await runtime.terminate("k", timeout=0.01)
    assert len(seen) == 1
    assert runtime.get_state("k") is TERMINATED
    assert counts(runtime)["discarded"] == 3
    assert warnings_in(caplog) == ["kernel 'k' ended and discarded 3 messages"]


async def test_a_kernel_blocked_on_its_output_is_cancelled_at_the_timeout(runtime):
    await start(runtime, "k", echo, output_queue_size=1)
    for number in range(3):
        await runtime.send("k", number)
    await runtime.terminate("k", timeout=0.01)
    assert runtime.get_state("k") is TERMINATED
    assert await runtime.receive("k") == 0
    assert counts(runtime)["discarded"] == 2


async def test_a_kernel_that_ignores_every_exception_leaves_turns_to_others(runtime):
    async def stubborn(ctx):
        while True:
            try:
                await ctx.receive()
            except Exception:  # noqa: BLE001, S112 - as people write it
                continue

    await start(runtime, "k", stubborn)
    ending = asyncio.create_task(runtime.terminate("k", timeout=0.02))
    await turns(50)  # which a kernel that spins would not let end
    await ending
    assert runtime.get_state("k") is TERMINATED


async def test_a_bare_except_around_receive_swallows_cancellation_and_is_stuck(
    runtime, short_grace
):
    free = asyncio.Event()

    async def bare(ctx):
        while not free.is_set():
            try:
                await ctx.receive()
            except:  # noqa: E722, S112 - as people write it
                continue

    await start(runtime, "k", bare)
    with pytest.raises(KernelStuckError):
        await runtime.terminate("k", timeout=0.01)
    await turns(50)  # which a kernel that spins would not let end
    free.set()
    await turns()
    assert runtime.get_state("k") is TERMINATED


async def test_waiting_for_activity_again_and_again_leaves_turns_to_others(runtime):
    async def patient(ctx):
        while True:
            await ctx.wait_active()
            if ctx.is_active:
                await asyncio.sleep(0)

    await start(runtime, "k", patient)
    ending = asyncio.create_task(runtime.terminate("k", timeout=0.02))
    await turns(50)
    await ending
    assert runtime.get_state("k") is TERMINATED


async def test_a_kernel_is_cancelled_before_its_code_began(runtime):
    puppet = Puppet()
    await start(runtime, "k", puppet)
    ending = asyncio.create_task(runtime.terminate("k", timeout=0))
    await ending
    assert runtime.get_state("k") is TERMINATED


# Stuck.


async def test_a_kernel_that_swallows_its_cancellation_is_stuck(runtime, short_grace):
    puppet = await start_puppet(runtime, kind=Clinger)
    with pytest.raises(KernelStuckError) as caught:
        await runtime.terminate("k", timeout=0.01)
    assert (caught.value.kernel_id, caught.value.timeout, caught.value.others) == ("k", 0.01, ())
    assert runtime.get_state("k") is TERMINATING
    assert runtime.kernel_ids == ["k"]
    puppet.freed.set()
    await turns()
    assert runtime.get_state("k") is TERMINATED


async def test_a_stuck_kernel_cannot_reply_but_its_replies_can_be_received(runtime, short_grace):
    puppet = await start_puppet(runtime, kind=Clinger)
    await runtime.send("k", 1)
    await puppet.ctx.receive()
    await puppet.ctx.send("in time")
    with pytest.raises(KernelStuckError):
        await runtime.terminate("k", timeout=0)
    with pytest.raises(KernelStateError) as caught:
        await puppet.ctx.send("too late")
    assert caught.value.current_state is TERMINATING
    assert await runtime.receive("k") == "in time"
    with pytest.raises(KernelStateError):
        await runtime.receive("k")
    puppet.freed.set()


async def test_a_stuck_kernel_blocked_on_its_output_is_refused_there(runtime, short_grace):
    puppet = await start_puppet(runtime, kind=Clinger, output_queue_size=1)
    await puppet.ctx.send("fills it")
    blocked = asyncio.create_task(puppet.ctx.send("late"))
    await turns()
    with pytest.raises(KernelStuckError):
        await runtime.terminate("k", timeout=0)
    with pytest.raises(KernelStateError):
        await blocked
    puppet.freed.set()


async def test_a_stuck_kernel_can_be_terminated_again(runtime, short_grace):
    puppet = await start_puppet(runtime, kind=Clinger)
    for _ in range(2):
        with pytest.raises(KernelStuckError):
            await runtime.terminate("k", timeout=0)
    ending = asyncio.create_task(runtime.terminate("k"))
    await turns()
    puppet.freed.set()
    await ending
    assert runtime.get_state("k") is TERMINATED


async def test_terminate_all_names_every_stuck_kernel_and_ends_the_others(runtime, short_grace):
    clingers = [await start_puppet(runtime, name, kind=Clinger) for name in ("a", "c")]
    await start_puppet(runtime, "b")
    with pytest.raises(KernelStuckError) as caught:
        await runtime.terminate_all(timeout=0.01)
    assert (caught.value.kernel_id, caught.value.others) == ("a", ("c",))
    assert runtime.kernel_ids == ["a", "c"]
    for clinger in clingers:
        clinger.freed.set()


# Interrupted.


async def test_terminate_inside_a_timeout_leaves_the_kernel_winding_down(runtime):
    puppet = await start_puppet(runtime)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await runtime.terminate("k")
    assert runtime.get_state("k") is TERMINATING
    puppet.freed.set()
    await runtime.terminate("k")
    assert runtime.get_state("k") is TERMINATED


async def test_a_kernel_whose_terminating_kernel_is_terminated_ends_too(runtime):
    async def end_the_other(ctx):
        other = await ctx.receive()
        await runtime.terminate(other, timeout=0.01)

    for mine, other in (("a", "b"), ("b", "a")):
        await start(runtime, mine, end_the_other)
        runtime.send_nowait(mine, other)
    await turns()
    await runtime.terminate_all(timeout=0.05)
    assert runtime.kernel_ids == []
