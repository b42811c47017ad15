"""Kernels in threads carry and count as kernels on the loop do."""

import asyncio
import threading
from contextvars import ContextVar

import pytest
from kernels_for_tests import counts, start
from threads_for_tests import (
    ASYNC_LOOP,
    TASK_LOOP,
    THREAD_HANDLERS,
    THREAD_LOOPS,
    Kind,
    collect,
    conserved,
    each,
    everywhere,
    handlers,
    in_threads,
    loops,
    until,
)

from pydotcompute import message
from pydotcompute.exceptions import (
    KernelFailedError,
    MessageTypeError,
    QueueEmptyError,
)
from pydotcompute.testing import wait_until_idle


@message
class Note:
    """A text with an envelope."""

    text: str = ""


# Messages and counts.


@everywhere
async def test_replies_come_in_order_and_each_is_counted_once(runtime, kind):
    await kind.start_echo(runtime)
    assert await runtime.send_batch("k", range(500)) == 500
    assert await collect(runtime, 500) == list(range(500))
    await wait_until_idle(runtime)
    seen = counts(runtime)
    assert seen.pop("queue_depth_peak") <= 500
    told = {"received": 500, "processed": 500, "sent": 500, "replies_received": 500}
    assert {name: seen[name] for name in told} == told
    assert conserved(runtime)["processed"] == 500


@everywhere
async def test_one_message_at_a_time_goes_there_and_back(runtime, kind):
    await kind.start_echo(runtime, queue_size=1)
    for number in range(200):
        assert await runtime.send_and_receive("k", number, timeout=5) == number


@everywhere
async def test_callers_get_the_replies_to_their_own_messages(runtime, kind):
    await kind.start_echo(runtime, queue_size=4, output_queue_size=2)
    notes = [Note(text=str(number)) for number in range(50)]

    def answer(note):
        return note.reply(Note, text=note.text)

    def script(ctx):
        while True:
            note = yield ctx.receive()
            yield ctx.send(answer(note))

    await kind.start(runtime, script if kind.form == "loop" else answer, "other", queue_size=4)
    calls = [runtime.send_and_receive("other", note, timeout=5) for note in notes]
    replies = await asyncio.gather(*calls)
    assert [reply.text for reply in replies] == [note.text for note in notes]


@everywhere
async def test_the_highest_priority_is_handed_out_first(runtime, kind):
    await kind.launch_echo(runtime)
    for priority in (0, 128, 255, 129, 128):
        runtime.send_nowait("k", Note(priority=priority))
    await runtime.activate("k")
    assert [note.priority for note in await collect(runtime, 5)] == [255, 129, 128, 128, 0]


@loops
async def test_a_batch_is_answered_by_a_batch(runtime, kind):
    def script(ctx):
        while True:
            batch = yield ctx.receive_batch(4)
            sent = yield ctx.send_batch([number * 2 for number in batch])
            assert sent == len(batch)

    await kind.launch(runtime, script)
    await runtime.send_batch("k", range(10))
    await runtime.activate("k")
    assert await collect(runtime, 10) == list(range(0, 20, 2))
    await wait_until_idle(runtime)
    assert counts(runtime)["processed"] == 10


@everywhere
async def test_a_kernel_that_gives_no_replies_has_processed_what_it_moved_on_from(runtime, kind):
    def script(ctx):
        while True:
            yield ctx.receive()

    body = script if kind.form == "loop" else lambda _: None
    await kind.start(runtime, body, replies=False)
    await runtime.send_batch("k", range(20))
    await wait_until_idle(runtime)
    assert counts(runtime)["processed"] == 20


@handlers
async def test_a_handler_that_returns_none_leaves_its_message_unanswered(runtime, kind):
    await kind.start(runtime, lambda number: number or None)
    await runtime.send_batch("k", [0, 1, 0])
    assert await collect(runtime, 1) == [1]
    await wait_until_idle(runtime)
    assert counts(runtime)["unanswered"] == 2


@loops
async def test_a_recorded_error_ends_its_message_in_error_and_counts_once_if_raised(runtime, kind):
    def script(ctx):
        error = ValueError("noted")
        yield ctx.receive()
        ctx.record_error(error)
        yield ctx.receive()
        raise error

    await kind.start(runtime, script)
    await runtime.send_batch("k", [1, 2])
    with pytest.raises(KernelFailedError):
        await runtime.receive("k", timeout=5)
    seen = counts(runtime)
    assert (seen["errors"], seen["errored"]) == (1, 2)


