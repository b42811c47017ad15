"""A kernel that lives as long as a block: launched, activated and terminated for its user."""

import asyncio
import inspect

import pytest
from kernels_for_tests import Clinger, Puppet, counts, echo, turns

from pydotcompute import KernelState, RingKernelRuntime, ring_kernel
from pydotcompute.exceptions import (
    KernelAlreadyExistsError,
    KernelNotFoundError,
    KernelStateError,
    KernelStuckError,
    QueueTimeoutError,
)
from pydotcompute.ring_kernels.lifecycle import managed_kernel
from pydotcompute.runtime import KernelHandle
from pydotcompute.runtime.scope import LaunchArguments


async def test_a_kernel_is_active_in_its_block_and_terminated_behind_it(runtime):
    async with runtime.kernel_scope("k", echo) as handle:
        assert isinstance(handle, KernelHandle)
        assert (handle.id, repr(handle)) == ("k", "KernelHandle('k')")
        assert runtime.get_state("k") is KernelState.ACTIVE
        await handle.send("a")
        assert await handle.receive(timeout=1.0) == "a"
        assert handle.telemetry.messages_processed == 1
    assert runtime.get_state("k") is KernelState.TERMINATED
    assert handle.telemetry.messages_processed == 1


async def test_without_telemetry_a_handle_has_none():
    async with RingKernelRuntime() as runtime, runtime.kernel_scope("k", echo) as handle:
        assert handle.telemetry is None


async def test_the_options_of_a_launch_count(runtime):
    async with runtime.kernel_scope("k", Puppet(), queue_size=1, backpressure="drop") as handle:
        for number in range(3):
            await handle.send(number)
        assert counts(runtime)["dropped"] == 2
        with pytest.raises(QueueTimeoutError):
            await handle.receive(timeout=0)
        await runtime.terminate("k", timeout=0)


def test_a_scope_takes_every_option_of_a_launch():
    parameters = inspect.signature(RingKernelRuntime.launch).parameters.values()
    options = {p.name: p.annotation for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert LaunchArguments.__annotations__ == options


async def test_a_registered_kernel_needs_no_function(runtime):
    ring_kernel(kernel_id="echo_of_scopes")(echo)
    async with runtime.kernel_scope("echo_of_scopes") as handle:
        await handle.send(1)
        assert await handle.receive() == 1


async def test_after_a_clean_block_what_was_accepted_is_handled_first(runtime):
    async with runtime.kernel_scope("k", echo) as handle:
        for number in range(5):
            await handle.send(number)
    assert counts(runtime)["processed"] == 5
    assert [await handle.receive() for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(KernelStateError):
        await handle.receive()


async def test_after_a_block_that_raised_a_busy_kernel_is_not_waited_for(runtime):
    async def busy(ctx):
        await ctx.receive()
        while not ctx.should_terminate:  # noqa: ASYNC110 - it is busy
            await asyncio.sleep(0)

    error = ValueError("in the block")
    with pytest.raises(ValueError, match="in the block") as caught:
        await _raise_in_a_scope(runtime, busy, error, message="a")
    assert caught.value is error
    assert runtime.get_state("k") is KernelState.TERMINATED


async def _raise_in_a_scope(runtime, kernel, error, message):
    async with asyncio.timeout(2), runtime.kernel_scope("k", kernel) as handle:
        await handle.send(message)
        await turns()
        raise error


async def test_the_error_of_the_block_wins_over_that_of_the_kernel(
    runtime, short_grace, monkeypatch
):
    clinger, terminate = Clinger(), runtime.terminate

    async def at_once(kernel_id, *, drain):
        await terminate(kernel_id, timeout=0.01, drain=drain)

    monkeypatch.setattr(runtime, "terminate", at_once)
    with pytest.raises(ValueError, match="in the block") as caught:
        await _raise_in_a_scope(runtime, clinger, ValueError("in the block"), message="a")
    assert "swallowed its cancellation" in caught.value.__notes__[0]
    clinger.freed.set()
    await turns()


async def test_after_a_clean_block_a_kernel_that_will_not_end_is_told(
    runtime, short_grace, monkeypatch
):
    clinger, terminate = Clinger(), runtime.terminate

    async def at_once(kernel_id, *, drain):
        await terminate(kernel_id, timeout=0.01, drain=drain)

    monkeypatch.setattr(runtime, "terminate", at_once)
    with pytest.raises(KernelStuckError):
        async with runtime.kernel_scope("k", clinger):
            await clinger.began.wait()
    clinger.freed.set()
    await turns()


async def test_a_cancelled_block_ends_its_kernel(runtime):
    inside = asyncio.Event()

    async def work():
        async with runtime.kernel_scope("k", echo):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert runtime.get_state("k") is KernelState.TERMINATED


async def test_a_kernel_that_ended_in_its_block_is_no_matter(runtime):
    async with runtime.kernel_scope("k", echo):
        await runtime.terminate("k")
    async with runtime.kernel_scope("k", echo):
        pass
    assert runtime.get_state("k") is KernelState.TERMINATED


async def test_a_runtime_that_was_closed_in_the_block_is_no_matter():
    runtime = RingKernelRuntime(enable_telemetry=True)
    async with runtime.kernel_scope("k", echo) as handle:
        await runtime.shutdown()
    assert handle.telemetry is None


async def test_what_cannot_be_launched_begins_no_block(runtime):
    for make in (runtime.kernel_scope, lambda name: managed_kernel(runtime, name)):
        with pytest.raises(KernelNotFoundError):
            async with make("nobody registered this"):
                pytest.fail("the block began")
    async with runtime.kernel_scope("k", echo):
        with pytest.raises(KernelAlreadyExistsError):
            await runtime.kernel_scope("k", echo).__aenter__()
        assert runtime.is_active("k")


async def test_several_scopes_live_side_by_side(runtime):
    async with runtime.kernel_scope("a", echo) as one, runtime.kernel_scope("b", echo) as other:
        await one.send(1)
        await other.send(await one.receive())
        assert await other.receive() == 1


async def test_a_managed_kernel_gives_its_id(runtime):
    async with managed_kernel(runtime, "k", echo) as kernel_id:
        assert kernel_id == "k"
        assert runtime.get_state(kernel_id) is KernelState.ACTIVE
        await runtime.send(kernel_id, "a")
        assert await runtime.receive(kernel_id) == "a"
    assert runtime.get_state("k") is KernelState.TERMINATED


async def test_the_error_in_the_block_of_a_managed_kernel_comes_out(runtime):
    error = ValueError("in the block")
    with pytest.raises(ValueError, match="in the block") as caught:
        async with managed_kernel(runtime, "k", echo):
            raise error
    assert caught.value is error
    assert runtime.get_state("k") is KernelState.TERMINATED
