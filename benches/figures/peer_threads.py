"""Beside the ways to ask a thread something and wait for its answer."""

import asyncio
import statistics
import threading
import time
from contextlib import asynccontextmanager

from echoes import ring, simple_queues
from loads import of, round_trips
from measure import Target, ratio_of
from turns import run_on, take_turns

NUMBER = "peer"
METHOD = (
    "p50 of round trips of ints to a thread and back: kernel(execution='thread') asked from the "
    "event loop / janus and culsans from the event loop, queue.SimpleQueue and Pykka from a thread"
)
PEERS = ("janus", "culsans", "queue.SimpleQueue", "Pykka")
TARGETS = (
    *(Target(f"thread kernel / {peer}, round trip", "ratio") for peer in PEERS),
    Target("coroutine kernel / queue.SimpleQueue, round trip", "ratio"),
    Target("coroutine kernel / Pykka, round trip", "ratio"),
)
THREAD, COROUTINE = "thread kernel", "coroutine kernel"


def run(effort):
    times = run_on("asyncio", _turns(effort))
    pairs = [(THREAD, peer) for peer in PEERS]
    pairs += [(COROUTINE, "queue.SimpleQueue"), (COROUTINE, "Pykka")]
    return [
        ratio_of(
            times[ours],
            times[peer],
            kernel_us=statistics.median(times[ours]) / 1e3,
            peer_us=statistics.median(times[peer]) / 1e3,
        )
        for ours, peer in pairs
    ]


async def _turns(effort):
    contestants = {
        THREAD: ring(_same, execution="thread"),
        COROUTINE: ring(),
        "janus": _through(_janus),
        "culsans": _through(_culsans),
        "queue.SimpleQueue": simple_queues(),
        "Pykka": _pykka(),
    }
    waiting, blocking = of(round_trips, effort.messages), _blocking(effort.messages)
    work = dict.fromkeys(contestants, waiting)
    work["queue.SimpleQueue"] = work["Pykka"] = blocking
    return await take_turns(contestants, work, effort.blocks)


def _same(message):
    return message


def _blocking(count):
    async def work(ask):
        times = []
        for number in range(count):
            begin = time.perf_counter_ns()
            reply = ask(number)
            times.append(time.perf_counter_ns() - begin)
            assert reply == number
        return statistics.median(times)

    return work


def _janus():
    import janus  # noqa: PLC0415 - each rival is loaded by its own contestant

    return janus.Queue()


def _culsans():
    import culsans  # noqa: PLC0415

    return culsans.Queue()


@asynccontextmanager
async def _through(make):
    """Give the asynchronous ends of two queues whose other ends a thread has."""
    requests, replies = make(), make()

    def echo():
        while (message := requests.sync_q.get()) is not None:
            replies.sync_q.put(message)

    thread = threading.Thread(target=echo)
    thread.start()
    yield requests.async_q.put, replies.async_q.get
    await requests.async_q.put(None)
    await asyncio.to_thread(thread.join)
    for each in (requests, replies):
        await each.aclose()


@asynccontextmanager
async def _pykka():
    import pykka  # noqa: PLC0415

    class Echo(pykka.ThreadingActor):
        def on_receive(self, message):
            return message

    actor = Echo.start()
    yield actor.ask
    actor.stop()
