"""A kernel in a thread that is cancelled, or given up, moves nothing and is told of it once."""

import asyncio
import threading
from time import monotonic

import pytest
from kernels_for_tests import counts, start, turns
from threads_for_tests import (
    ASYNC_LOOP,
    PLAIN_LOOP,
    THREAD_HANDLERS,
    collect,
    conserved,
    each,
    everywhere,
    in_threads,
    loops,
    thread_loops,
    until,
    until_in_line,
)
from waiting_for_tests import CancelledAt

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.exceptions import (
    EndOfStream,
    KernelStateError,
    KernelStuckError,
    QueueTimeoutError,
)

CALLS = {
    "receive": lambda ctx: ctx.receive(),
    "receive_batch": lambda ctx: ctx.receive_batch(2),
    "send": lambda ctx: ctx.send("one too many"),
    "send_batch": lambda ctx: ctx.send_batch(["one too many"]),
    "wait_active": lambda ctx: ctx.wait_active(),
}
LINES = {
    "receive": "input_ready",
    "receive_batch": "input_ready",
    "send": "output_space",
    "send_batch": "output_space",
    "wait_active": "activation",
}
each_call = pytest.mark.parametrize("name", CALLS)
each_moving_call = pytest.mark.parametrize(
    "name", [name for name in CALLS if name != "wait_active"]
)


def cancel(runtime, kernel_id="k"):
    """Cancel the code alone; `terminate` closes the input first, which ends some waits itself."""
    runtime._known(kernel_id).cancel()


@loops
@each_call
async def test_a_blocked_call_raises_the_cancellation_once_and_has_moved_nothing(
    runtime, kind, name
):
    seen = []

    def script(ctx):
        yield ctx.send("filler")
        if name == "wait_active":
            yield ctx.send("when it is paused")
        try:
            yield CALLS[name](ctx)
        except asyncio.CancelledError:
            seen.append(ctx.kernel_id)
        yield ctx.send("after", timeout=0.5)

    await kind.start(runtime, script, output_queue_size=1)
    if name == "wait_active":
        await until_in_line(runtime, "output_space")
        await runtime.deactivate("k")
        assert await collect(runtime, 1) == ["filler"]
    await until_in_line(runtime, LINES[name])
    if name.startswith("receive"):
        await runtime.deactivate("k")
        runtime.send_nowait("k", "not taken")
    before = counts(runtime)
    cancel(runtime)
    await until(lambda: seen)
    assert counts(runtime) == before
    replies = await collect(runtime, 2)
    assert replies[1] == "after"
    await until(lambda: runtime.get_state("k") is KernelState.TERMINATED)
    assert seen == ["k"]
    found = conserved(runtime)
    assert found.get("received", 0) == found.get("discarded", 0)
    assert found["sent"] == 2 + (name == "wait_active")


@each_moving_call
@pytest.mark.parametrize("suspension", range(1, 5))
async def test_cancelled_at_any_suspension_in_its_own_loop_it_has_moved_nothing(
    runtime, name, suspension
):
    loop = asyncio.get_running_loop()
    call, failures = CALLS[name], []

    def serve():
        if name.startswith("receive"):
            runtime.send_nowait("k", 1)
        else:
            runtime.receive_nowait("k")

    async def kernel(ctx):
        await ctx.send("filler")
        by_hand = CancelledAt(call(ctx), suspension)
        cancelled = asyncio.create_task(by_hand.run())
        await turns(3)
        behind = asyncio.create_task(call(ctx))
        await turns(3)
        for _ in range(suspension - 1):
            nudge = asyncio.create_task(call(ctx))
            await turns(2)
            nudge.cancel()
            await turns(3)
        await asyncio.wait([cancelled], timeout=5)
        loop.call_soon_threadsafe(serve)
        async with asyncio.timeout(5):
            await behind
        if not cancelled.cancelled() or by_hand.suspensions != suspension:
            failures.append(by_hand)

    await start(runtime, "k", kernel, execution="thread", output_queue_size=1)
    await until(lambda: runtime.get_state("k") in ("terminated", "failed"))
    assert runtime.get_state("k") is KernelState.TERMINATED
    assert not failures
    found = conserved(runtime)
    if name.startswith("receive"):
        assert (found["received"], found["unanswered"], found["sent"]) == (1, 1, 1)
    else:
        assert (found["sent"], found["replies_received"]) == (2, 1)


