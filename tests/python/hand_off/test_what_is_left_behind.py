"""A parked kernel that nobody can reach any more is collected with all that it holds."""

import asyncio
import gc
import weakref

import pytest
from hand_off_for_tests import ask, started
from kernels_for_tests import echo

from pydotcompute import RingKernelRuntime


class Big:
    """Something to keep alive."""


@pytest.mark.parametrize("hand_off", [True, False])
@pytest.mark.parametrize("timeout", [None, 3600])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_runtime_dropped_with_its_loop_leaves_nothing(hand_off, timeout):
    kept = []

    async def begin(loop):
        runtime = RingKernelRuntime(hand_off=hand_off)
        big = Big()
        big.runtime = runtime

        async def holding(ctx):
            held = big
            while held:
                await ctx.send(await ctx.receive(timeout=timeout))

        await started(runtime, holding)
        await ask(runtime, 1)
        loop.set_exception_handler(lambda *_: None)
        kept.append(weakref.ref(big))

    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin(loop))
    loop.close()
    del loop
    for _ in range(3):
        gc.collect()
    assert kept[0]() is None


@pytest.mark.parametrize("hand_off", [True, False])
async def test_a_message_that_refers_to_its_runtime_is_collected_with_it(hand_off):
    async def inside():
        async with RingKernelRuntime(hand_off=hand_off) as runtime:
            await started(runtime)
            big = Big()
            big.runtime = runtime
            await ask(runtime, big)
            await runtime.deactivate("k")
            await runtime.send("k", big)
            return weakref.ref(big)

    ref = await asyncio.create_task(inside())
    gc.collect()
    assert ref() is None


@pytest.mark.parametrize("hand_off", [True, False])
async def test_kernels_begun_and_ended_a_hundred_times_leave_nothing(hand_off):
    refs = []

    async def once(runtime, number):
        big = Big()
        refs.append(weakref.ref(big))

        async def holding(ctx):
            held = big
            while held:
                await ctx.send(await ctx.receive(timeout=60))

        await started(runtime, holding)
        assert await ask(runtime, number) == number
        await runtime.terminate("k")

    async with RingKernelRuntime(hand_off=hand_off) as runtime:
        for number in range(100):
            await once(runtime, number)
        await started(runtime, echo)
        await ask(runtime, 1)
        gc.collect()
        assert [ref() for ref in refs if ref() is not None] == []
