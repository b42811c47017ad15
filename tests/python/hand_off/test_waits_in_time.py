"""The timeout of a parked kernel is its own, however often the kernel parks and is woken."""

import asyncio
from time import monotonic

import pytest
from hand_off_for_tests import ask, both, each, started
from kernels_for_tests import echo, turns

from pydotcompute import RingKernelRuntime
from pydotcompute.exceptions import QueueTimeoutError

CLOCK_SECONDS = 0.002
"""By so much uvloop, whose clock counts milliseconds, may end a wait too early."""


async def patient(ctx):
    """Wait for each message as long as the message before says; tell for how long it was."""
    seconds = await ctx.receive()
    while True:
        began = monotonic()
        try:
            message = await ctx.receive(timeout=seconds)
        except QueueTimeoutError as error:
            await ctx.send((error.timeout, monotonic() - began >= seconds - CLOCK_SECONDS))
            seconds = await ctx.receive()
        else:
            seconds = message
            await ctx.send("in time")


@pytest.mark.parametrize(
    "waits", [[0.01], [0.03, 0.01], [0.01, 0.03], [0.02, 0.02, 0.001], [5, 0.01, 0.02]]
)
def test_a_timeout_is_told_exactly_and_never_early(waits):
    async def scenario(runtime):
        await started(runtime, patient)
        seen = []
        await runtime.send("k", waits[0])
        for seconds in waits[1:]:
            await turns(3)
            await runtime.send("k", seconds)
            seen.append(await runtime.receive("k", timeout=10))
        seen.append(await runtime.receive("k", timeout=10))
        return seen[-1][1] if isinstance(seen[-1], tuple) else seen[-1]

    assert [seen for seen, *_ in each(scenario)] == [True] * 2


def test_a_timeout_that_messages_keep_putting_off_does_not_expire():
    async def scenario(runtime):
        await started(runtime, patient)
        await runtime.send("k", 30)
        return [await ask(runtime, 30, timeout=10) for _ in range(300)]

    assert both(scenario) == ["in time"] * 300


def test_a_short_timeout_after_a_long_one_ends_in_its_own_time():
    async def scenario(runtime):
        await started(runtime, patient)
        await runtime.send("k", 3600)
        await turns(3)
        await ask(runtime, 0.01, timeout=10)
        return await runtime.receive("k", timeout=10)

    assert both(scenario) == (0.01, True)


def test_a_deactivated_kernels_timeout_goes_on_running():
    async def scenario(runtime):
        await started(runtime, patient)
        await runtime.send("k", 0.01)
        await turns(3)
        await runtime.deactivate("k")
        return await runtime.receive("k", timeout=10)

    assert both(scenario) == (0.01, True)


def test_a_loop_with_a_time_of_its_own_times_kernels_by_that():
    hour = 3600

    class OwnTime(asyncio.SelectorEventLoop):
        ahead = 0.0

        def time(self):
            return super().time() + self.ahead

    async def scenario(runtime):
        ended = asyncio.Event()

        async def waiting(ctx):
            try:
                await ctx.receive(timeout=hour)
            except QueueTimeoutError:
                ended.set()
            await echo(ctx)

        await started(runtime, waiting)
        asyncio.get_running_loop().ahead += hour + 1
        await asyncio.wait_for(ended.wait(), 10)
        return await ask(runtime, 1)

    async def main(hand_off):
        async with RingKernelRuntime(hand_off=hand_off) as runtime:
            return await scenario(runtime)

    for hand_off in (True, False):
        with asyncio.Runner(loop_factory=OwnTime) as runner:
            assert runner.run(main(hand_off)) == 1