@loops
async def test_wrong_types_are_refused_on_both_sides(runtime, kind):
    def script(ctx):
        number = yield ctx.receive()
        try:
            yield ctx.send(str(number))
        except MessageTypeError:
            yield ctx.send(number)

    await kind.start(runtime, script, input_type=int, output_type=int)
    with pytest.raises(MessageTypeError):
        await runtime.send("k", "one")
    await runtime.send("k", 1)
    assert await collect(runtime, 1) == [1]


# Where the code runs.


@in_threads
async def test_the_code_runs_in_a_daemon_thread_of_its_own_named_after_it(runtime, kind):
    seen = []

    def look(*_args):
        seen.append(threading.current_thread())
        return len(seen)

    def script(ctx):
        yield ctx.send(look())

    await kind.start(runtime, script if kind.form == "loop" else look, "the name")
    await runtime.send("the name", 1)
    assert await collect(runtime, 1, "the name") == [1]
    (thread,) = seen
    assert thread is not threading.current_thread()
    assert (thread.name, thread.daemon) == ("the name", True)


@everywhere
async def test_context_variables_are_those_of_whoever_activated_it(runtime, kind):
    variable = ContextVar("variable", default="unset")

    def script(ctx):
        yield ctx.send(variable.get())

    body = script if kind.form == "loop" else lambda _: variable.get()
    variable.set("at the launch")
    await kind.launch(runtime, body)
    variable.set("at the activation")
    runtime.send_nowait("k", 1)
    await runtime.activate("k")
    variable.set("later")
    assert await collect(runtime, 1) == ["at the activation"]


@everywhere
async def test_context_variables_outlast_a_restart(runtime, kind, caplog):
    variable = ContextVar("variable", default="unset")
    errors = [ValueError()]

    def script(ctx):
        yield ctx.receive()
        if errors:
            raise errors.pop()
        yield ctx.send(variable.get())

    variable.set("at the activation")
    body = script if kind.form == "loop" else lambda _: variable.get()
    await kind.start(runtime, body, on_error="restart")
    await runtime.send_batch("k", [1, 2])
    assert await collect(runtime, 1) == ["at the activation"]


async def test_an_async_kernel_in_a_thread_has_a_loop_of_its_own(runtime):
    async def kernel(ctx):
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            child = tasks.create_task(ctx.receive())
        await ctx.send((child.result(), asyncio.get_running_loop(), threading.get_ident()))

    await start(runtime, "k", kernel, execution="thread")
    await runtime.send("k", 1)
    ((message, loop, ident),) = await collect(runtime, 1)
    assert message == 1
    assert loop is not asyncio.get_running_loop()
    assert ident != threading.get_ident()
    await until(loop.is_closed)


async def test_a_slow_handler_in_a_thread_holds_nobody_up(runtime):
    release = threading.Event()
    kinds = [Kind("thread", "handler", is_async=is_async) for is_async in (False, True)]
    for kind in kinds:
        await kind.start(runtime, lambda _: release.wait(5), str(kind))
        await runtime.send(str(kind), 1)
    await TASK_LOOP.start_echo(runtime, "quick")
    assert await runtime.send_and_receive("quick", 1, timeout=5) == 1
    for kind in kinds:
        with pytest.raises(QueueEmptyError):
            runtime.receive_nowait(str(kind))
    release.set()
    for kind in kinds:
        assert await collect(runtime, 1, str(kind)) == [True]


@each(ASYNC_LOOP, *THREAD_LOOPS[1:], *THREAD_HANDLERS)
async def test_many_kernels_in_threads_go_on_beside_each_other(runtime, kind):
    ids = [f"k{number}" for number in range(10)]
    for kernel_id in ids:
        await kind.start_echo(runtime, kernel_id, queue_size=3)

    async def converse(kernel_id):
        for number in range(50):
            assert await runtime.send_and_receive(kernel_id, number, timeout=5) == number

    await asyncio.gather(*map(converse, ids))
    assert sum(conserved(runtime, kernel_id)["processed"] for kernel_id in ids) == 500
