"""The queue that programs make for themselves."""

import asyncio
import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting_for_tests import at_once

from pydotcompute import BackpressureStrategy, MessageQueue, message
from pydotcompute.exceptions import (
    InvalidArgumentError,
    InvalidTypeError,
    MessageValidationError,
    QueueFullError,
    QueueFullTimeoutError,
    QueueTimeoutError,
)

BLOCK, REJECT, DROP = BackpressureStrategy


@message
class Item:
    name: object


class Plain:
    """An object of no message class, which a weak reference can watch."""


def drained(queue):
    """Take all that is there."""
    return list(iter(queue.get_nowait, None))


def names(queue):
    return [item.name for item in drained(queue)]


# What is in it.


def test_a_new_queue_is_empty_and_says_how_much_it_holds():
    queue = MessageQueue()
    assert (queue.size, queue.max_size, queue.is_empty, queue.is_full) == (0, 1000, True, False)
    assert (queue.peek(), queue.get_nowait(), queue.clear()) == (None, None, 0)
    assert repr(MessageQueue(3, "drop")) == "<MessageQueue 0 of 3, drop>"


async def test_messages_come_in_order():
    queue = MessageQueue[int](max_size=3)
    for number in range(3):
        await queue.put(number)
    assert (queue.size, queue.is_empty, queue.is_full) == (3, False, True)
    assert [await queue.get() for _ in range(3)] == [0, 1, 2]


async def test_the_highest_priority_comes_first_and_equal_ones_in_order():
    queue = MessageQueue(max_size=10)
    for name, priority in (("a", 100), ("b", 200), ("c", 100), ("d", 150), ("e", 128)):
        await queue.put(Item(name, priority=priority))
    queue.put_nowait("no message class")
    assert (await queue.get()).name == "b"
    assert queue.peek().name == "d"
    assert queue.get_nowait().name == "d"
    assert queue.get_nowait().name == "e"
    assert queue.get_nowait() == "no message class"
    assert names(queue) == ["a", "c"]


def test_peeking_leaves_the_message_there():
    queue = MessageQueue()
    queue.put_nowait("a")
    assert (queue.peek(), queue.peek(), queue.size) == ("a", "a", 1)


def test_clearing_tells_how_many_there_were():
    queue = MessageQueue()
    for number in range(5):
        queue.put_nowait(Item(number, priority=number))
    assert (queue.clear(), queue.size, queue.get_nowait()) == (5, 0, None)


operations = st.lists(
    st.tuples(st.just("put"), st.integers(0, 255))
    | st.tuples(st.sampled_from(["get", "peek", "clear"]), st.none()),
    max_size=60,
)


@given(operations, st.integers(1, 8), st.sampled_from(["reject", "drop"]))
def test_a_list_sorted_by_hand_agrees(operations, max_size, backpressure):
    queue, model, number = MessageQueue(max_size, backpressure), [], 0
    for operation, priority in operations:
        if operation == "put":
            number += 1
            if len(model) == max_size and backpressure == "reject":
                with pytest.raises(QueueFullError):
                    queue.put_nowait(Item(number, priority=priority))
                continue
            queue.put_nowait(Item(number, priority=priority))
            model.append((-priority, number))
            if len(model) > max_size:
                model.remove(min(model, key=lambda entry: (-entry[0], entry[1])))
            model.sort()
        elif operation == "clear":
            assert queue.clear() == len(model)
            model.clear()
        else:
            found = queue.peek() if operation == "peek" else queue.get_nowait()
            assert (found and found.name) == (model[0][1] if model else None)
            del model[: operation == "get"]
        assert queue.size == len(model)


# What does not go in.


@pytest.mark.parametrize("put", ["put", "put_nowait"])
async def test_none_is_no_message(put):
    queue = MessageQueue()
    with pytest.raises(InvalidTypeError, match="None cannot be put") as caught:
        await getattr(queue, put)(None)
    assert caught.value.argument == "message"
    assert queue.is_empty


