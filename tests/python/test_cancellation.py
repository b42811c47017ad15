"""A cancelled operation moved nothing, left no place in line and lost no wake-up."""

import asyncio
import gc

import pytest
from kernels_for_tests import Puppet, bring_to, counts, echo, start, turns
from operations_for_tests import MOVING, WAITING
from waiting_for_tests import CancelledAt, Take, TakeBatch

from pydotcompute import KernelState
from pydotcompute.exceptions import EndOfStream
from pydotcompute.execution.waiting import Place

waiting = pytest.mark.parametrize("kind", WAITING)
moving = pytest.mark.parametrize("kind", MOVING)


@waiting
@pytest.mark.parametrize("suspension", range(1, 5))
async def test_cancelled_at_any_suspension_it_has_done_nothing(runtime, kind, suspension):
    operation = await kind.prepare(runtime)
    before = operation.counts()
    by_hand = CancelledAt(operation.call(), suspension)
    cancelled = asyncio.create_task(by_hand.run())
    await turns(3)
    for _ in range(suspension - 1):
        assert not cancelled.done()
        await operation.nudge()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert by_hand.suspensions == suspension
    assert operation.counts() == before
    await operation.go_through()


@waiting
@pytest.mark.parametrize("suspension", range(1, 5))
async def test_whoever_stands_behind_a_cancelled_one_is_served(runtime, kind, suspension):
    operation = await kind.prepare(runtime)
    before = operation.moved()
    cancelled = asyncio.create_task(CancelledAt(operation.call(), suspension).run())
    await turns(3)
    behind = operation.begin()
    await turns(3)
    for _ in range(suspension - 1):
        await operation.nudge()
    await asyncio.wait([cancelled])
    operation.serve()
    async with asyncio.timeout(5):
        await behind
    assert cancelled.cancelled()
    assert operation.moved() == before + (kind in MOVING)
    await operation.go_through()


@moving
@pytest.mark.parametrize("order", ["served, then cancelled", "cancelled, then served"])
async def test_a_cancellation_in_the_turn_of_the_delivery_takes_nothing(runtime, kind, order):
    operation = await kind.prepare(runtime)
    before = operation.moved()
    first, second = operation.begin(), operation.begin()
    await turns(3)
    steps = [operation.serve, first.cancel]
    for step in steps if order.startswith("served") else reversed(steps):
        step()
    async with asyncio.timeout(5):
        await asyncio.wait([first, second])
    assert first.cancelled()
    assert not second.cancelled()
    assert operation.moved() == before + 1


@moving
@pytest.mark.parametrize("order", ["served, then cancelled", "cancelled, then served"])
async def test_what_a_cancelled_one_did_not_take_is_there_for_the_next(runtime, kind, order):
    operation = await kind.prepare(runtime)
    before = operation.moved()
    only = operation.begin()
    await turns(3)
    steps = [operation.serve, only.cancel]
    for step in steps if order.startswith("served") else reversed(steps):
        step()
    await asyncio.wait([only])
    assert only.cancelled()
    assert operation.moved() == before
    async with asyncio.timeout(5):
        await operation.call()
    assert operation.moved() == before + 1


@moving
async def test_a_cancellation_after_the_delivery_comes_too_late(runtime, kind):
    operation = await kind.prepare(runtime)
    before = operation.moved()
    only = operation.begin()
    await turns(3)
    operation.serve()
    await turns(3)
    assert only.done()
    assert not only.cancel()
    await only
    assert operation.moved() == before + 1


@moving
async def test_all_in_line_are_served_where_every_second_one_is_cancelled(runtime, kind):
    operation = await kind.prepare(runtime)
    before = operation.moved()
    line = [operation.begin() for _ in range(10)]
    await turns(3)
    for place in line[::2]:
        place.cancel()
    for _ in range(5):
        operation.serve()
        await turns(5)
    assert [place.cancelled() for place in line] == [True, False] * 5
    assert operation.moved() == before + 5
    await operation.go_through()


@waiting
async def test_a_timeout_of_asyncio_around_it_moves_nothing(runtime, kind):
    operation = await kind.prepare(runtime)
    before = operation.counts()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await operation.call()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(operation.call(), 0.01)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await operation.call()
    assert operation.counts() == before
    await operation.go_through()


@moving
async def test_wait_for_gives_what_came_in_time(runtime, kind):
    operation = await kind.prepare(runtime)
    before = operation.moved()
    bounded = asyncio.create_task(asyncio.wait_for(operation.call(), 5))
    await turns(3)
    operation.serve()
    await bounded
    assert operation.moved() == before + 1


@waiting
async def test_a_failing_sibling_in_a_task_group_cancels_it_cleanly(runtime, kind):
    async def fail():
        await turns(3)
        raise ValueError

    operation = await kind.prepare(runtime)
    before = operation.counts()
    with pytest.raises(ExceptionGroup) as caught:
        await _in_a_group(operation.call(), operation.call(), fail())
    assert [type(error) for error in caught.value.exceptions] == [ValueError]
    assert operation.counts() == before
    await operation.go_through()


