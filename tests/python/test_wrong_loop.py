"""A runtime is used from its own event loop only, and read from anywhere."""

import asyncio
import threading

import pytest
from kernels_for_tests import echo, start
from refusals_for_tests import called, everything, refusal

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.exceptions import KernelNotFoundError, WrongLoopError
from pydotcompute.testing import wait_until_idle

CALLS = {
    "launch": lambda runtime: runtime.launch("k", echo),
    "activate": lambda runtime: runtime.activate("walker"),
    "deactivate": lambda runtime: runtime.deactivate("worker"),
    "reactivate": lambda runtime: runtime.reactivate("worker"),
    "terminate": lambda runtime: runtime.terminate("worker"),
    "terminate_all": lambda runtime: runtime.terminate_all(),
    "send": lambda runtime: runtime.send("worker", 1),
    "send_nowait": lambda runtime: runtime.send_nowait("worker", 1),
    "receive": lambda runtime: runtime.receive("worker"),
    "receive_nowait": lambda runtime: runtime.receive_nowait("worker"),
    "wait_until_idle": wait_until_idle,
    "entering": lambda runtime: runtime.__aenter__(),
    "leaving": lambda runtime: runtime.__aexit__(None, None, None),
}
calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def without_a_loop(call, *arguments):
    """Call something where no loop runs; a coroutine gets its first step."""
    result = call(*arguments)
    if asyncio.iscoroutine(result):
        result.send(None)


def in_another_loop(call, *arguments):
    """Call something in a loop of its own."""
    asyncio.run(called(call, *arguments))


elsewhere = pytest.mark.parametrize(
    ("where", "named"),
    [(without_a_loop, "no event loop runs"), (in_another_loop, "another loop runs")],
)


@calls
@elsewhere
async def test_a_call_from_another_thread_is_refused(busy, call, where, named):
    with refusal(busy, WrongLoopError, "the one event loop", named):
        await asyncio.to_thread(where, call, busy)
    await busy.send("worker", "it goes on")


@calls
def test_a_call_where_no_loop_runs_is_refused(call):
    runtime = RingKernelRuntime()
    with pytest.raises(WrongLoopError, match="no event loop runs in this thread"):
        without_a_loop(call, runtime)


def test_a_runtime_belongs_to_the_loop_it_was_first_used_on():
    runtime = RingKernelRuntime()
    asyncio.run(start(runtime, "k", echo))
    with pytest.raises(WrongLoopError, match="another loop runs here"):
        asyncio.run(runtime.send("k", 1))
    assert runtime.get_state("k") is KernelState.TERMINATED


async def test_a_runtime_may_be_made_before_its_loop_and_in_another_thread():
    runtime = await asyncio.to_thread(RingKernelRuntime)
    async with runtime:
        await start(runtime, "k", echo)
        await runtime.send("k", 1)
        assert await runtime.receive("k") == 1


async def test_reading_works_from_any_thread(busy):
    here = everything(busy)
    assert await asyncio.to_thread(everything, busy) == here
    seen = await asyncio.to_thread(lambda: (busy.get_telemetry("worker"), busy.active_kernels))
    assert seen == (busy.get_telemetry("worker"), ["worker"])
    assert await asyncio.to_thread(repr, busy) == "<RingKernelRuntime 2 kernels, telemetry on>"


async def test_asking_for_an_unknown_kernel_is_safe_while_kernels_are_launched(runtime):
    """An answer names ids that are near, so all ids are looked at while their number changes."""
    done = threading.Event()

    def ask():
        asked = 0
        while not done.is_set():
            with pytest.raises(KernelNotFoundError):
                runtime.get_state("kernel-x")
            asked += 1
        return asked

    asking = asyncio.create_task(asyncio.to_thread(ask))
    for number in range(300):
        await runtime.launch(f"kernel-{number}", echo)
        await asyncio.sleep(0)
    done.set()
    assert await asking > 0


async def test_reading_is_safe_while_kernels_come_and_go(runtime):
    done = threading.Event()

    def read():
        while not done.is_set():
            assert runtime.kernel_ids is not None
            assert runtime.active_kernels is not None
            summary = runtime.get_summary()
            shown = summary["per_kernel"].values()
            assert summary["total_messages"] >= sum(k["messages_processed"] for k in shown)
            assert all(kernel["messages_received"] <= 1 for kernel in shown)

    reading = asyncio.create_task(asyncio.to_thread(read))
    for number in range(100):
        await start(runtime, f"k{number % 10}", echo)
        await runtime.send(f"k{number % 10}", number)
        assert await runtime.receive(f"k{number % 10}") == number
        await runtime.terminate(f"k{number % 10}")
    done.set()
    await reading


@pytest.mark.parametrize("where", [without_a_loop, in_another_loop])
async def test_a_kernel_may_be_told_to_end_from_any_thread(busy, worker, where):
    seen = []

    def tell():
        worker.request_termination()
        seen.append((worker.should_terminate, worker.is_active))

    await asyncio.to_thread(where, tell)
    assert seen == [(True, False)]
    await asyncio.sleep(0)
    assert busy.get_state("worker") is KernelState.TERMINATING
