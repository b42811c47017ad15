"""A signal handler that raises while a kernel is woken neither loses the wake-up nor doubles it."""

import asyncio

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


@pytest.mark.parametrize(("before", "after"), [(1, 0), (0, 1), (3, 0), (0, 3)])
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


def test_an_interrupted_cancellation_still_reaches_the_kernel():
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
        loop.after = 1
        with pytest.raises(InterruptError):
            task.cancel()
        return await runtime.receive("k"), await ask(runtime, 1)

    assert play(scenario) == ("cancelled", 1)
