"""However the code of a kernel in a thread ends, it is told once and booked right."""

import asyncio
import logging
import threading
from pathlib import Path

import pytest
from kernels_for_tests import counts, start
from threads_for_tests import (
    ASYNC_LOOP,
    PLAIN_LOOP,
    collect,
    conserved,
    each,
    echo_script,
    handlers,
    in_threads,
    loops,
    thread_loops,
    until,
)

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.exceptions import (
    EndOfStream,
    InvalidTypeError,
    KernelExecutionError,
    KernelFailedError,
    KernelStateError,
)
from pydotcompute.testing import wait_until_idle


class Beyond(BaseException):
    """Not an Exception."""


async def until_ended(runtime, kernel_id="k"):
    await until(lambda: runtime.get_state(kernel_id) in ("terminated", "failed"))
    return runtime.get_state(kernel_id)


def failures(caplog):
    ours = [record for record in caplog.records if record.name == "pydotcompute"]
    return [record for record in ours if record.levelno == logging.ERROR]


@pytest.fixture
def no_more_threads(monkeypatch):
    """Give no more threads, once called."""

    def refuse(_thread):
        message = "can't start new thread"
        raise RuntimeError(message)

    return lambda: monkeypatch.setattr(threading.Thread, "start", refuse)


@loops
async def test_code_that_returns_has_terminated(runtime, kind, caplog):
    def script(ctx):
        yield ctx.send((yield ctx.receive()))
        yield ctx.receive()

    await kind.start(runtime, script)
    await runtime.send_batch("k", [1, 2])
    assert await until_ended(runtime) is KernelState.TERMINATED
    assert await collect(runtime, 1) == [1]
    with pytest.raises(KernelStateError):
        await runtime.receive("k")
    assert (conserved(runtime)["processed"], counts(runtime)["unanswered"]) == (1, 1)
    assert not caplog.records


@loops
async def test_the_end_of_the_input_is_an_end_like_a_return(runtime, kind, caplog):
    seen = []

    def script(ctx):
        try:
            yield from echo_script(ctx)
        except EndOfStream as end:
            seen.append(end)
            raise

    await kind.start(runtime, script)
    await runtime.send_batch("k", range(3))
    await runtime.terminate("k")
    assert runtime.get_state("k") is KernelState.TERMINATED
    assert len(seen) == 1
    assert await collect(runtime, 3) == [0, 1, 2]
    assert not caplog.records


@loops
@pytest.mark.parametrize("kind_of_error", [ValueError, Beyond, StopAsyncIteration])
async def test_an_exception_fails_the_kernel_and_is_told_once(runtime, kind, kind_of_error, caplog):
    error = kind_of_error("told")

    def script(ctx):
        yield ctx.send((yield ctx.receive()))
        yield ctx.receive_batch(3)
        raise error

    await kind.start(runtime, script)
    await runtime.send_batch("k", range(6))
    assert await collect(runtime, 1) == [0]
    for call in (runtime.receive("k"), runtime.send("k", 1), runtime.receive("k")):
        with pytest.raises(KernelFailedError) as caught:
            await asyncio.wait_for(call, 5)
        assert caught.value.__cause__ is error
    assert runtime.get_state("k") is KernelState.FAILED
    (record,) = failures(caplog)
    assert record.exc_info[1] is error
    seen = conserved(runtime)
    assert (seen["errors"], seen["errored"], seen["processed"]) == (1, 1, 1)
    assert seen["discarded"] == 4
    assert runtime.get_telemetry("k").last_error == f"{kind_of_error.__name__}: told"


@in_threads
@pytest.mark.parametrize("kind_of_error", [SystemExit, KeyboardInterrupt])
async def test_what_would_end_the_program_ends_a_kernel_in_a_thread_alone(
    runtime, kind, kind_of_error, caplog
):
    def fail(_message):
        raise kind_of_error

    def script(ctx):
        fail((yield ctx.receive()))

    await kind.start(runtime, fail if kind.form == "handler" else script, on_error="restart")
    await runtime.send("k", 1)
    with pytest.raises(KernelFailedError) as caught:
        await runtime.receive("k", timeout=5)
    assert type(caught.value.__cause__) is kind_of_error
    assert len(failures(caplog)) == 1
    assert conserved(runtime)["errored"] == 1


