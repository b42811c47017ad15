"""Batches that move at once: what foreign code does on the way neither loses nor doubles any."""

import asyncio
import gc
from contextlib import suppress

import pytest

from pydotcompute import RingKernelRuntime, message
from pydotcompute.exceptions import KernelStateError, MessageValidationError, QueueEmptyError
from pydotcompute.testing import wait_until_idle


async def echo_rows(ctx):
    while True:
        await ctx.send_batch(await ctx.receive_batch(1_000))


async def silent(ctx):
    await ctx.wait_active()
    await asyncio.Event().wait()


@pytest.fixture
async def runtime():
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        yield runtime
        await runtime.terminate_all(timeout=0)


@pytest.mark.usefixtures("unhurried")
async def test_a_row_is_there_and_back_without_a_turn_of_the_loop():
    async with RingKernelRuntime(hand_off=True) as runtime:
        await runtime.launch("k", echo_rows)
        await runtime.activate("k")
        await wait_until_idle(runtime)
        turns = []
        asyncio.get_running_loop().call_soon(turns.append, "turned")
        assert await runtime.send_batch("k", range(300)) == 300
        assert await runtime.receive_batch("k", 300) == list(range(300))
        assert turns == []


async def test_rows_longer_than_both_queues_go_through_in_order(runtime):
    await runtime.launch("k", echo_rows, queue_size=7, output_queue_size=5)
    await runtime.activate("k")
    sending = asyncio.create_task(runtime.send_batch("k", range(1_000)))
    replies = []
    while len(replies) < 1_000:
        replies += await runtime.receive_batch("k", 1_000, timeout=5.0)
    assert (await sending, replies) == (1_000, list(range(1_000)))
    t = runtime.get_telemetry("k")
    assert (t.messages_processed, t.replies_received, t.queue_depth_peak) == (1_000, 1_000, 7)


async def test_what_is_dropped_for_a_row_may_send_as_it_goes(runtime):
    class Talkative:
        def __del__(self):
            runtime.send_nowait("other", "dropped")

    await runtime.launch("k", silent, queue_size=3, backpressure="drop")
    await runtime.launch("other", silent)
    assert await runtime.send_batch("k", [Talkative() for _ in range(5)]) == 5
    assert runtime.get_telemetry("k").messages_dropped == 2
    assert runtime.get_telemetry("other").messages_received == 2


async def test_what_is_dropped_for_a_row_may_send_to_the_same_kernel(runtime):
    class Again:
        def __del__(self):
            runtime.send_nowait("k", "again")

    await runtime.launch("k", silent, queue_size=3, backpressure="drop")
    assert await runtime.send_batch("k", [Again(), 1, 2, 3]) == 4
    t = runtime.get_telemetry("k")
    assert (t.messages_received, t.messages_dropped, t.queue_depth) == (5, 2, 3)


def whatever(meet):
    """Make a type that everything is of, and that runs `meet` for what it is asked about."""

    class Asking(type):
        def __instancecheck__(cls, instance):
            meet(instance)
            return True

    return Asking("Whatever", (), {})


async def test_a_kernel_that_ends_while_a_row_is_checked_takes_none_of_it(runtime):
    async def tells_how_it_ends(ctx):
        endings.append(ctx.request_termination)
        await ctx.receive()

    endings = []
    kind = whatever(lambda number: number == 3 and endings[0]())
    await runtime.launch("k", tells_how_it_ends, input_type=kind)
    await runtime.activate("k")
    await wait_until_idle(runtime)
    with pytest.raises(KernelStateError):
        await runtime.send_batch("k", range(5))
    assert runtime.get_telemetry("k").messages_received == 0


async def test_a_row_that_changes_while_it_is_checked_is_sent_as_it_was(runtime):
    row = [1, 2, 3]
    kind = whatever(lambda number: number == 2 and row.clear())
    await runtime.launch("k", echo_rows, input_type=kind)
    await runtime.activate("k")
    assert await runtime.send_batch("k", row) == 3
    assert (await runtime.receive_batch("k", 3), row) == ([1, 2, 3], [])


async def test_one_wrong_priority_in_a_row_sends_nothing(runtime):
    @message
    class Ranked:
        value: int

    row = [Ranked(value=1), Ranked(value=2)]
    object.__setattr__(row[1], "priority", 256)
    await runtime.launch("k", echo_rows)
    with pytest.raises(MessageValidationError, match="256"):
        await runtime.send_batch("k", row)
    assert runtime.get_telemetry("k").messages_received == 0


async def test_what_the_collector_runs_as_a_row_is_made_gets_replies_of_its_own(runtime):
    taken = []

    class Receiving:
        def __init__(self):
            self.cycle = self

        def __del__(self):
            with suppress(QueueEmptyError):  # newer CPythons collect later
                taken.append(runtime.receive_nowait("k"))

    await runtime.launch("k", echo_rows)
    await runtime.activate("k")
    await runtime.send_batch("k", range(100))
    await wait_until_idle(runtime)
    receiving = runtime.receive_batch("k", 100)
    gc.disable()
    Receiving()
    in_use = [[] for _ in range(1_000)]  # so that the list of the row is not one used before
    gc.enable()
    with pytest.raises(StopIteration) as end:
        receiving.send(None)
    del in_use
    gc.collect()
    assert [*taken, *end.value.value] == list(range(100))
    assert runtime.get_telemetry("k").replies_received == 100
