"""Batches: in order, as many as there is room for, and nothing moved where the call raised."""

import asyncio

import pytest

from pydotcompute import RingKernelRuntime
from pydotcompute.exceptions import (
    InvalidArgumentError,
    InvalidTypeError,
    KernelStateError,
    MessageTypeError,
    QueueTimeoutError,
)
from pydotcompute.testing import wait_until_idle


async def echo(ctx):
    while True:
        await ctx.send(await ctx.receive())


async def echo_batches(ctx):
    while True:
        batch = await ctx.receive_batch(4)
        assert await ctx.send_batch([number * 2 for number in batch]) == len(batch)


async def launched(runtime, kernel, **options):
    await runtime.launch("k", kernel, **options)
    return runtime


@pytest.fixture
async def runtime():
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        yield runtime
        await runtime.terminate_all(timeout=0)


async def test_batches_on_both_sides_keep_the_order_and_count_each_message(runtime):
    await launched(runtime, echo_batches)
    await runtime.activate("k")
    assert await runtime.send_batch("k", range(10)) == 10
    replies = []
    while len(replies) < 10:
        replies += await runtime.receive_batch("k", 7, timeout=1.0)
    assert replies == [number * 2 for number in range(10)]
    t = runtime.get_telemetry("k")
    assert (t.messages_received, t.messages_processed, t.replies_received) == (10, 10, 10)


async def test_an_empty_batch_sends_nothing(runtime):
    await launched(runtime, echo)
    assert await runtime.send_batch("k", []) == 0


async def test_a_blocking_batch_stops_where_there_is_no_room_in_time(runtime):
    await launched(runtime, echo, queue_size=3)
    assert await runtime.send_batch("k", range(5), timeout=0) == 3
    assert await runtime.send_batch("k", range(5), timeout=0.01) == 0
    t = runtime.get_telemetry("k")
    assert (t.messages_received, t.messages_rejected) == (3, 0)


async def test_a_batch_larger_than_the_queue_goes_through_as_room_comes(runtime):
    await launched(runtime, echo, queue_size=2)
    await runtime.activate("k")
    sending = asyncio.create_task(runtime.send_batch("k", range(20)))
    replies = []
    while len(replies) < 20:
        replies += await runtime.receive_batch("k", 20)
    assert (await sending, replies) == (20, list(range(20)))


async def test_under_reject_each_message_that_did_not_fit_is_rejected(runtime):
    await launched(runtime, echo, queue_size=3, backpressure="reject")
    assert await runtime.send_batch("k", range(5)) == 3
    t = runtime.get_telemetry("k")
    assert (t.messages_received, t.messages_rejected) == (3, 2)


async def test_under_drop_oldest_every_message_is_accepted(runtime):
    await launched(runtime, echo, queue_size=3, backpressure="drop")
    assert await runtime.send_batch("k", range(5)) == 5
    t = runtime.get_telemetry("k")
    assert (t.messages_received, t.messages_dropped, t.queue_depth) == (5, 2, 3)


@pytest.mark.parametrize("strategy", ["block", "reject", "drop"])
async def test_a_kernel_that_winds_down_takes_no_batch(runtime, strategy):
    await launched(runtime, echo, backpressure=strategy)
    await runtime.terminate("k")
    with pytest.raises(KernelStateError):
        await runtime.send_batch("k", [1, 2])


async def test_an_input_that_closes_on_the_way_leaves_what_was_accepted(runtime):
    await launched(runtime, echo, queue_size=2)
    sending = asyncio.create_task(runtime.send_batch("k", range(5)))
    await asyncio.sleep(0)
    await runtime.terminate("k")
    assert await sending == 2
    assert runtime.get_telemetry("k").messages_discarded == 2


async def test_a_wrong_type_anywhere_in_a_batch_sends_nothing(runtime):
    await launched(runtime, echo, input_type=int)
    with pytest.raises(MessageTypeError, match="str"):
        await runtime.send_batch("k", [1, 2, "three"])
    assert runtime.get_telemetry("k").messages_received == 0


async def test_a_kernel_that_gives_a_batch_of_a_wrong_type_sends_nothing(runtime):
    caught = []

    async def wrong(ctx):
        try:
            await ctx.send_batch([1, "two"])
        except MessageTypeError as error:
            caught.append(error)
        await ctx.receive()

    await launched(runtime, wrong, output_type=int)
    await runtime.activate("k")
    await wait_until_idle(runtime)
    assert len(caught) == 1
    assert runtime.get_telemetry("k").messages_sent == 0


async def test_a_cancelled_batch_leaves_what_was_accepted_and_moves_nothing_more(runtime):
    await launched(runtime, echo, queue_size=2)
    sending = asyncio.create_task(runtime.send_batch("k", range(5)))
    await asyncio.sleep(0)
    sending.cancel()
    await asyncio.wait([sending])
    assert sending.cancelled()
    await runtime.activate("k")
    await wait_until_idle(runtime)
    assert await runtime.receive_batch("k", 5) == [0, 1]


async def test_a_cancelled_receive_of_a_batch_takes_nothing(runtime):
    await launched(runtime, echo)
    receiving = asyncio.create_task(runtime.receive_batch("k", 5))
    await asyncio.sleep(0)
    receiving.cancel()
    await asyncio.wait([receiving])
    await runtime.activate("k")
    await runtime.send_batch("k", [1, 2])
    await wait_until_idle(runtime)
    assert await runtime.receive_batch("k", 5) == [1, 2]


async def test_receiving_a_batch_times_out_without_a_reply(runtime):
    await launched(runtime, echo)
    for timeout in (0, 0.01):
        with pytest.raises(QueueTimeoutError):
            await runtime.receive_batch("k", 5, timeout=timeout)


async def test_a_batch_of_replies_stops_where_the_output_has_no_room_in_time(runtime):
    sent = []

    async def talks(ctx):
        sent.append(await ctx.send_batch(range(5), timeout=0))
        await ctx.receive()

    await launched(runtime, talks, output_queue_size=3)
    await runtime.activate("k")
    await wait_until_idle(runtime)
    assert sent == [3]
    assert await runtime.receive_batch("k", 5) == [0, 1, 2]


@pytest.mark.parametrize(("count", "error"), [(0, InvalidArgumentError), ("3", InvalidTypeError)])
async def test_a_batch_to_receive_holds_at_least_one_message(runtime, count, error):
    await launched(runtime, echo)
    with pytest.raises(error, match="max_messages must be an integer of 1 or more"):
        await runtime.receive_batch("k", count)
