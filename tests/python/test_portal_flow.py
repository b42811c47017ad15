"""Whatever mixes at a kernel, callers of portals and of the loop: nothing is lost or mixed up."""

import asyncio
import gc
import sys
import threading
from collections import Counter
from functools import partial
from itertools import count

import pytest
from kernels_for_tests import echo, start, turns
from portals_for_tests import error_of, in_threads, living_elsewhere

from pydotcompute import message
from pydotcompute.exceptions import EndOfStream, QueueFullError, QueueTimeoutError
from pydotcompute.telemetry import CallerLedger, audit

pytestmark = pytest.mark.usefixtures("quick_switches")

PRODUCERS, EACH = 4, 150


def plain_echo(ctx):
    while True:
        ctx.send(ctx.receive())


KERNELS = {
    "task": (echo, {}),
    "thread": (echo, {"execution": "thread"}),
    "blocking thread": (plain_echo, {"form": "loop", "execution": "thread"}),
    "handler": (lambda message: message, {}),
    "handler in a thread": (lambda message: message, {"execution": "thread"}),
}
kernels = pytest.mark.parametrize(("kernel", "options"), KERNELS.values(), ids=KERNELS)


def in_order(received):
    """Whether the messages of each producer, of those one receiver got, came as they were sent."""
    return all(
        numbers == sorted(numbers)
        for producer in {producer for producer, _ in received}
        for numbers in [[number for p, number in received if p == producer]]
    )


def send_in_turns(portal, producer):
    """Send EACH messages to "k", in every way there is."""
    for number in range(0, EACH, 3):
        portal.send("k", (producer, number))
        assert portal.send_batch("k", [(producer, number + 1)]) == 1
        while True:
            try:
                portal.send_nowait("k", (producer, number + 2))
                break
            except QueueFullError:
                continue


@kernels
async def test_mixed_senders_and_receivers_lose_and_reorder_nothing(runtime, kernel, options):
    portal = runtime.portal()
    await start(runtime, "k", kernel, queue_size=8, output_queue_size=8, **options)
    total = (PRODUCERS + 1) * EACH
    left = count(1)

    async def send_here():
        for number in range(EACH):
            await runtime.send("k", ("loop", number))

    def receive():
        received = []
        while next(left) <= total:
            received.append(portal.receive("k", timeout=10))
        return received

    async def receive_here():
        received = []
        while next(left) <= total:
            received.append(await runtime.receive("k", timeout=10))
        return received

    sending = [partial(send_in_turns, portal, producer) for producer in range(PRODUCERS)]
    _, here, *received = await asyncio.gather(
        send_here(), receive_here(), in_threads(*sending), in_threads(receive, receive)
    )
    lists = [here, *received[1]]
    sent = {(p, n) for p in [*range(PRODUCERS), "loop"] for n in range(EACH)}
    assert Counter(item for items in lists for item in items) == Counter(sent)
    assert all(map(in_order, lists))
    await runtime.terminate("k")
    telemetry = runtime.get_telemetry("k")
    assert audit([telemetry], CallerLedger(accepted=total, received=total)).is_balanced
    assert telemetry.replies_received == total


@message
class Question:
    number: int


@message
class Answer:
    number: int


async def backwards(ctx):
    while True:
        for question in reversed(await ctx.receive_batch(5)):
            await ctx.send(question.reply(Answer, number=-question.number))


@pytest.mark.parametrize("execution", ["task", "thread"])
async def test_each_of_many_callers_gets_the_answer_to_its_own_question(runtime, execution):
    portal = runtime.portal()
    await start(runtime, "k", backwards, queue_size=4, output_queue_size=4, execution=execution)

    def ask(caller):
        for number in range(caller, 40 * 12, 12):
            answer = portal.send_and_receive("k", Question(number=number), timeout=10)
            assert answer.number == -number

    async def ask_here():
        for number in range(1000, 1040):
            answer = await runtime.send_and_receive("k", Question(number=number), timeout=10)
            assert answer.number == -number

    callers = in_threads(*(partial(ask, caller) for caller in range(12)))
    await asyncio.gather(callers, ask_here(), ask_here())
    assert runtime.get_telemetry("k").messages_processed == 40 * 14