@pytest.mark.parametrize("priority", [256, -1, "high", None])
async def test_a_wrong_priority_is_refused(priority):
    queue, wrong = MessageQueue(), Item("a")
    wrong.priority = priority
    with pytest.raises(MessageValidationError, match="from 0 to 255") as caught:
        await queue.put(wrong)
    assert (caught.value.message_type, caught.value.field) == ("Item", "priority")
    assert queue.is_empty


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((0,), InvalidArgumentError),
        ((2**24 + 1,), InvalidArgumentError),
        (("10",), InvalidTypeError),
        ((10, "never"), InvalidArgumentError),
        ((10, 5), InvalidTypeError),
    ],
)
def test_a_wrong_argument_is_refused(arguments, error):
    with pytest.raises(error, match=r"(max_size|backpressure) must be"):
        MessageQueue(*arguments)


@pytest.mark.parametrize("timeout", [-1, float("nan")])
async def test_a_timeout_that_is_none_is_refused(timeout):
    queue = MessageQueue(1)
    for call in (queue.put("a", timeout=timeout), queue.get(timeout=timeout)):
        with pytest.raises(InvalidArgumentError, match="timeout must be"):
            await call
    assert queue.is_empty


# When it is full.


async def test_a_full_queue_that_rejects_raises_at_once():
    queue = MessageQueue(2, REJECT)
    for name in "ab":
        await queue.put(name)
    with pytest.raises(QueueFullError) as caught:
        at_once(queue.put("c", timeout=60))
    assert (caught.value.queue_size, caught.value.kernel_id) == (2, None)
    assert "make a larger queue" in str(caught.value)
    assert drained(queue) == ["a", "b"]


async def test_a_full_queue_that_drops_loses_the_oldest_of_the_lowest_priority():
    queue = MessageQueue(2, "drop")
    for name, priority in (("a", 100), ("b", 100), ("c", 200), ("d", 90), ("e", 100)):
        at_once(queue.put(Item(name, priority=priority)))
    assert names(queue) == ["c", "e"]


async def test_a_full_queue_that_blocks_lets_put_nowait_fail():
    queue = MessageQueue(1)
    queue.put_nowait("a")
    with pytest.raises(QueueFullError) as caught:
        queue.put_nowait("b")
    assert not isinstance(caught.value, TimeoutError)
    assert drained(queue) == ["a"]


@pytest.mark.parametrize("timeout", [0, 0.01])
async def test_no_room_in_time_is_a_full_queue_and_a_timeout(timeout):
    queue = MessageQueue(1)
    await queue.put("a")
    with pytest.raises(QueueFullTimeoutError) as caught:
        await queue.put("b", timeout=timeout)
    assert (caught.value.queue_size, caught.value.timeout) == (1, timeout)
    assert isinstance(caught.value, QueueFullError)
    assert drained(queue) == ["a"]


@pytest.mark.parametrize("timeout", [0, 0.01])
async def test_no_message_in_time_is_a_timeout(timeout):
    with pytest.raises(QueueTimeoutError) as caught:
        await MessageQueue().get(timeout=timeout)
    assert isinstance(caught.value, asyncio.TimeoutError)
    assert caught.value.timeout == timeout


# Objects.


class Reentrant:
    """Uses the queue while it goes."""

    def __init__(self, queue):
        self.queue = queue

    def __del__(self):
        self.queue.put_nowait("from the finalizer")


@pytest.mark.parametrize("throw_away", ["drop", "clear"])
def test_what_is_thrown_away_may_use_the_queue_as_it_goes(throw_away):
    queue = MessageQueue(1, "drop")
    queue.put_nowait(Reentrant(queue))
    if throw_away == "drop":
        queue.put_nowait("new")
    else:
        queue.clear()
    assert drained(queue) == ["from the finalizer"]


def test_a_queue_in_a_message_of_its_own_is_collected():
    queue, held = MessageQueue(), Plain()
    held.queue = queue
    queue.put_nowait(held)
    seen = weakref.ref(held)
    del queue, held
    gc.collect()
    assert seen() is None