async def test_a_child_task_that_would_end_the_program_ends_its_kernel_alone(runtime, caplog):
    async def leave():
        raise SystemExit

    async def kernel(ctx):
        child = asyncio.create_task(leave())
        child.add_done_callback(asyncio.Task.exception)
        await ctx.receive()

    await start(runtime, "k", kernel, execution="thread")
    assert await until_ended(runtime) is KernelState.FAILED
    assert len(failures(caplog)) == 1


@handlers
async def test_a_handlers_error_costs_its_message_alone(runtime, kind):
    await kind.start(runtime, lambda number: 1 / number)
    await runtime.send_batch("k", [1, 0, 2])
    assert await collect(runtime, 1) == [1]
    with pytest.raises(KernelExecutionError) as caught:
        await runtime.receive("k", timeout=5)
    assert type(caught.value.__cause__) is ZeroDivisionError
    assert await collect(runtime, 1) == [0.5]
    await wait_until_idle(runtime)
    seen = conserved(runtime)
    assert (seen["processed"], seen["errored"], seen["errors"]) == (2, 1, 1)


async def test_a_plain_loop_in_a_thread_that_returns_an_awaitable_fails(runtime, caplog):
    async def loop(ctx):
        await ctx.receive()

    def call(ctx):
        return loop(ctx)

    await runtime.launch("k", call, execution="thread", form="loop")
    await runtime.activate("k")
    with pytest.raises(KernelFailedError) as caught:
        await runtime.receive("k", timeout=5)
    assert type(caught.value.__cause__) is InvalidTypeError
    assert len(failures(caplog)) == 1


# Restarts.


@loops
async def test_a_restart_goes_on_with_the_same_queues(runtime, kind, caplog):
    def script(ctx):
        while True:
            batch = yield ctx.receive_batch(2)
            if -1 in batch:
                raise ValueError
            yield ctx.send_batch(batch)

    await kind.launch(runtime, script, on_error="restart")
    await runtime.send_batch("k", [1, 2, -1, 3, 4, 5, -1, 6, 7])
    await runtime.activate("k")
    assert await collect(runtime, 5) == [1, 2, 4, 5, 7]
    await wait_until_idle(runtime)
    seen = conserved(runtime)
    assert (seen["restarts"], seen["errors"], seen["errored"]) == (2, 2, 2)
    assert seen["discarded"] == 2
    assert not failures(caplog)


@loops
async def test_more_restarts_than_allowed_fail_the_kernel(runtime, kind, caplog):
    def script(ctx):
        yield ctx.receive()
        raise ValueError

    await kind.launch(runtime, script, on_error="restart", max_restarts=2)
    await runtime.send_batch("k", range(5))
    await runtime.activate("k")
    assert await until_ended(runtime) is KernelState.FAILED
    seen = conserved(runtime)
    assert (seen["restarts"], seen["errors"], seen["errored"], seen["discarded"]) == (2, 3, 3, 2)
    assert len(failures(caplog)) == 1


async def test_a_child_task_that_outlives_its_loop_holds_the_next_start_up_in_nothing(
    runtime, caplog
):
    left = []

    async def late(ctx):
        try:
            await asyncio.Event().wait()
        finally:
            left.append(asyncio.create_task(ctx.receive()))  # nobody cancels this one

    async def kernel(ctx):
        if not left:
            child = asyncio.create_task(late(ctx))
            await ctx.receive()
            raise ValueError(child)
        await ctx.send(await ctx.receive())

    await start(runtime, "k", kernel, execution="thread", on_error="restart")
    await runtime.send("k", 1)
    await until(lambda: counts(runtime).get("restarts"))
    await runtime.send("k", 2)
    assert await collect(runtime, 1) == [2]
    (task,) = left
    task._log_destroy_pending = False
    task.get_coro().close()


# No thread to be had.


