"""A signal handler that raises while a kernel is woken neither loses the wake-up nor doubles it."""

import asyncio
import threading

import pytest
from hand_off_for_tests import ask, started
from kernels_for_tests import turns

from pydotcompute import RingKernelRuntime


class InterruptError(Exception):
    """As a signal handler may raise it anywhere in Python code."""


class InterruptedLoop(asyncio.SelectorEventLoop):
    """A loop that is interrupted in `call_soon()`, before or after it has queued the callback."""

    def __init__(self):
        super().__init__()
        self.before = self.after = 0

    def call_soon(self, callback, *args, context=None):
        if self.before:
            self.before -= 1
            raise InterruptError
        handle = super().call_soon(callback, *args, context=context)
        if self.after:
            self.after -= 1
            raise InterruptError
        return handle


def play(scenario):
    """Play a scenario with a runtime on such a loop."""

    async def main():
        async with RingKernelRuntime(enable_telemetry=True, hand_off=True) as runtime:
            return await asyncio.wait_for(scenario(runtime, asyncio.get_running_loop()), 10)

    with asyncio.Runner(loop_factory=InterruptedLoop) as runner:
        return runner.run(main())


interrupts = pytest.mark.parametrize(
    ("before", "after"), [(1, 0), (0, 1), (3, 0), (0, 3), (4, 0), (0, 4)]
)
"""Up to as many as there are tries."""


@interrupts
def test_an_interrupted_send_has_moved_nothing_and_wakes_its_kernel_once(before, after):
    async def scenario(runtime, loop):
        freed = asyncio.Event()

        async def waiting(ctx):
            while True:
                message = await ctx.receive()
                await freed.wait()
                await ctx.send(message)

        await started(runtime, waiting)
        loop.before, loop.after = before, after
        with pytest.raises(InterruptError):
            await runtime.send("k", "lost")
        assert runtime.get_telemetry("k").messages_received == 0
        await runtime.send("k", "sent")
        await turns()
        freed.set()
        return await runtime.receive("k"), await ask(runtime, "more")

    assert play(scenario) == ("sent", "more")


async def interrupted_elsewhere(runtime, loop, before, after):
    """Interrupt what tells a kernel's task that the kernel waits elsewhere, in a caller's step."""

    async def elsewhere(ctx):
        while True:
            message = await ctx.receive()
            loop.before, loop.after = (before, after) if message == 1 else (0, 0)
            await asyncio.sleep(0)
            await ctx.send(message)

    await started(runtime, elsewhere)
    # From another thread, and no turn since: no wake-up is on its way in this loop.
    sending = threading.Thread(target=runtime.portal().send, args=("k", 1))
    sending.start()
    sending.join()
    with pytest.raises(InterruptError):
        await runtime.receive("k")
    assert runtime.get_telemetry("k").in_flight == 1


@interrupts
def test_a_receiver_asks_again_for_a_kernel_whose_task_was_not_told_where_it_waits(before, after):
    async def scenario(runtime, loop):
        await interrupted_elsewhere(runtime, loop, before, after)
        return await runtime.receive("k"), await ask(runtime, 2)

    assert play(scenario) == (1, 2)


@interrupts
def test_a_sender_asks_again_for_a_kernel_whose_task_was_not_told_where_it_waits(before, after):
    async def scenario(runtime, loop):
        await interrupted_elsewhere(runtime, loop, before, after)
        await runtime.send("k", 2)
        await turns()
        return [runtime.receive_nowait("k") for _ in range(2)]

    assert play(scenario) == [1, 2]


@interrupts
def test_an_interrupted_refill_of_the_callers_share_is_asked_for_again(before, after):
    async def scenario(runtime, loop):
        await started(runtime)
        await runtime.send("k", "first")
        loop.before, loop.after = before, after
        with pytest.raises(InterruptError):
            await runtime.receive("k")
        first = await runtime.receive("k")
        return first, [await ask(runtime, number) for number in range(500)]

    assert play(scenario) == ("first", list(range(500)))


@interrupts
def test_an_interrupted_cancellation_still_reaches_the_kernel(before, after):
    async def scenario(runtime, loop):
        async def careful(ctx):
            while True:
                try:
                    await ctx.send(await ctx.receive())
                except asyncio.CancelledError:
                    asyncio.current_task().uncancel()
                    await ctx.send("cancelled")

        await started(runtime, careful)
        (task,) = [task for task in asyncio.all_tasks() if "TaskExecution" in repr(task)]
        loop.before, loop.after = before, after
        with pytest.raises(InterruptError):
            task.cancel()
        return await runtime.receive("k"), await ask(runtime, 1)

    assert play(scenario) == ("cancelled", 1)
