"""The life of a kernel whose code is a C function: pauses, ends, whatever its handler does."""

import asyncio
import gc
import weakref

import pytest
from kernels_for_tests import turns
from native_for_tests import Pair, counts, library, start

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.exceptions import KernelStateError, KernelStuckError
from pydotcompute.execution import native
from pydotcompute.testing import wait_until_idle


@pytest.fixture(scope="module")
def shared():
    return library()


@pytest.fixture
def gated():
    """Give a library of whose gate no other test knows; it is open at the end."""
    made = library()
    yield made
    made.open_gate()


def pairs(*numbers):
    return [Pair(number=number) for number in numbers]


async def received(runtime, count):
    return [(await runtime.receive("k", timeout=5.0)).number for _ in range(count)]


async def test_a_launched_kernel_accepts_messages_and_handles_them_once_active(runtime, shared):
    await runtime.launch("k", shared.kernel())
    assert await runtime.send_batch("k", pairs(1, 2)) == 2
    assert runtime.get_telemetry("k").queue_depth == 2
    await runtime.activate("k")
    assert await received(runtime, 2) == [2, 4]


async def test_a_deactivated_kernel_takes_nothing_until_it_is_reactivated(runtime, shared):
    await start(runtime, shared.kernel())
    await runtime.send_batch("k", pairs(1))
    await wait_until_idle(runtime)
    await runtime.deactivate("k")
    await runtime.send_batch("k", pairs(2, 3))
    await wait_until_idle(runtime)
    assert runtime.get_telemetry("k").queue_depth == 2
    assert await received(runtime, 1) == [2]
    await runtime.reactivate("k")
    assert await received(runtime, 2) == [4, 6]


async def test_what_is_queued_is_handled_before_the_end(runtime, shared):
    await runtime.launch("k", shared.kernel())
    await runtime.send_batch("k", pairs(*range(100)))
    await runtime.activate("k")
    await runtime.terminate("k")
    assert runtime.get_state("k") is KernelState.TERMINATED
    assert counts(runtime) == (100, 100, 0, 0, 0, 100)
    assert await received(runtime, 100) == [2 * n for n in range(100)]
    for use in (runtime.receive("k"), runtime.send("k", Pair(number=1))):
        with pytest.raises(KernelStateError):
            await use


async def test_a_kernel_that_never_ran_ends_and_discards(runtime, shared):
    await runtime.launch("k", shared.kernel())
    await runtime.send_batch("k", pairs(1, 2))
    await runtime.terminate("k")
    assert counts(runtime) == (2, 0, 0, 0, 2, 0)


async def test_a_drain_waits_until_what_was_accepted_is_handled(runtime, gated):
    await start(runtime, gated.kernel("held"))
    await runtime.send_batch("k", pairs(1, 2, 3))
    await gated.until_entered()
    ending = asyncio.create_task(runtime.terminate("k", timeout=60.0, drain=True))
    await asyncio.sleep(0)
    assert runtime.get_state("k") is KernelState.ACTIVE
    gated.open_gate()
    await ending
    assert await received(runtime, 3) == [2, 4, 6]


async def test_a_kernel_blocked_on_its_output_is_quiet_and_is_stopped(runtime, shared):
    await start(runtime, shared.kernel(), output_queue_size=2)
    await runtime.send_batch("k", pairs(*range(10)))
    await wait_until_idle(runtime)
    await runtime.terminate("k", timeout=0, drain=True)
    assert runtime.get_state("k") is KernelState.TERMINATED
    shown = runtime.get_telemetry("k")
    assert (shown.messages_sent, shown.output_depth) == (2, 2)
    assert (shown.messages_processed, shown.messages_discarded) == (2, 8)
    assert await received(runtime, 2) == [0, 2]


async def test_a_handler_that_stays_too_long_is_stuck_and_its_reply_refused(
    runtime, gated, short_grace
):
    await start(runtime, gated.kernel("held"))
    await runtime.send_batch("k", pairs(1, 2))
    await gated.until_entered()
    with pytest.raises(KernelStuckError):
        await runtime.terminate("k", timeout=0.01)
    assert runtime.get_state("k") is KernelState.TERMINATING
    with pytest.raises(KernelStateError):
        await runtime.receive("k")
    gated.open_gate()
    while runtime.get_state("k") is KernelState.TERMINATING:
        await turns(1)
    assert runtime.get_state("k") is KernelState.TERMINATED
    assert counts(runtime) == (2, 0, 0, 0, 2, 0)


async def test_who_waits_is_told_of_the_end(runtime, shared):
    await start(runtime, shared.kernel())
    waiting = asyncio.create_task(runtime.receive("k"))
    await asyncio.sleep(0)
    await runtime.terminate("k")
    with pytest.raises(KernelStateError):
        await waiting


async def test_an_ended_id_is_launched_again_without_its_past(runtime, shared):
    for _ in range(3):
        await start(runtime, shared.kernel())
        await runtime.send_batch("k", pairs(1, 2))
        assert await received(runtime, 1) == [2]
        await runtime.terminate("k")
    assert counts(runtime) == (2, 2, 0, 0, 0, 2)


async def test_one_file_serves_a_loop_and_goes_with_its_last_kernel(runtime, shared):
    ids = [f"k_{number}" for number in range(4)]
    for kernel_id in ids:
        await start(runtime, shared.kernel(), kernel_id)
    assert len(native._bells) == 1
    await runtime.terminate_all()
    assert native._bells == {}


def test_a_runtime_that_is_never_closed_leaves_nothing_behind(shared):
    async def leave():
        runtime = RingKernelRuntime()
        await start(runtime, shared.kernel())
        await runtime.send("k", Pair(number=1))
        return weakref.ref(runtime)

    left = asyncio.run(leave())

    async def come_after():
        async with RingKernelRuntime() as runtime:
            await start(runtime, shared.kernel())
            reply = await runtime.send_and_receive("k", Pair(number=2), timeout=5.0)
            assert reply.number == 4

    asyncio.run(come_after())
    gc.collect()
    assert left() is None


async def test_a_kernel_scope_runs_a_native_kernel(runtime, shared):
    async with runtime.kernel_scope("k", shared.kernel()) as handle:
        await handle.send(Pair(number=5))
        assert (await handle.receive(timeout=5.0)).number == 10
    assert runtime.get_state("k") is KernelState.TERMINATED


async def test_a_busy_caller_lets_other_tasks_run(runtime, shared):
    await start(runtime, shared.kernel())
    turn_count = 0

    async def count_turns():
        nonlocal turn_count
        while True:
            turn_count += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    while turn_count < 10:
        await runtime.send("k", Pair(number=1))
        await runtime.receive("k", timeout=5.0)
    counting.cancel()
