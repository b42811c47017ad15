"""Do with a runtime what people do, in every form; prints whether the counts agree."""

import asyncio
import logging

from kernels_for_tests import start
from programs_for_tests import FORMS, Callers

from pydotcompute import RingKernelRuntime
from pydotcompute.exceptions import KernelFailedError, QueueFullError, QueueTimeoutError
from pydotcompute.testing import wait_until_idle


async def blocked(ctx):
    """Take messages while it is allowed to, and reply to more than there is room for."""
    while not ctx.should_terminate:
        await ctx.wait_active()
        for message in await ctx.receive_batch(3):
            await ctx.send(message)


async def fails(ctx):
    raise ValueError(await ctx.receive())


async def talk(callers, kernel_id):
    """Exchange messages singly, in bursts, with timeouts and with cancelled waits."""
    runtime = callers.runtime
    await callers.send(range(20), kernel_id)
    for _ in range(20):
        await callers.receive(kernel_id, timeout=5.0)
    try:
        await runtime.receive(kernel_id, timeout=0.001)
    except QueueTimeoutError:
        waiting = asyncio.create_task(runtime.receive(kernel_id))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    await runtime.deactivate(kernel_id)
    await callers.send(range(3), kernel_id)
    await runtime.reactivate(kernel_id)
    await wait_until_idle(runtime, kernel_id)


async def fill(callers):
    """Fill both queues of a kernel, whose messages are discarded at its end."""
    await start(callers.runtime, "full", blocked, queue_size=4, output_queue_size=2)
    await callers.send(range(6), "full", timeout=1.0)
    await callers.send(range(6), "full", timeout=0.001)
    try:
        callers.runtime.send_nowait("full", 1)
    except QueueFullError:
        await callers.runtime.terminate("full", timeout=0.01)


async def fail(callers):
    """Let one kernel fail at once and one after its restarts."""
    await start(callers.runtime, "fails", fails)
    await start(callers.runtime, "restarts", fails, on_error="restart", max_restarts=2)
    for kernel_id in ("fails", "restarts"):
        await callers.send(range(5), kernel_id)
        try:
            await callers.receive(kernel_id)
        except KernelFailedError:
            continue


async def main():
    asyncio.get_running_loop().slow_callback_duration = 60.0  # a busy machine is no fault of ours
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        callers = Callers(runtime)
        for form, (kernel, options) in FORMS.items():
            await start(runtime, form, kernel, **options)
        await asyncio.gather(*(talk(callers, form) for form in FORMS), fill(callers), fail(callers))
        await callers.send([ValueError("one message")], "handler def")
        await wait_until_idle(runtime)
        await runtime.terminate_all(drain=True)
        callers.check()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    print("balanced")


logging.getLogger("pydotcompute").setLevel(logging.CRITICAL)
asyncio.run(main())
