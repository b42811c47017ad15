"""What contestants are given to do; each load checks that everything came back."""

import asyncio
import statistics
import time
from functools import partial

WINDOW = 1_000
BATCH = 256
CALLERS = 64

_now = time.perf_counter_ns


async def round_trips(ends, count, *, make=int):
    """Send one message at a time; the median nanoseconds until its reply is here."""
    send, receive = ends
    times = []
    for number in range(count):
        begin = _now()
        await send(make(number))
        reply = await receive()
        times.append(_now() - begin)
        assert getattr(reply, "value", reply) == number
    return statistics.median(times)


async def windows(ends, count):
    """Send a window before it is received; nanoseconds a message."""
    send, receive = ends
    begin = _now()
    for _ in range(count // WINDOW):
        for number in range(WINDOW):
            await send(number)
        for number in range(WINDOW):
            assert await receive() == number
    return (_now() - begin) / (count // WINDOW * WINDOW)


async def batches_one_by_one(ends, count):
    """Send 256 messages singly, receive them singly; nanoseconds a message."""
    send, receive = ends
    begin = _now()
    for _ in range(count // BATCH):
        for number in range(BATCH):
            await send(number)
        for number in range(BATCH):
            assert await receive() == number
    return (_now() - begin) / (count // BATCH * BATCH)


async def batches_as_lists(ends, count):
    """Send 256 messages as one list; nanoseconds a message."""
    send, receive = ends
    expected = list(range(BATCH))
    begin = _now()
    for _ in range(count // BATCH):
        await send(list(range(BATCH)))
        assert await receive() == expected
    return (_now() - begin) / (count // BATCH * BATCH)


async def batches(runtime, count):
    """Send 256 messages by one call, receive them by as few as it takes."""
    expected = list(range(BATCH))
    begin = _now()
    for _ in range(count // BATCH):
        assert await runtime.send_batch("echo", list(range(BATCH))) == BATCH
        replies = await runtime.receive_batch("echo", BATCH)
        while len(replies) < BATCH:
            replies += await runtime.receive_batch("echo", BATCH - len(replies))
        assert replies == expected
    return (_now() - begin) / (count // BATCH * BATCH)


async def many_callers(ends, count):
    """Let 64 tasks send and receive at once; nanoseconds a message."""
    each = max(1, count // CALLERS)

    async def call(first):
        send, receive = ends
        total = 0
        for number in range(first, first + each):
            await send(number)
            total += await receive()  # anybody's
        return total

    begin = _now()
    totals = await asyncio.gather(*(call(caller * each) for caller in range(CALLERS)))
    spent = _now() - begin
    sent = CALLERS * each
    assert sum(totals) == sent * (sent - 1) // 2
    return spent / sent


async def bystanding(ends, count):
    """Let a task yield to the loop while a caller plays ping-pong; its turns' p99, nanoseconds."""
    turns = []
    is_over = False

    async def bystander():
        while not is_over:
            begin = _now()
            await asyncio.sleep(0)
            turns.append(_now() - begin)

    watching = asyncio.create_task(bystander())
    await round_trips(ends, count)
    is_over = True
    await watching
    return percentile(turns, 0.99)


def percentile(values, share):
    """Give the value that a share of the values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def of(load, count, **options):
    """Settle how much of a load a turn is."""
    return partial(_doing, load, count, options)


async def _doing(load, count, options, ends):
    return await load(ends, count, **options)