@in_threads
async def test_without_a_thread_to_be_had_activation_fails_the_kernel(
    runtime, kind, no_more_threads, caplog
):
    await kind.launch_echo(runtime)
    await runtime.send_batch("k", [1, 2])
    no_more_threads()
    with pytest.raises(KernelFailedError) as caught:
        await runtime.activate("k")
    assert str(caught.value.__cause__) == "can't start new thread"
    assert runtime.get_state("k") is KernelState.FAILED
    assert conserved(runtime)["discarded"] == 2
    assert len(failures(caplog)) == 1
    await runtime.terminate("k")
    await runtime.launch("k", lambda message: message)


@thread_loops
async def test_without_a_thread_to_be_had_a_restart_fails_the_kernel(
    runtime, kind, no_more_threads, caplog
):
    def script(ctx):
        yield ctx.receive()
        no_more_threads()
        raise ValueError

    await kind.launch(runtime, script, on_error="restart")
    await runtime.send_batch("k", [1, 2])
    await runtime.activate("k")
    with pytest.raises(KernelFailedError):
        await runtime.receive("k", timeout=5)
    seen = conserved(runtime)
    assert (seen["errored"], seen["discarded"]) == (1, 1)
    assert len(failures(caplog)) == 1


# What an end leaves behind.


@in_threads
async def test_hundreds_of_launches_leave_no_thread_and_no_file_behind(kind):
    async def rounds(runtime, count):
        for _ in range(count):
            await kind.start_echo(runtime)
            await runtime.send("k", 1)
            assert await runtime.receive("k", timeout=5) == 1
            await runtime.terminate("k")

    def files():
        return len(list(Path("/proc/self/fd").iterdir()))

    def threads():
        return len(list(Path("/proc/self/task").iterdir()))

    async with RingKernelRuntime() as runtime:
        await rounds(runtime, 2)
        await until(lambda: threading.active_count() == 1)
        before = files(), threads()
        await rounds(runtime, 250)
        await until(lambda: (files(), threads()) <= before)


async def test_child_tasks_that_a_kernel_leaves_behind_are_cancelled_in_its_loop(runtime):
    seen = []

    async def child():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append(threading.current_thread().name)
            raise

    async def kernel(ctx):
        seen.append(asyncio.create_task(child()))
        await ctx.receive()

    await start(runtime, "k", kernel, execution="thread")
    await runtime.send("k", 1)
    assert await until_ended(runtime) is KernelState.TERMINATED
    task, name = seen
    assert task.cancelled()
    assert name == "k"


@thread_loops
async def test_the_thread_of_an_ended_kernel_is_nobodys_when_its_number_comes_again(runtime, kind):
    def nothing(_ctx):
        yield from ()

    await kind.start(runtime, nothing, "ended")
    assert await until_ended(runtime, "ended") is KernelState.TERMINATED
    portal = runtime.portal()
    answers = []

    def script(ctx):
        answers.append(portal.terminate("ended"))
        yield ctx.send(1)

    for number in range(20):
        await kind.start(runtime, script, f"k{number}")
        await collect(runtime, 1, f"k{number}")
    assert answers == [None] * 20


# The loop is gone.


@each(ASYNC_LOOP, PLAIN_LOOP)
@pytest.mark.parametrize("drain", [False, True])
def test_a_kernel_that_ends_after_its_runtimes_loop_is_closed_has_ended(kind, drain, caplog):
    release = threading.Event()
    kept = []

    def script(ctx):
        yield ctx.receive()
        kept.append(threading.current_thread())
        release.wait(5)
        raise ValueError

    async def begin():
        runtime = RingKernelRuntime(enable_telemetry=True)
        await kind.start(runtime, script)
        await runtime.send("k", 1)
        await until(lambda: kept)
        return runtime

    async def leave_behind(runtime):
        waiting = [asyncio.create_task(runtime.terminate("k", timeout=60, drain=drain))]
        waiting.append(asyncio.create_task(runtime.receive("k")))
        await asyncio.sleep(0.01)
        return waiting

    loop = asyncio.new_event_loop()
    runtime = loop.run_until_complete(begin())
    waiting = loop.run_until_complete(leave_behind(runtime))
    loop.close()
    release.set()
    kept[0].join(5)
    assert runtime.get_state("k") is KernelState.FAILED
    assert conserved(runtime)["errored"] == 1
    assert len(failures(caplog)) == 1
    for task in waiting:
        task._log_destroy_pending = False
        task.get_coro().close()
