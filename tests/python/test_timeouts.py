"""A timeout of 0 is one try, and one that passes leaves everything as it was."""

import asyncio
import itertools
import math

import pytest
from kernels_for_tests import counts, start, turns
from waiting_for_tests import MOVING, Receive, Reply, Send, Take, TakeBatch, at_once

from pydotcompute.exceptions import (
    QueueError,
    QueueFullError,
    QueueFullTimeoutError,
    QueueTimeoutError,
)

moving = pytest.mark.parametrize("kind", MOVING)


@moving
@pytest.mark.parametrize("timeout", [0, 0.0, -0.0, 5e-324, 1e-9, 0.01])
async def test_a_timeout_that_passes_changes_nothing(runtime, kind, timeout):
    operation = await kind.prepare(runtime)
    before = counts(runtime)
    with pytest.raises(QueueTimeoutError) as caught:
        await operation.call(timeout=timeout)
    assert caught.value.timeout == timeout
    assert caught.value.kernel_id == "k"
    assert counts(runtime) == before
    await operation.go_through()


@pytest.mark.parametrize("kind", [Send, Reply])
async def test_no_room_in_time_is_a_full_queue_and_a_timeout(runtime, kind):
    operation = await kind.prepare(runtime)
    with pytest.raises(QueueFullTimeoutError) as caught:
        await operation.call(timeout=0.01)
    assert isinstance(caught.value, QueueFullError)
    assert isinstance(caught.value, QueueTimeoutError)
    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, QueueError)
    assert (caught.value.queue_size, caught.value.timeout, caught.value.kernel_id) == (1, 0.01, "k")
    assert "rejected" not in counts(runtime)


@pytest.mark.parametrize("kind", [Receive, Take, TakeBatch])
async def test_nothing_in_time_is_a_timeout(runtime, kind):
    operation = await kind.prepare(runtime)
    with pytest.raises(QueueTimeoutError) as caught:
        await operation.call(timeout=0.01)
    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, asyncio.TimeoutError)
    assert not isinstance(caught.value, QueueFullError)


@moving
@pytest.mark.parametrize("timeout", [None, 0, 0.01, math.inf])
async def test_what_can_be_done_at_once_is_done_without_a_turn(runtime, kind, timeout):
    operation = await kind.prepare(runtime)
    operation.serve()
    before = operation.moved()
    at_once(operation.call(timeout=timeout))
    assert operation.moved() == before + 1


@moving
async def test_one_try_is_one_turn(runtime, kind):
    operation = await kind.prepare(runtime)
    trying = operation.call(timeout=0)
    assert trying.send(None) is None  # a bare turn of the loop
    with pytest.raises(QueueTimeoutError):
        trying.send(None)


@moving
@pytest.mark.parametrize("timeout", [math.inf, 1e300, 2**62, 10])
async def test_what_comes_before_the_timeout_is_served(runtime, kind, timeout):
    operation = await kind.prepare(runtime)
    waiting = asyncio.create_task(operation.call(timeout=timeout))
    await turns(3)
    assert not waiting.done()
    operation.serve()
    await waiting
    await operation.go_through()


@moving
async def test_of_several_in_line_only_the_late_ones_give_up(runtime, kind):
    operation = await kind.prepare(runtime)
    before = operation.moved()
    limits = [None, 0.01, math.inf, 0.01, 10]
    line = [asyncio.create_task(operation.call(timeout=limit)) for limit in limits]
    await asyncio.wait([line[1], line[3]])
    for _ in range(3):
        operation.serve()
        await turns(4)
    ends = await asyncio.gather(*line, return_exceptions=True)
    assert [isinstance(end, QueueTimeoutError) for end in ends] == [False, True] * 2 + [False]
    assert operation.moved() == before + 3
    await operation.go_through()


@moving
async def test_what_is_there_when_the_time_is_up_goes_to_the_first_in_line(
    runtime, kind, skip_ahead
):
    operation = await kind.prepare(runtime)
    before = operation.moved()
    first, second = (asyncio.create_task(operation.call(timeout=5)) for _ in range(2))
    await turns(3)
    skip_ahead(10)
    operation.serve()
    ends = await asyncio.gather(first, second, return_exceptions=True)
    assert [isinstance(end, QueueTimeoutError) for end in ends] == [False, True]
    assert operation.moved() == before + 1


@moving
async def test_who_gives_up_overtakes_nobody_on_the_way_out(runtime, kind, skip_ahead):
    operation = await kind.prepare(runtime)
    first = operation.begin()
    late = asyncio.create_task(operation.call(timeout=5))
    await turns(3)
    skip_ahead(10)
    await turns(2)  # now the late one is woken by its timer, and runs behind this task
    operation.serve()
    ends = await asyncio.gather(first, late, return_exceptions=True)
    assert [isinstance(end, QueueTimeoutError) for end in ends] == [False, True]


@moving
async def test_being_woken_for_nothing_does_not_prolong_a_wait(runtime, kind, skip_ahead):
    operation = await kind.prepare(runtime)
    waiting = asyncio.create_task(operation.call(timeout=5))
    await turns(3)
    skip_ahead(3)
    await operation.nudge()
    assert not waiting.done()
    skip_ahead(3)
    with pytest.raises(QueueTimeoutError):
        await waiting


async def test_a_kernel_that_polls_leaves_turns_to_others(runtime):
    async def poll(ctx):
        while not ctx.should_terminate:
            try:
                await ctx.send(await ctx.receive(timeout=0))
            except QueueTimeoutError:
                continue

    await start(runtime, "k", poll)
    await turns(50)  # which a kernel that spins would not let end
    await runtime.send("k", 1)
    assert await runtime.receive("k") == 1


@moving
async def test_a_wait_leaves_no_timer_behind(runtime, kind, monkeypatch):
    operation = await kind.prepare(runtime)
    loop, timers = asyncio.get_running_loop(), []
    call_at = loop.call_at
    monkeypatch.setattr(loop, "call_at", lambda *a: timers.append(call_at(*a)) or timers[-1])
    served, cancelled = (asyncio.create_task(operation.call(timeout=1000)) for _ in range(2))
    await turns(3)
    cancelled.cancel()
    operation.serve()
    await asyncio.wait([served, cancelled])
    assert timers
    assert [timer for timer in timers if not timer.cancelled()] == []


async def tries_of(call):
    """Count how often something has to be tried; asyncio.timeout() needs turns to stop it."""
    for tries in itertools.count(1):
        try:
            await call()
        except QueueTimeoutError:
            continue
        return tries
    raise AssertionError


async def test_a_caller_that_polls_lets_its_kernel_run(runtime):
    async def slow(ctx):
        message = await ctx.receive()
        await turns(20)
        await ctx.send(message)

    await start(runtime, "k", slow)
    await runtime.send("k", 1)
    async with asyncio.timeout(5):
        assert await tries_of(lambda: runtime.receive("k", timeout=0)) < 100


async def test_a_sender_that_polls_lets_its_kernel_run(runtime):
    operation = await Send.prepare(runtime)

    async def take_later():
        await turns(20)
        operation.serve()

    taking = asyncio.create_task(take_later())
    async with asyncio.timeout(5):
        assert await tries_of(lambda: operation.call(timeout=0)) < 100
    await taking
