"""Calls that programs know under other names."""

import asyncio

import pytest
from kernels_for_tests import bring_to, echo, start, start_puppet

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.exceptions import KernelNotFoundError, RuntimeClosedError, WrongLoopError


@pytest.mark.parametrize("state", [state for state in KernelState if state != "created"])
async def test_a_state_is_told_under_both_names(runtime, state):
    puppet = await bring_to(runtime, state)
    assert runtime.get_kernel_state("k") is runtime.get_state("k") is state
    assert runtime.is_active("k") is (state is KernelState.ACTIVE)
    puppet.freed.set()


@pytest.mark.parametrize("name", ["get_kernel_state", "is_active"])
async def test_an_unknown_kernel_is_an_error_with_what_is_near(runtime, name):
    await start(runtime, "worker", echo)
    with pytest.raises(KernelNotFoundError) as caught:
        getattr(runtime, name)("worked")
    assert caught.value.near == ("worker",)


async def test_a_runtime_is_started_and_shut_down_by_hand():
    runtime = RingKernelRuntime(enable_telemetry=True)
    await runtime.start()
    await runtime.start()
    await start(runtime, "k", echo)
    await runtime.send("k", "a")
    assert await runtime.receive("k") == "a"
    await runtime.shutdown()
    assert runtime.get_state("k") is KernelState.TERMINATED
    assert runtime.get_telemetry("k") is None
    with pytest.raises(RuntimeClosedError):
        await runtime.start()


async def test_shutting_down_lets_kernels_handle_what_they_accepted():
    handled = []

    async def collect(ctx):
        while True:
            handled.append(await ctx.receive())

    runtime = RingKernelRuntime()
    await start(runtime, "k", collect)
    for number in range(5):
        await runtime.send("k", number)
    await runtime.shutdown()
    assert handled == [0, 1, 2, 3, 4]


async def test_shutting_down_twice_or_before_leaving_does_nothing_more():
    async with RingKernelRuntime() as runtime:
        await start_puppet(runtime)
        runtime._find("k").cancel()
        await runtime.shutdown()
        await runtime.shutdown()


async def test_two_who_shut_down_at_once_both_come_back():
    runtime = RingKernelRuntime()
    await start(runtime, "k", echo)
    await asyncio.gather(runtime.shutdown(), runtime.shutdown())
    assert runtime.get_state("k") is KernelState.TERMINATED


async def test_starting_binds_the_runtime_to_its_loop():
    runtime = RingKernelRuntime()
    await runtime.start()

    def elsewhere(call):
        with pytest.raises(WrongLoopError):
            asyncio.run(call())

    await asyncio.to_thread(elsewhere, runtime.start)
    await asyncio.to_thread(elsewhere, runtime.shutdown)
    await runtime.shutdown()
