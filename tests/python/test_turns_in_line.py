"""Those who wait for the same thing are served in the order in which they came."""

import asyncio

import pytest
from kernels_for_tests import counts, echo, start, start_puppet, turns
from waiting_for_tests import MOVING, Reply, Send, Take, WaitActive, at_once

moving = pytest.mark.parametrize("kind", MOVING)


def note_order(line):
    """Keep the places of a line in the order in which they were served."""
    served = []
    for place, task in enumerate(line):
        task.add_done_callback(lambda _, place=place: served.append(place))
    return served


@moving
async def test_one_at_a_time(runtime, kind):
    operation = await kind.prepare(runtime)
    line = []
    for _ in range(6):
        line.append(operation.begin())
        await turns(2)
    served = note_order(line)
    for number in range(6):
        operation.serve()
        await turns(4)
        assert served == list(range(number + 1))


@pytest.mark.parametrize("kind", [kind for kind in MOVING if kind not in (Send, Reply)])
async def test_several_served_at_once(runtime, kind):
    operation = await kind.prepare(runtime)
    line = [operation.begin() for _ in range(6)]
    served = note_order(line)
    await turns(3)
    for number in range(6):
        operation.serve(number)
    results = await asyncio.gather(*line)
    assert results in (list(range(6)), [[number] for number in range(6)])
    assert served == list(range(6))


@moving
async def test_nobody_who_comes_later_overtakes_one_that_is_on_its_way(runtime, kind):
    operation = await kind.prepare(runtime)
    first = operation.begin()
    await turns(3)
    operation.serve()
    late = operation.begin()  # runs before the one that was served just now, or right behind it
    served = note_order([first, late])
    await turns(4)
    assert served == [0]
    operation.serve()
    await late


@moving
async def test_a_call_made_in_the_turn_of_the_delivery_stands_behind(runtime, kind):
    operation = await kind.prepare(runtime)
    first = operation.begin()
    await turns(3)
    operation.serve()
    late = operation.call()
    awaited = late.send(None)  # it suspends: the item belongs to the first
    assert awaited is not None
    await first
    late.close()
    await operation.go_through()


@moving
async def test_one_with_a_timeout_keeps_its_place_behind_one_without(runtime, kind):
    operation = await kind.prepare(runtime)
    patient = operation.begin()
    hurried = asyncio.create_task(operation.call(timeout=5))
    served = note_order([patient, hurried])
    await turns(3)
    for _ in range(2):
        operation.serve()
        await turns(4)
    assert served == [0, 1]


async def test_all_who_wait_for_activity_are_woken_in_order(runtime):
    operation = await WaitActive.prepare(runtime)
    line = [operation.begin() for _ in range(5)]
    served = note_order(line)
    await turns(3)
    operation.serve()
    await asyncio.gather(*line)
    await turns(2)
    assert served == list(range(5))


async def test_senders_fill_a_queue_in_the_order_in_which_they_blocked(runtime):
    await start(runtime, "k", echo, queue_size=1)
    sending = [asyncio.create_task(runtime.send("k", n)) for n in range(20)]
    received = [await runtime.receive("k") for _ in range(20)]
    assert received == list(range(20))
    await asyncio.gather(*sending)


async def test_many_senders_and_receivers_lose_and_double_nothing(runtime):
    await start(runtime, "k", echo, queue_size=3, output_queue_size=2)
    received = []

    async def send(first):
        for number in range(first, 300, 6):
            await runtime.send("k", number)
            await turns(number % 3)

    async def receive(share):
        for number in range(share):
            received.append(await runtime.receive("k"))
            await turns(number % 2)

    async with asyncio.TaskGroup() as tasks:
        for first in range(6):
            tasks.create_task(send(first))
        for share in (100, 150, 50):
            tasks.create_task(receive(share))
    assert sorted(received) == list(range(300))
    assert counts(runtime)["processed"] == 300


async def test_asking_from_behind_in_line_still_ends_what_is_in_flight(runtime):
    operation = await Take.prepare(runtime)
    first, second, third = (operation.call() for _ in range(3))
    first.send(None)
    second.send(None)
    operation.serve("message")
    with pytest.raises(StopIteration, match="message"):
        first.send(None)
    assert counts(runtime)["in_flight"] == 1
    third.send(None)
    assert "in_flight" not in counts(runtime)
    assert counts(runtime)["unanswered"] == 1
    second.close()
    third.close()
    await operation.go_through()


async def test_a_nowait_call_takes_what_is_there_and_wakes_nobody_for_nothing(runtime):
    puppet = await start_puppet(runtime)
    waiting = asyncio.create_task(runtime.receive("k"))
    await turns()
    at_once(puppet.ctx.send(1))
    assert runtime.receive_nowait("k") == 1
    await turns()
    assert not waiting.done()
    at_once(puppet.ctx.send(2))
    assert await waiting == 2
