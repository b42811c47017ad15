"""Leaving `async with` ends every kernel and closes the runtime."""

import asyncio

import pytest
from kernels_for_tests import Clinger, Puppet, echo, start, start_puppet, turns

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.exceptions import (
    KernelStateError,
    KernelStuckError,
    QueueTimeoutError,
    RuntimeClosedError,
)

TERMINATED = KernelState.TERMINATED


class Recorder:
    """A kernel that notes what it handled, and stops at once when told to."""

    def __init__(self):
        self.handled = []

    async def __call__(self, ctx):
        while not ctx.should_terminate:
            try:
                message = await ctx.receive(timeout=0.01)
            except QueueTimeoutError:
                continue
            await turns(2)
            self.handled.append(message)


async def leave(kernel, *, raising=None):
    """Send a kernel ten messages and leave the runtime at once."""
    async with RingKernelRuntime() as runtime:
        await start(runtime, "k", kernel, replies=False)
        for number in range(10):
            runtime.send_nowait("k", number)
        if raising is not None:
            raise raising
    return runtime


async def test_after_a_clean_body_kernels_are_drained():
    recorder = Recorder()
    runtime = await leave(recorder)
    assert recorder.handled == list(range(10))
    assert runtime.get_state("k") is TERMINATED


@pytest.mark.parametrize("error", [ValueError("x"), asyncio.CancelledError()])
async def test_after_a_body_that_raised_kernels_are_not_drained(error):
    recorder = Recorder()
    with pytest.raises(type(error)) as caught:
        await leave(recorder, raising=error)
    assert caught.value is error
    assert len(recorder.handled) < 3


def test_after_ctrl_c_kernels_are_not_drained():
    recorder = Recorder()
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(leave(recorder, raising=KeyboardInterrupt()))
    assert len(recorder.handled) < 3


async def test_no_task_is_left_after_leaving():
    async with RingKernelRuntime() as runtime:
        for number in range(5):
            await start(runtime, str(number), echo)
        await start_puppet(runtime)
        await runtime.terminate("k", timeout=0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_states_can_be_read_and_telemetry_is_gone_after_leaving():
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await start(runtime, "k", echo)
        await runtime.send("k", 1)
    assert runtime.get_state("k") is TERMINATED
    assert (runtime.kernel_ids, runtime.active_kernels) == ([], [])
    assert runtime.get_telemetry("k") is None
    assert runtime.get_all_telemetry() == {}
    assert runtime.get_summary()["kernel_count"] == 0
    assert repr(runtime) == "<RingKernelRuntime closed, telemetry on>"


async def test_a_failed_kernel_does_not_raise_at_the_exit():
    async def fail(ctx):
        raise ValueError

    async with RingKernelRuntime() as runtime:
        await start(runtime, "k", fail)
        await turns()
    assert runtime.get_state("k") is KernelState.FAILED


async def leave_with_a_stuck_kernel(runtime, clinger, error=None):
    """Leave at once, without the ten seconds that kernels are given to end."""
    whole = runtime.terminate_all
    runtime.terminate_all = lambda *, drain: whole(timeout=0, drain=drain)
    async with runtime:
        await start(runtime, "k", clinger)
        await clinger.began.wait()
        if error is not None:
            raise error


async def test_a_stuck_kernel_raises_at_the_exit_and_the_runtime_is_closed(short_grace):
    runtime, clinger = RingKernelRuntime(), Clinger()
    with pytest.raises(KernelStuckError) as caught:
        await leave_with_a_stuck_kernel(runtime, clinger)
    assert caught.value.kernel_id == "k"
    assert runtime.get_state("k") is KernelState.TERMINATING
    with pytest.raises(RuntimeClosedError):
        await runtime.terminate("k")
    clinger.freed.set()
    await turns()
    assert runtime.get_state("k") is TERMINATED


async def test_the_bodys_own_error_can_be_seen_behind_a_stuck_kernel(short_grace):
    runtime, clinger, error = RingKernelRuntime(), Clinger(), ValueError("first")
    with pytest.raises(KernelStuckError) as caught:
        await leave_with_a_stuck_kernel(runtime, clinger, error)
    assert caught.value.__context__ is error
    clinger.freed.set()
    await turns()


async def test_an_exit_that_is_interrupted_still_ends_every_kernel():
    runtime = RingKernelRuntime()
    puppet = Puppet()
    blocked = []

    async def use():
        async with runtime:
            await runtime.launch("launched", echo, queue_size=1)
            await runtime.send("launched", 1)
            blocked.append(asyncio.create_task(runtime.send("launched", 2)))
            await start(runtime, "busy", puppet)
            await runtime.send("busy", 1)
            blocked.append(asyncio.create_task(runtime.receive("busy")))
            await turns()

    using = asyncio.create_task(use())
    await turns(20)
    assert runtime.get_state("busy") is KernelState.ACTIVE  # being drained, which takes long
    using.cancel()
    with pytest.raises(asyncio.CancelledError):
        await using
    told = await asyncio.gather(*blocked, return_exceptions=True)
    assert [type(error) for error in told] == [KernelStateError, KernelStateError]
    assert runtime.get_state("launched") is runtime.get_state("busy") is TERMINATED
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_exit_that_is_interrupted_gives_stuck_kernels_up():
    runtime, clinger = RingKernelRuntime(), Clinger()

    async def use():
        async with runtime:
            await start(runtime, "k", clinger)
            await runtime.send("k", 1)
            await clinger.began.wait()

    using = asyncio.create_task(use())
    await turns(20)
    receiving = asyncio.create_task(runtime.receive("k"))
    await turns()
    using.cancel()
    with pytest.raises(asyncio.CancelledError):
        await using
    with pytest.raises(KernelStateError):
        await clinger.ctx.send("for nobody")
    with pytest.raises(KernelStateError):
        await receiving
    clinger.freed.set()
    await turns()
    assert runtime.get_state("k") is TERMINATED


async def test_a_runtime_cannot_be_entered_again():
    async with RingKernelRuntime() as runtime:
        pass
    with pytest.raises(RuntimeClosedError, match="make a new one"):
        await runtime.__aenter__()


async def test_callers_that_wait_at_the_exit_are_told():
    async with RingKernelRuntime() as runtime:
        puppet = await start_puppet(runtime, queue_size=1)
        await runtime.send("k", 1)
        calls = [runtime.send("k", 2), runtime.receive("k"), runtime.receive("k")]
        waiting = [asyncio.create_task(call) for call in calls]
        await turns()
        await puppet.ctx.send("in time")
        puppet.freed.set()
    sent, received, refused = await asyncio.gather(*waiting, return_exceptions=True)
    assert received == "in time"
    assert type(sent) is type(refused) is KernelStateError


def test_a_runtime_that_nobody_leaves_does_not_keep_the_program_alive():
    async def forgetful():
        runtime = RingKernelRuntime()
        await start(runtime, "k", echo)
        await start(runtime, "not begun", echo)
        await runtime.send("k", 1)
        await runtime.receive("k")
        return runtime

    runtime = asyncio.run(forgetful())
    assert runtime.get_state("k") is TERMINATED
    assert runtime.get_state("not begun") is TERMINATED
