"""How callers wait for native kernels, and the kernels for them."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from kernels_for_tests import turns
from native_for_tests import Pair, library, start

from pydotcompute import RingKernelRuntime
from pydotcompute.exceptions import KernelExecutionError, QueueTimeoutError, WrongLoopError
from pydotcompute.testing import wait_until_idle

GUARD_SECONDS = 20


@pytest.fixture(scope="module")
def shared():
    return library()


@pytest.fixture
def gated():
    """Give a library of whose gate no other test knows; it is open at the end."""
    made = library()
    yield made
    made.open_gate()


def worker_threads():
    """Find the threads of native workers, as the system shows them."""
    tasks = Path("/proc/self/task").iterdir()
    return [task for task in tasks if (task / "comm").read_text() == "native kernel\n"]


def state_of(task):
    return (task / "stat").read_text().rpartition(")")[2].split()[0]


async def ping_pong(runtime, count):
    for number in range(count):
        await runtime.send("k", Pair(number=number))
        assert (await runtime.receive("k", timeout=5.0)).number == 2 * number


async def test_a_worker_without_messages_sleeps(runtime, shared):
    await start(runtime, shared.kernel())
    await ping_pong(runtime, 500)
    (worker,) = worker_threads()
    async with asyncio.timeout(GUARD_SECONDS):
        while state_of(worker) != "S":
            await turns(1)


async def test_a_worker_may_use_every_core_whatever_its_callers_did(runtime, shared):
    await start(runtime, shared.kernel())
    await ping_pong(runtime, 1)
    (worker,) = worker_threads()
    for _ in range(20):
        await ping_pong(runtime, 100)
        await wait_until_idle(runtime)
    async with asyncio.timeout(GUARD_SECONDS):
        while os.sched_getaffinity(int(worker.name)) != os.sched_getaffinity(0):
            await turns(1)


async def test_a_kernel_answers_where_one_core_is_all_there_is(runtime, shared):
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        await start(runtime, shared.kernel())
        await ping_pong(runtime, 500)
    finally:
        os.sched_setaffinity(0, allowed)
    shown = runtime.get_telemetry("k")
    assert (shown.messages_processed, shown.replies_received) == (500, 500)


async def test_who_waits_for_a_slow_handler_lets_other_tasks_run(runtime, gated):
    await start(runtime, gated.kernel("held"))
    await runtime.send("k", Pair(number=1))
    waiting = asyncio.create_task(runtime.receive("k", timeout=GUARD_SECONDS))
    await gated.until_entered()
    await turns(50)
    assert not waiting.done()
    gated.open_gate()
    assert (await waiting).number == 2


async def test_who_waits_for_a_paused_kernel_lets_other_tasks_run(runtime, shared):
    await start(runtime, shared.kernel())
    await runtime.deactivate("k")
    await runtime.send("k", Pair(number=1))
    waiting = asyncio.create_task(runtime.receive("k", timeout=GUARD_SECONDS))
    await turns(50)
    assert not waiting.done()
    await runtime.reactivate("k")
    assert (await waiting).number == 2


async def test_a_try_at_a_kernel_without_messages_is_over_at_once(runtime, shared):
    await start(runtime, shared.kernel())
    for _ in range(20):
        with pytest.raises(QueueTimeoutError):
            await runtime.receive("k", timeout=0)


async def test_nobody_overtakes_whoever_waits_in_line_for_a_reply(runtime, gated):
    await start(runtime, gated.kernel("held"))
    first = asyncio.create_task(runtime.send_and_receive("k", Pair(number=1), timeout=5.0))
    await gated.until_entered()
    await runtime.send("k", Pair(number=2))
    second = asyncio.create_task(runtime.receive("k", timeout=5.0))
    await turns(2)
    gated.open_gate()
    assert ((await first).number, (await second).number) == (2, 4)


async def test_who_waits_in_line_gets_a_reply_that_is_there_in_a_few_turns(runtime, gated):
    await start(runtime, gated.kernel("held"))
    await runtime.send_batch("k", [Pair(number=number) for number in range(40)])
    await gated.until_entered()
    waiting = [asyncio.create_task(runtime.receive("k")) for _ in range(40)]
    await turns(3)
    gated.open_gate()
    expiry = time.monotonic() + GUARD_SECONDS
    while runtime.get_telemetry("k").output_depth < 40:  # and the loop does not turn
        assert time.monotonic() < expiry
    await turns(8)
    assert [task.done() for task in waiting] == [True] * 40
    assert [(await task).number for task in waiting] == [2 * number for number in range(40)]


async def test_an_error_is_raised_in_its_place_whoever_comes_for_it(runtime, shared):
    await start(runtime, shared.kernel())
    for number in (1, -3, 2):
        await runtime.send("k", Pair(number=number))
    await wait_until_idle(runtime)
    assert (await runtime.receive("k")).number == 2
    with pytest.raises(KernelExecutionError, match="error code -3"):
        await runtime.receive("k")
    assert (await runtime.send_and_receive("k", Pair(number=3), timeout=5.0)).number == 4
    assert (await runtime.receive("k", timeout=5.0)).number == 6


def test_another_loop_gets_neither_a_reply_nor_a_message_through(shared):
    async def begin():
        runtime = RingKernelRuntime(enable_telemetry=True)
        await start(runtime, shared.kernel())
        await runtime.send("k", Pair(number=1))
        await wait_until_idle(runtime)
        return runtime

    async def meddle(runtime):
        with pytest.raises(WrongLoopError):
            await runtime.receive("k")
        with pytest.raises(WrongLoopError):
            await runtime.send("k", Pair(number=2))
        with pytest.raises(WrongLoopError):
            await runtime.send_and_receive("k", Pair(number=3))

    async def end(runtime):
        assert (await runtime.receive("k")).number == 2
        shown = runtime.get_telemetry("k")
        assert (shown.messages_received, shown.replies_received) == (1, 1)
        await runtime.terminate_all()

    with asyncio.Runner() as home:
        runtime = home.run(begin())
        with asyncio.Runner() as elsewhere:
            elsewhere.run(meddle(runtime))
        home.run(end(runtime))


async def test_a_caller_who_gets_batches_at_once_lets_other_tasks_run(runtime, shared):
    await start(runtime, shared.kernel())
    turn_count = 0

    async def count_turns():
        nonlocal turn_count
        while True:
            turn_count += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    while turn_count < 10:
        await runtime.send_batch("k", [Pair(number=1)] * 3)
        got = 0
        while got < 3:
            got += len(await runtime.receive_batch("k", 3, timeout=5.0))
        await runtime.send_and_receive("k", Pair(number=1), timeout=5.0)
    counting.cancel()