@each_moving_call
async def test_timeouts_and_groups_of_asyncio_work_in_a_threads_loop(runtime, name):
    call, line = CALLS[name], []

    async def fail():
        await turns(3)
        raise ValueError

    async def kernel(ctx):
        await ctx.send("filler")
        for _ in range(3):
            try:
                async with asyncio.timeout(0.001):
                    await call(ctx)
            except TimeoutError:
                line.append("late")
            try:
                async with asyncio.TaskGroup() as tasks:
                    for step in (call(ctx), call(ctx), fail()):
                        tasks.create_task(step)
            except ExceptionGroup as group:
                line.append(type(group.exceptions[0]).__name__)

    await start(runtime, "k", kernel, execution="thread", output_queue_size=1)
    await until(lambda: runtime.get_state("k") is KernelState.TERMINATED)
    assert line == ["late", "ValueError"] * 3
    assert counts(runtime) == {"sent": 1, "output_depth": 1}


async def test_each_thread_of_a_kernel_is_told_of_a_cancellation(runtime):
    told = []

    def wait(ctx, who):
        try:
            ctx.receive()
        except asyncio.CancelledError:
            told.append(who)
            raise

    def help_out(ctx):
        with pytest.raises(asyncio.CancelledError):
            wait(ctx, "helper")

    def kernel(ctx):
        helpers = [threading.Thread(target=help_out, args=(ctx,)) for _ in range(3)]
        for helper in helpers:
            helper.start()
        try:
            wait(ctx, "kernel")
        finally:
            for helper in helpers:
                helper.join(5)

    await start(runtime, "k", kernel, execution="thread", form="loop")
    await until_in_line(runtime, "input_ready", count=4)
    cancel(runtime)
    await until(lambda: runtime.get_state("k") is KernelState.TERMINATED)
    assert sorted(told) == ["helper"] * 3 + ["kernel"]


