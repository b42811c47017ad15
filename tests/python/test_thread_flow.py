"""Kernels in threads wait, pause and go on as kernels on the loop do."""

import asyncio

import pytest
from kernels_for_tests import counts, turns
from threads_for_tests import (
    Signal,
    collect,
    conserved,
    everywhere,
    loops,
    thread_loops,
    until,
    until_in_line,
)

from pydotcompute import KernelState
from pydotcompute.exceptions import (
    QueueFullError,
    QueueFullTimeoutError,
    QueueTimeoutError,
)
from pydotcompute.testing import wait_until_idle

# Backpressure.


@everywhere
async def test_a_full_output_queue_blocks_the_kernel_and_room_wakes_it(runtime, kind):
    await kind.start_echo(runtime, output_queue_size=2)
    await runtime.send_batch("k", range(6))
    await wait_until_idle(runtime)
    seen = counts(runtime)
    assert (seen["sent"], seen["output_depth"], seen["in_flight"]) == (2, 2, 1)
    assert await collect(runtime, 6) == list(range(6))


@everywhere
async def test_idle_means_that_no_kernel_is_about_to_fill_its_output(runtime, kind):
    await kind.start_echo(runtime, queue_size=200, output_queue_size=2)
    await runtime.send_batch("k", range(200))
    for number in range(198):
        await wait_until_idle(runtime)
        assert counts(runtime)["output_depth"] == 2
        assert runtime.receive_nowait("k") == number


@everywhere
async def test_block_lets_senders_wait_and_serves_them_in_order(runtime, kind):
    await kind.launch_echo(runtime, queue_size=1)
    sending = [asyncio.create_task(runtime.send("k", number)) for number in range(5)]
    await turns()
    assert [task.done() for task in sending] == [True] + [False] * 4
    with pytest.raises(QueueFullTimeoutError):
        await runtime.send("k", 9, timeout=0.001)
    await runtime.activate("k")
    assert await collect(runtime, 5) == list(range(5))


@everywhere
async def test_reject_and_drop_oldest_do_what_they_say(runtime, kind):
    await kind.launch_echo(runtime, "rejects", queue_size=2, backpressure="reject")
    await kind.launch_echo(runtime, "drops", queue_size=2, backpressure="drop")
    assert await runtime.send_batch("rejects", range(3)) == 2
    with pytest.raises(QueueFullError):
        await runtime.send("rejects", 3)
    assert await runtime.send_batch("drops", range(5)) == 5
    for kernel_id, kept in (("rejects", [0, 1]), ("drops", [3, 4])):
        await runtime.activate(kernel_id)
        assert await collect(runtime, 2, kernel_id) == kept
        await wait_until_idle(runtime)
        conserved(runtime, kernel_id)
    assert counts(runtime, "rejects")["rejected"] == 2
    assert counts(runtime, "drops")["dropped"] == 3


@loops
async def test_the_kernels_own_timeouts_are_as_long_as_asked(runtime, kind):
    def script(ctx):
        for timeout in (0, 0.001):
            try:
                yield ctx.receive(timeout=timeout)
            except QueueTimeoutError as error:
                ctx.record_error(error)
        yield ctx.send("filled")
        for timeout in (0, 0.001):
            try:
                yield ctx.send("too much", timeout=timeout)
            except QueueFullTimeoutError as error:
                ctx.record_error(error)
        assert (yield ctx.send_batch([1, 2], timeout=0)) == 0

    await kind.start(runtime, script, output_queue_size=1)
    await until(lambda: runtime.get_state("k") is KernelState.TERMINATED)
    assert runtime.receive_nowait("k") == "filled"
    assert counts(runtime)["errors"] == 4
    assert counts(runtime)["sent"] == 1


# Pausing.


@everywhere
async def test_a_launched_kernel_accepts_and_hands_nothing_out(runtime, kind):
    await kind.launch_echo(runtime)
    await runtime.send("k", 1)
    with pytest.raises(QueueTimeoutError):
        await runtime.receive("k", timeout=0.01)
    assert counts(runtime)["queue_depth"] == 1
    await runtime.activate("k")
    assert await collect(runtime, 1) == [1]


@everywhere
async def test_a_paused_kernel_takes_nothing_until_it_goes_on(runtime, kind):
    await kind.start_echo(runtime)
    for number in range(20):
        await runtime.send("k", number)
        assert await collect(runtime, 1) == [number]
        await wait_until_idle(runtime)
        await runtime.deactivate("k")
        await runtime.send("k", "kept")
        with pytest.raises(QueueTimeoutError):
            await runtime.receive("k", timeout=0.0005)
        assert counts(runtime)["queue_depth"] == 1
        await runtime.reactivate("k")
        assert await collect(runtime, 1) == ["kept"]


@loops
async def test_a_timeout_runs_on_while_the_kernel_is_paused(runtime, kind):
    done = Signal()

    def script(ctx):
        yield ctx.wait_active()
        try:
            yield ctx.receive(timeout=0.02)
        except QueueTimeoutError:
            done.set()
        yield ctx.receive()

    await kind.start(runtime, script)
    await until_in_line(runtime, "input_ready")
    await runtime.deactivate("k")
    await runtime.send("k", 1)
    await done.wait()
    assert counts(runtime)["queue_depth"] == 1


@loops
@pytest.mark.parametrize("step", ["reactivate", "terminate"])
async def test_wait_active_returns_once_the_kernel_is_active_or_ends(runtime, kind, step):
    def script(ctx):
        yield ctx.send("one")
        yield ctx.send("two")
        yield ctx.wait_active()
        yield ctx.send(ctx.state.value)

    await kind.start(runtime, script, output_queue_size=1)
    await until_in_line(runtime, "output_space")
    await runtime.deactivate("k")
    assert await collect(runtime, 1) == ["one"]
    await until_in_line(runtime, "activation")
    replies, _ = await asyncio.gather(collect(runtime, 2), getattr(runtime, step)("k"))
    assert replies == ["two", "active" if step == "reactivate" else "terminating"]


@thread_loops
async def test_a_request_for_its_own_end_shows_at_once_in_its_thread(runtime, kind):
    def script(ctx):
        yield ctx.receive()
        ctx.request_termination()
        yield ctx.send((ctx.should_terminate, ctx.is_active))
        yield ctx.wait_active()

    await kind.start(runtime, script)
    await runtime.send("k", 1)
    assert await collect(runtime, 1) == [(True, False)]
    await until(lambda: runtime.get_state("k") is KernelState.TERMINATED)
    assert counts(runtime)["processed"] == 1
