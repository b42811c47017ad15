"""Whoever waits for an end may be cancelled: what was begun goes on or is undone, and can be ended.

Blocks are another matter: leaving one that is cancelled while it leaves still ends its kernels.
"""

import asyncio
from functools import partial

import pytest
from cancelling_for_tests import at_every_point, balance, others_have_ended, replies_left, ways
from kernels_for_tests import Puppet, counts, deaf, echo, slow, start, turns
from operations_for_tests import managed, scope

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.exceptions import RuntimeClosedError
from pydotcompute.testing import wait_until_idle

IDS = ("a", "b", "c")
OVER = KernelState.TERMINATED


async def start_all(runtime, kernel=slow):
    for kernel_id in IDS:
        await start(runtime, kernel_id, kernel)
        await runtime.send_batch(kernel_id, range(3))


def check_ended(runtime):
    """Check that every kernel has, that no message is lost and that an id can be used again."""
    assert {runtime.get_state(kernel_id) for kernel_id in IDS} == {OVER}
    received = sum(len(replies_left(runtime, kernel_id)) for kernel_id in IDS)
    balance(runtime, accepted=9, received=received)


async def check_relaunch(runtime):
    await start(runtime, "a", echo)
    assert await runtime.send_and_receive("a", 1) == 1


@ways
@pytest.mark.parametrize("drain", [False, True])
@pytest.mark.parametrize("kernel", [slow, echo])
async def test_terminate_all_can_be_cancelled_anywhere_and_called_again(way, drain, kernel):
    async def play(break_off):
        async with RingKernelRuntime(enable_telemetry=True) as runtime:
            await start_all(runtime, kernel)
            ending = break_off(runtime.terminate_all(drain=drain))
            await asyncio.wait([ending])
            await runtime.terminate_all()
            check_ended(runtime)
            await check_relaunch(runtime)
        await others_have_ended()
        return ending

    await at_every_point(way, play)


@ways
async def test_terminate_all_of_deaf_kernels_can_be_cancelled_anywhere_and_called_again(way):
    async def play(break_off):
        async with RingKernelRuntime(enable_telemetry=True) as runtime:
            await start_all(runtime, deaf)
            await turns()
            ending = break_off(runtime.terminate_all(timeout=0))
            await asyncio.wait([ending])
            await runtime.terminate_all(timeout=0)
            check_ended(runtime)
        await others_have_ended()
        return ending

    await at_every_point(way, play)


@ways
async def test_a_second_terminate_all_does_not_mind_that_the_first_is_cancelled(way):
    async def play(break_off):
        async with RingKernelRuntime(enable_telemetry=True) as runtime:
            await start_all(runtime)
            ending = break_off(runtime.terminate_all(drain=True))
            await asyncio.wait_for(runtime.terminate_all(drain=True), 5)
            await asyncio.wait([ending])
            check_ended(runtime)
        await others_have_ended()
        return ending

    await at_every_point(way, play)


# Leaving blocks.


async def leave_runtime(runtime, kernel):
    async with runtime:
        await start_all(runtime, kernel)


async def shut_down(runtime, kernel):
    await start_all(runtime, kernel)
    await runtime.shutdown()


@ways
@pytest.mark.parametrize("leave", [leave_runtime, shut_down])
@pytest.mark.parametrize("kernel", [slow, deaf])
async def test_a_runtime_whose_leaving_is_cancelled_has_ended_every_kernel(way, leave, kernel):
    async def play(break_off):
        runtime = RingKernelRuntime(enable_telemetry=True)
        runtime.terminate_all = partial(runtime.terminate_all, timeout=0)
        leaving = break_off(leave(runtime, kernel))
        await asyncio.wait([leaving])
        await others_have_ended()
        assert {runtime.get_state(kernel_id) for kernel_id in IDS} == {OVER}
        with pytest.raises(RuntimeClosedError):
            await runtime.send("a", 1)
        await runtime.shutdown()
        return leaving

    await at_every_point(way, play)


@ways
async def test_a_second_shutdown_does_not_mind_that_the_first_is_cancelled(way):
    async def play(break_off):
        runtime = RingKernelRuntime(enable_telemetry=True)
        await start_all(runtime)
        first = break_off(runtime.shutdown())
        await asyncio.wait_for(runtime.shutdown(), 5)
        await asyncio.wait([first])
        await others_have_ended()
        assert {runtime.get_state(kernel_id) for kernel_id in IDS} == {OVER}
        return first

    await at_every_point(way, play)


scopes = pytest.mark.parametrize("make", [scope, managed])


@ways
@scopes
async def test_a_scope_cancelled_anywhere_has_ended_its_kernel(way, make):
    async def play(break_off):
        async with RingKernelRuntime(enable_telemetry=True) as runtime:

            async def use():
                async with make(runtime, slow):
                    await runtime.send_batch("k", range(3))
                    assert await runtime.receive("k") == 0

            using = break_off(use())
            await asyncio.wait([using])
            await turns(30)
            assert runtime.get_state("k") is OVER
            begun = "received" in counts(runtime)
            assert begun or using.cancelled()
            left = len(replies_left(runtime))
            received = counts(runtime).get("replies_received", 0)
            assert received - left <= 1
            balance(runtime, accepted=3 * begun, received=received)
            async with make(runtime, echo):
                assert await runtime.send_and_receive("k", 1) == 1
        await others_have_ended()
        return using

    await at_every_point(way, play)


@scopes
async def test_a_scope_cancelled_while_it_waits_for_a_busy_kernel_has_ended_it(runtime, make):
    puppet = Puppet()

    async def use():
        async with make(runtime, puppet):
            await runtime.send("k", 1)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await use()
    await turns()
    assert runtime.get_state("k") is OVER
    assert counts(runtime) == {"received": 1, "discarded": 1, "queue_depth_peak": 1}


@scopes
async def test_cancelled_once_more_while_it_leaves_it_has_ended_its_kernel(runtime, make):
    async def use():
        async with make(runtime, Puppet()):
            await asyncio.Event().wait()

    using = asyncio.create_task(use())
    for _ in range(2):
        await turns()
        using.cancel()
    await asyncio.wait([using])
    await turns()
    assert using.cancelled()
    assert runtime.get_state("k") is OVER


# Waiting for rest.


@ways
@pytest.mark.parametrize("ids", [(), ("k",)])
@pytest.mark.parametrize(
    "wait", [wait_until_idle, lambda runtime, *ids: runtime.wait_quiet(ids, 5)]
)
async def test_a_cancelled_wait_for_rest_leaves_everything_as_it_was(way, ids, wait):
    async def play(break_off):
        async with RingKernelRuntime(enable_telemetry=True) as runtime:
            await start(runtime, "k", slow)
            await runtime.send_batch("k", range(3))
            waiting = break_off(wait(runtime, *ids))
            other = asyncio.create_task(wait_until_idle(runtime))
            await asyncio.wait([waiting])
            await other
            assert replies_left(runtime) == [0, 1, 2]
            balance(runtime, accepted=3, received=3)
        await others_have_ended()
        return waiting

    await at_every_point(way, play)