async def test_threads_that_a_kernel_starts_share_its_messages(runtime):
    def work(ctx):
        try:
            while True:
                ctx.send(ctx.receive())
        except EndOfStream:
            return

    def kernel(ctx):
        workers = [threading.Thread(target=work, args=(ctx,)) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    await start(runtime, "k", kernel, execution="thread", form="loop", output_queue_size=3)
    sending = asyncio.create_task(runtime.send_batch("k", range(300)))
    assert sorted(await collect(runtime, 300)) == list(range(300))
    assert await sending == 300
    await runtime.terminate("k")
    found = conserved(runtime)
    assert (found["received"], found["sent"]) == (300, 300)


# Termination.


@everywhere
async def test_what_is_queued_is_handled_before_the_end(runtime, kind):
    await kind.start_echo(runtime)
    await runtime.send_batch("k", range(100))
    await runtime.terminate("k", drain=True)
    assert await collect(runtime, 100) == list(range(100))
    assert conserved(runtime)["processed"] == 100
    assert runtime.get_state("k") is KernelState.TERMINATED


@everywhere
async def test_at_its_timeout_a_kernel_blocked_on_its_output_is_cancelled(runtime, kind):
    await kind.start_echo(runtime, output_queue_size=1)
    await runtime.send_batch("k", range(5))
    await until_in_line(runtime, "output_space")
    await runtime.terminate("k", timeout=0.01)
    assert runtime.get_state("k") is KernelState.TERMINATED
    assert await collect(runtime, 1) == [0]
    with pytest.raises(KernelStateError):
        runtime.receive_nowait("k")
    found = conserved(runtime)
    assert (found["sent"], found["processed"], found["discarded"]) == (1, 1, 4)


@thread_loops
async def test_one_that_swallows_its_cancellation_is_stuck_and_answers_no_more(
    runtime, kind, short_grace
):
    release, refused = threading.Event(), []

    def script(ctx):
        yield ctx.send("early")
        while not release.is_set():
            try:
                yield ctx.receive(timeout=0.001)
            except (EndOfStream, QueueTimeoutError, asyncio.CancelledError):
                continue
        try:
            yield ctx.send("late")
        except KernelStateError as error:
            refused.append(error)

    await kind.start(runtime, script)
    assert await collect(runtime, 1) == ["early"]
    with pytest.raises(KernelStuckError):
        await runtime.terminate("k", timeout=0.01)
    assert runtime.get_state("k") is KernelState.TERMINATING
    release.set()
    await until(lambda: runtime.get_state("k") is KernelState.TERMINATED)
    assert len(refused) == 1
    with pytest.raises(KernelStateError):
        runtime.receive_nowait("k")
    assert conserved(runtime)["sent"] == 1


@in_threads
async def test_one_that_computes_and_looks_at_nothing_is_stuck_and_harms_nobody(
    runtime, kind, short_grace
):
    release = threading.Event()

    def compute(*_args):
        while not release.is_set():
            pass
        return "late"

    def script(ctx):
        compute()
        yield ctx.receive()

    await kind.start(runtime, script if kind.form == "loop" else compute)
    await runtime.send_batch("k", [1, 2])
    await until(lambda: kind.form == "loop" or "in_flight" in counts(runtime))
    before = monotonic()
    with pytest.raises(KernelStuckError):
        await runtime.terminate("k", timeout=0.01)
    assert monotonic() - before < 1
    release.set()
    await until(lambda: runtime.get_state("k") is KernelState.TERMINATED)
    with pytest.raises(KernelStateError):
        runtime.receive_nowait("k")
    assert conserved(runtime)["received"] == 2


@in_threads
async def test_leaving_the_runtime_is_bounded_and_tells_of_those_that_stay(
    kind, short_grace, monkeypatch
):
    release = threading.Event()
    runtime = RingKernelRuntime(enable_telemetry=True)

    def script(ctx):
        release.wait(5)
        yield ctx.receive()

    monkeypatch.setattr(runtime, "terminate_all", quickly(runtime.terminate_all))
    with pytest.raises(KernelStuckError):  # noqa: PT012 - the leaving raises
        async with runtime:
            body = script if kind.form == "loop" else lambda _: release.wait(5)
            await kind.start(runtime, body)
            await runtime.send("k", 1)
    thread = next(thread for thread in threading.enumerate() if thread.name == "k")
    release.set()
    thread.join(5)
    assert not thread.is_alive()


def quickly(terminate_all):
    async def terminate(*, drain):
        await terminate_all(timeout=0.02, drain=drain)

    return terminate


@each(ASYNC_LOOP, PLAIN_LOOP, *THREAD_HANDLERS)
async def test_cancelled_before_its_thread_has_begun_the_code_is_not_called(kind, monkeypatch):
    called, held = [], threading.Event()
    begin = threading.Thread.run

    def begin_late(thread):
        held.wait(5)
        begin(thread)

    monkeypatch.setattr(threading.Thread, "run", begin_late)

    def script(ctx):
        called.append(ctx)
        yield ctx.receive()

    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await kind.start(runtime, script if kind.form == "loop" else called.append)
        await runtime.send("k", 1)
        cancel(runtime)
        held.set()
        await until(lambda: runtime.get_state("k") is KernelState.TERMINATED)
        assert called == []
        assert conserved(runtime)["discarded"] == 1
        with pytest.raises(KernelStateError):
            runtime.receive_nowait("k")


@thread_loops
async def test_the_end_of_the_input_met_again_and_again_does_not_stop_the_others(runtime, kind):
    release = threading.Event()

    def script(ctx):
        while not release.is_set():
            try:
                yield ctx.receive()
            except EndOfStream:
                continue

    for number in range(3):
        await kind.start(runtime, script, f"k{number}")
    ending = asyncio.create_task(runtime.terminate_all())
    before = monotonic()
    await turns(100)
    assert monotonic() - before < 1
    release.set()
    await ending