@kernels
def test_a_kernel_that_is_about_to_wait_is_woken(kernel, options):
    """Each message comes alone, when the kernel has just asked for it or is about to."""
    with living_elsewhere() as portal:
        portal.launch("k", kernel, **options)
        portal.activate("k")
        for number in range(500):
            portal.send("k", number)
            assert portal.receive("k", timeout=5) == number


@pytest.mark.parametrize("execution", ["task", "thread"])
async def test_several_waiters_of_a_kernel_are_woken_for_as_many_messages(runtime, execution):
    async def crowd(ctx):
        async def serve():
            while True:
                await ctx.send(await ctx.receive())

        async with asyncio.TaskGroup() as tasks:
            for _ in range(5):
                tasks.create_task(serve())

    portal = runtime.portal()
    await start(runtime, "k", crowd, execution=execution)

    def work(thread):
        for number in range(100):
            portal.send("k", (thread, number))
        return [portal.receive("k", timeout=5) for _ in range(100)]

    received = await in_threads(*(partial(work, thread) for thread in range(4)))
    assert len({item for items in received for item in items}) == 400


async def test_a_paused_kernel_takes_what_was_sent_meanwhile(runtime):
    portal = runtime.portal()
    await start(runtime, "k", echo)
    await turns()

    def work():
        for number in range(100):
            portal.deactivate("k")
            portal.send("k", number)
            portal.reactivate("k")
            assert portal.receive("k", timeout=5) == number

    await in_threads(work)


async def test_a_kernel_that_polls_sees_what_a_portal_sends(runtime):
    async def poll(ctx):
        while True:
            try:
                await ctx.send(await ctx.receive(timeout=0))
            except EndOfStream:
                raise
            except QueueTimeoutError:
                continue

    portal = runtime.portal()
    await start(runtime, "k", poll)
    (replies,) = await in_threads(
        lambda: [portal.send_and_receive("k", number, timeout=5) for number in range(50)]
    )
    assert replies == list(range(50))


@kernels
async def test_kernels_that_end_under_their_senders_keep_count(runtime, kernel, options):
    """A send was accepted and counted, or refused with the kernel's end: there is no third."""
    portal = runtime.portal()

    def send(accepted):
        while True:
            try:
                portal.send("k", 1, timeout=5)
            except Exception as error:  # noqa: BLE001 - looked at below
                return accepted, error
            accepted += 1

    for _ in range(10):
        await start(runtime, "k", kernel, output_queue_size=2**20, **options)
        begun = threading.Barrier(4)
        works = [lambda begun=begun: (begun.wait(5), send(0))[1] for _ in range(3)]
        sending = asyncio.create_task(in_threads(*works))
        await asyncio.to_thread(begun.wait, 5)
        await runtime.terminate("k")
        outcomes = await sending
        telemetry = runtime.get_telemetry("k")
        accepted = sum(accepted for accepted, _ in outcomes)
        assert audit([telemetry], CallerLedger(accepted=accepted, received=0)).is_balanced
        assert (telemetry.messages_received, telemetry.queue_depth) == (accepted, 0)
        states = {error.current_state.value for _, error in outcomes}
        assert states <= {"terminating", "terminated"}


def test_calls_leave_nothing_in_memory():
    with living_elsewhere() as portal:
        portal.launch("k", echo, output_queue_size=2)
        portal.activate("k")

        def work(rounds):
            for _ in range(rounds):
                portal.send("k", 1)
                portal.receive("k")
                portal.get_state("k")
                assert isinstance(error_of(portal.receive, "k", timeout=0), QueueTimeoutError)
                assert portal.send_and_receive("k", None) is None

        work(100)
        gc.collect()
        gc.disable()  # cycles would show as growth
        try:
            before = sys.getallocatedblocks()
            work(1250)
            grown = sys.getallocatedblocks() - before
        finally:
            gc.enable()
    assert grown < 500
