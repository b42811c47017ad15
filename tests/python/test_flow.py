"""Messages and replies travel in order, and a full queue does what its kernel was launched for."""

import asyncio
import itertools
import random

import pytest
from kernels_for_tests import counts, echo, start, start_puppet, turns
from waiting_for_tests import at_once

from pydotcompute import BackpressureStrategy, message
from pydotcompute.exceptions import QueueEmptyError, QueueError, QueueFullError
from pydotcompute.testing import wait_until_idle


@message
class Note:
    """A text with an envelope."""

    text: str = ""


class AlwaysEqual:
    """Says that it is equal to everything."""

    def __eq__(self, other):
        return True

    __hash__ = None


class NeverComparable:
    """Cannot be compared, and is neither true nor false."""

    def __eq__(self, other):
        raise TypeError

    def __bool__(self):
        raise TypeError

    __hash__ = None


def no_messages(runtime, kernel_id="k"):
    with pytest.raises(QueueEmptyError) as caught:
        runtime.receive_nowait(kernel_id)
    return caught.value


# Order.


async def test_replies_come_in_the_order_of_the_messages(runtime):
    await start(runtime, "k", echo)
    for number in range(100):
        await runtime.send("k", number)
    assert [await runtime.receive("k") for _ in range(100)] == list(range(100))


async def test_sends_that_wait_and_sends_that_do_not_share_one_order(runtime):
    await start(runtime, "k", echo)
    for number in range(0, 10, 2):
        await runtime.send("k", number)
        runtime.send_nowait("k", number + 1)
    await wait_until_idle(runtime)
    received = [
        await runtime.receive("k") if number % 2 else runtime.receive_nowait("k")
        for number in range(10)
    ]
    assert received == list(range(10))


async def test_a_batch_is_as_long_as_the_queue_allows(runtime):
    puppet = await start_puppet(runtime, queue_size=5)
    for number in range(5):
        runtime.send_nowait("k", number)
    assert await puppet.ctx.receive_batch(2) == [0, 1]
    assert await puppet.ctx.receive_batch(2**70) == [2, 3, 4]


async def test_a_batch_waits_for_the_first_message_only(runtime):
    puppet = await start_puppet(runtime)
    receiving = asyncio.create_task(puppet.ctx.receive_batch(10))
    await turns()
    runtime.send_nowait("k", 1)
    runtime.send_nowait("k", 2)
    assert await receiving == [1, 2]


@pytest.mark.parametrize(
    "sent",
    [
        None,
        False,
        0,
        "",
        (),
        ...,
        NotImplemented,
        AlwaysEqual(),
        NeverComparable(),
        ValueError("a message, not an error"),
        StopIteration(1),
        asyncio.CancelledError(),
        KeyboardInterrupt,
        object(),
        echo,
        Note,
    ],
    ids=lambda sent: type(sent).__name__,
)
async def test_any_object_travels_and_stays_itself(runtime, sent):
    await start(runtime, "k", echo, queue_size=1)
    await runtime.send("k", sent)
    assert await runtime.receive("k") is sent
    waiting = asyncio.create_task(runtime.receive("k"))
    await turns()
    runtime.send_nowait("k", sent)
    assert await waiting is sent


async def test_what_stands_for_emptiness_is_not_what_users_send(runtime):
    puppet = await start_puppet(runtime)
    for sent in ("EMPTY", "END", 0, 1, 2):
        runtime.send_nowait("k", sent)
        assert await puppet.ctx.receive(timeout=0) == sent


# Backpressure.


async def test_block_waits_and_goes_on_when_room_comes(runtime):
    puppet = await start_puppet(runtime, queue_size=2, backpressure="block")
    for number in range(2):
        await runtime.send("k", number)
    sending = asyncio.create_task(runtime.send("k", 2))
    await turns()
    assert not sending.done()
    assert counts(runtime)["received"] == 2
    assert await puppet.ctx.receive() == 0
    await sending
    assert counts(runtime)["received"] == 3
    assert "rejected" not in counts(runtime)
    assert await puppet.ctx.receive_batch(9) == [1, 2]


async def test_one_batch_lets_as_many_blocked_senders_in(runtime):
    puppet = await start_puppet(runtime, queue_size=3)
    sending = [asyncio.create_task(runtime.send("k", n)) for n in range(8)]
    await turns()
    assert sum(task.done() for task in sending) == 3
    assert await puppet.ctx.receive_batch(3) == [0, 1, 2]
    await turns()
    assert sum(task.done() for task in sending) == 6
    assert await puppet.ctx.receive_batch(3) == [3, 4, 5]
    await asyncio.gather(*sending)


async def test_reject_raises_at_once_and_counts(runtime):
    await start_puppet(runtime, queue_size=1, backpressure=BackpressureStrategy.REJECT)
    await runtime.send("k", 0)
    for timeout in (None, 0, 5):
        with pytest.raises(QueueFullError) as caught:
            at_once(runtime.send("k", 1, timeout=timeout))
        assert (caught.value.queue_size, caught.value.kernel_id) == (1, "k")
    with pytest.raises(QueueFullError):
        runtime.send_nowait("k", 1)
    assert counts(runtime)["rejected"] == 4
    assert counts(runtime)["received"] == 1