async def _in_a_group(*coroutines):
    async with asyncio.TaskGroup() as tasks:
        for coroutine in coroutines:
            tasks.create_task(coroutine)


@moving
async def test_what_a_cancelled_one_left_behind_in_line_is_nothing(runtime, kind):
    operation = await kind.prepare(runtime)
    first = operation.begin()
    await turns(3)
    before = len(places())
    for _ in range(20):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await operation.call()
        await leave_in_a_row(operation)
    assert len(places()) == before
    operation.serve()
    await first
    await operation.go_through()


async def leave_in_a_row(operation):
    line = [operation.begin() for _ in range(3)]
    await turns(2)
    for place in line:
        place.cancel()
    await asyncio.wait(line)


def places():
    gc.collect()
    return [each for each in gc.get_objects() if isinstance(each, Place)]


@moving
async def test_cancelled_in_its_one_try_it_has_done_nothing(runtime, kind):
    operation = await kind.prepare(runtime)
    before = operation.counts()
    cancelled = asyncio.create_task(CancelledAt(operation.call(timeout=0), 1).run())
    await asyncio.wait([cancelled])
    assert cancelled.cancelled()
    assert operation.counts() == before
    await operation.go_through()


@pytest.mark.parametrize("kind", [Take, TakeBatch])
async def test_cancelled_at_the_end_of_the_input_it_finds_the_end_again(runtime, kind):
    operation = await kind.prepare(runtime)
    operation.ctx.request_termination()
    cancelled = asyncio.create_task(CancelledAt(operation.call(), 1).run())
    await asyncio.wait([cancelled])
    assert cancelled.cancelled()
    with pytest.raises(EndOfStream):
        await operation.call()


# Terminating.


async def told(ctx):
    """Wait for the word, then take a few turns to end."""
    await echo_until_told(ctx)
    await turns(3)


async def echo_until_told(ctx):
    try:
        await echo(ctx)
    except EndOfStream:
        return


@pytest.mark.parametrize("drain", [False, True])
async def test_terminate_can_be_cancelled_at_any_suspension_and_called_again(runtime, drain):
    for suspension in range(1, 100):
        await start(runtime, "k", told)
        runtime.send_nowait("k", suspension)
        by_hand = CancelledAt(runtime.terminate("k", drain=drain), suspension)
        ending = asyncio.create_task(by_hand.run())
        await asyncio.wait([ending])
        assert asyncio.all_tasks() - {asyncio.current_task()} <= kernel_tasks()
        assert await runtime.receive("k") == suspension
        await runtime.terminate("k")
        assert runtime.get_state("k") is KernelState.TERMINATED
        assert counts(runtime)["processed"] == 1
        if not ending.cancelled():
            break
    assert by_hand.suspensions < suspension
    assert suspension > 1


def kernel_tasks():
    return {task for task in asyncio.all_tasks() if task.get_name() == "k"}


async def test_terminate_cancelled_in_its_grace_leaves_the_kernel_cancelled(runtime):
    async def slow_to_end(ctx):
        try:
            await asyncio.Event().wait()
        finally:
            await turns(30)

    await start(runtime, "k", slow_to_end)
    ending = asyncio.create_task(runtime.terminate("k", timeout=0))
    await turns(12)
    assert runtime.get_state("k") is KernelState.TERMINATING
    ending.cancel()
    await asyncio.wait([ending])
    await runtime.terminate("k")
    assert runtime.get_state("k") is KernelState.TERMINATED


async def test_terminate_cancelled_while_draining_changes_nothing(runtime):
    await bring_to(runtime, KernelState.ACTIVE)
    runtime.send_nowait("k", 1)
    before = counts(runtime)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await runtime.terminate("k", drain=True)
    assert runtime.get_state("k") is KernelState.ACTIVE
    assert counts(runtime) == before
    await runtime.send("k", 2)


# The kernel's own task.


async def test_a_message_that_arrives_as_its_kernel_is_cancelled_is_discarded(runtime):
    await start(runtime, "k", echo)
    await turns()
    (task,) = kernel_tasks()
    runtime.send_nowait("k", 1)
    task.cancel()
    await asyncio.wait([task])
    assert runtime.get_state("k") is KernelState.TERMINATED
    assert counts(runtime) == {"received": 1, "discarded": 1, "queue_depth_peak": 1}


async def test_a_kernel_whose_task_is_cancelled_before_its_first_step_has_ended(runtime):
    puppet = Puppet()
    await start(runtime, "k", puppet)
    (task,) = kernel_tasks()
    task.cancel()
    await turns()
    assert not puppet.began.is_set()
    assert runtime.get_state("k") is KernelState.TERMINATED
