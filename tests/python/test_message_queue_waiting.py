"""Those who wait at a queue are served in order, and a cancelled wait has moved nothing."""

import asyncio
import threading

import pytest
from kernels_for_tests import turns
from waiting_for_tests import CancelledAt

from pydotcompute import MessageQueue
from pydotcompute.exceptions import WrongLoopError


def drained(queue):
    """Take all that is there."""
    return list(iter(queue.get_nowait, None))


async def test_a_waiting_get_is_served_by_a_put():
    queue = MessageQueue()
    waiting = asyncio.create_task(queue.get())
    await turns()
    queue.put_nowait("a")
    assert await waiting == "a"


@pytest.mark.parametrize("make_room", ["get_nowait", "clear"])
async def test_a_waiting_put_is_served_by_room(make_room):
    queue = MessageQueue(1)
    await queue.put("a")
    waiting = asyncio.create_task(queue.put("b"))
    await turns()
    getattr(queue, make_room)()
    await waiting
    assert drained(queue) == ["b"]


async def test_those_who_get_are_served_in_the_order_they_came():
    queue = MessageQueue()
    line = [asyncio.create_task(queue.get()) for _ in range(5)]
    await turns()
    for number in range(5):
        queue.put_nowait(number)
    late = asyncio.create_task(queue.get())
    assert await asyncio.gather(*line) == list(range(5))
    queue.put_nowait("late")
    assert await late == "late"


async def test_those_who_put_are_served_in_the_order_they_came():
    queue = MessageQueue(2)
    line = [asyncio.create_task(queue.put(number)) for number in range(8)]
    await turns()
    assert [await queue.get() for _ in range(8)] == list(range(8))
    await asyncio.gather(*line)


async def test_clearing_lets_as_many_in_as_there_is_room_for():
    queue = MessageQueue(3)
    line = [asyncio.create_task(queue.put(number)) for number in range(8)]
    await turns()
    assert queue.clear() == 3
    await turns()
    assert [task.done() for task in line] == [True] * 6 + [False] * 2
    assert drained(queue) == [3, 4, 5]
    await asyncio.gather(*line)


def attempt(queue, kind):
    return queue.get() if kind == "get" else queue.put("new")


@pytest.mark.parametrize("kind", ["get", "put"])
@pytest.mark.parametrize("served", [False, True], ids=["alone", "served as well"])
async def test_a_cancelled_call_has_moved_nothing(kind, served):
    queue = MessageQueue(1)
    if kind == "put":
        queue.put_nowait("old")
    waiting = asyncio.create_task(attempt(queue, kind))
    behind = asyncio.create_task(attempt(queue, kind))
    await turns()
    if served:
        _ = queue.put_nowait("old") if kind == "get" else queue.get_nowait()
    waiting.cancel()
    await turns()
    assert waiting.cancelled()
    assert behind.done() is served
    if not served:
        _ = queue.put_nowait("old") if kind == "get" else queue.get_nowait()
        await behind
    assert drained(queue) == ([] if kind == "get" else ["new"])


@pytest.mark.parametrize("kind", ["get", "put"])
async def test_cancelled_at_any_suspension_it_moved_nothing(kind):
    for suspension in (1, 2):
        queue = MessageQueue(1)
        if kind == "put":
            queue.put_nowait("old")
        call = CancelledAt(attempt(queue, kind), suspension)
        task = asyncio.create_task(call.run())
        await turns()
        _ = queue.put_nowait("old") if kind == "get" else queue.get_nowait()
        await asyncio.wait([task])
        moved = not task.cancelled()
        assert drained(queue) == (
            [] if moved == (kind == "get") else ["old" if kind == "get" else "new"]
        )


async def test_many_who_put_and_get_lose_and_double_nothing():
    queue, got = MessageQueue(3), []

    async def put(first):
        for number in range(first, 300, 6):
            await queue.put(number)
            await turns(number % 3)

    async def get(share):
        for number in range(share):
            got.append(await queue.get())
            await turns(number % 2)

    async with asyncio.TaskGroup() as tasks:
        for first in range(6):
            tasks.create_task(put(first))
        for share in (100, 150, 50):
            tasks.create_task(get(share))
    assert sorted(got) == list(range(300))


# Loops and threads.


def in_a_thread(call):
    """Run something in another thread and give what it raised."""
    raised = []

    def run():
        try:
            call()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            raised.append(type(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised


async def test_another_loop_is_told_so():
    queue = MessageQueue()
    await queue.put("a")
    for call in (queue.get, lambda: queue.put("b")):
        assert in_a_thread(lambda call=call: asyncio.run(call())) == [WrongLoopError]
    for call in (queue.get_nowait, queue.clear, lambda: queue.put_nowait("b")):
        assert in_a_thread(call) == [WrongLoopError]
    assert in_a_thread(queue.peek) == []
    assert drained(queue) == ["a"]


def test_before_and_after_the_loop_it_is_used_without_one():
    queue = MessageQueue()
    queue.put_nowait("before")

    async def main():
        assert await queue.get() == "before"
        await queue.put("after")

    asyncio.run(main())
    assert queue.get_nowait() == "after"
    with pytest.raises(WrongLoopError):
        asyncio.run(main())


def test_a_loop_closed_over_somebody_who_waits_is_no_matter():
    queue, loop = MessageQueue(1), asyncio.new_event_loop()
    waiting = queue.get()

    async def begin():
        waiting.send(None)

    loop.run_until_complete(begin())
    loop.close()
    queue.put_nowait("a")
    assert queue.get_nowait() == "a"
    waiting.close()