async def test_drop_oldest_keeps_the_newest_of_one_priority(runtime):
    puppet = await start_puppet(runtime, queue_size=3, backpressure="drop")
    for number in range(10):
        at_once(runtime.send("k", number))
    runtime.send_nowait("k", 10)
    assert await puppet.ctx.receive_batch(9) == [8, 9, 10]
    assert counts(runtime)["dropped"] == 8
    assert counts(runtime)["received"] == 11
    assert "rejected" not in counts(runtime)


async def test_drop_oldest_drops_the_oldest_of_the_lowest_priority(runtime):
    puppet = await start_puppet(runtime, queue_size=3, backpressure="drop")
    sent = [("a", 200), ("b", 50), ("c", 50), ("d", 128), ("e", 10), ("f", 128), ("g", 128)]
    for text, priority in sent:
        await runtime.send("k", Note(text=text, priority=priority))
    kept = await puppet.ctx.receive_batch(9)
    assert [note.text for note in kept] == ["a", "f", "g"]
    assert counts(runtime)["dropped"] == 4


async def test_a_newcomer_of_the_lowest_priority_is_the_one_dropped(runtime):
    puppet = await start_puppet(runtime, queue_size=1, backpressure="drop")
    await runtime.send("k", "plain")
    await runtime.send("k", Note(text="yields", priority=0))
    assert await puppet.ctx.receive() == "plain"
    assert counts(runtime)["received"] == 2
    assert counts(runtime)["dropped"] == 1


@pytest.mark.parametrize("backpressure", ["block", "reject"])
async def test_send_nowait_on_a_full_queue_is_refused_and_counted(runtime, backpressure):
    await start_puppet(runtime, queue_size=1, backpressure=backpressure)
    runtime.send_nowait("k", 0)
    with pytest.raises(QueueFullError) as caught:
        runtime.send_nowait("k", 1)
    assert not isinstance(caught.value, TimeoutError)
    assert (caught.value.queue_size, caught.value.kernel_id) == (1, "k")
    assert counts(runtime)["rejected"] == 1


async def test_receive_nowait_without_a_reply_says_so(runtime):
    await start(runtime, "k", echo)
    error = no_messages(runtime)
    assert error.kernel_id == "k"
    assert isinstance(error, QueueError)
    await runtime.send("k", 1)
    await turns()
    assert runtime.receive_nowait("k") == 1
    no_messages(runtime)


async def test_a_full_output_blocks_the_kernel_whatever_its_backpressure(runtime):
    for backpressure in BackpressureStrategy:
        name = backpressure.value
        await start(runtime, name, echo, output_queue_size=2, backpressure=backpressure)
        for number in range(5):
            runtime.send_nowait(name, number)
        await turns(20)
        seen = counts(runtime, name)
        assert (seen["output_depth"], seen["in_flight"], seen["queue_depth"]) == (2, 1, 2)
        assert [await runtime.receive(name) for _ in range(5)] == list(range(5))


async def test_the_output_queue_is_as_large_as_the_input_queue_where_nothing_is_said(runtime):
    puppet = await start_puppet(runtime, queue_size=2)
    for number in range(2):
        at_once(puppet.ctx.send(number))
    with pytest.raises(QueueFullError) as caught:
        await puppet.ctx.send(2, timeout=0)
    assert caught.value.queue_size == 2


# Priorities.


async def test_the_highest_priority_comes_first_and_equal_ones_in_order(runtime):
    puppet = await start_puppet(runtime)
    priorities = [128, 0, 255, 128, 129, 127, 255, 0]
    for text, priority in enumerate(priorities):
        await runtime.send("k", Note(text=str(text), priority=priority))
    received = await puppet.ctx.receive_batch(99)
    assert [note.priority for note in received] == sorted(priorities, reverse=True)
    for _, equals in itertools.groupby(received, key=lambda note: note.priority):
        texts = [int(note.text) for note in equals]
        assert texts == sorted(texts)


async def test_what_is_no_message_class_counts_as_normal_whatever_it_says(runtime):
    class Boastful:
        priority = 255

    puppet = await start_puppet(runtime)
    boastful, normal = Boastful(), Note()
    for sent in (1, boastful, normal, Note(priority=129)):
        await runtime.send("k", sent)
    first, *rest = await puppet.ctx.receive_batch(9)
    assert first.priority == 129
    assert rest == [1, boastful, normal]


async def test_priorities_agree_with_a_sorted_list(runtime):
    chance = random.Random(5)  # noqa: S311 - nothing is kept secret
    puppet = await start_puppet(runtime)
    model = []
    for step in range(500):
        if model and chance.random() < 0.5:
            model.sort()
            assert (await puppet.ctx.receive()).text == str(model.pop(0)[1])
        else:
            priority = chance.choice([0, 100, 128, 128, 128, 200, 255])
            model.append((-priority, step))
            await runtime.send("k", Note(text=str(step), priority=priority))


async def test_replies_keep_their_order_whatever_their_priority(runtime):
    puppet = await start_puppet(runtime)
    for priority in (1, 255, 128):
        await puppet.ctx.send(Note(priority=priority))
    assert [(await runtime.receive("k")).priority for _ in range(3)] == [1, 255, 128]
