"""A handler of a signal that raises at any one point of a call leaves nobody waiting for ever."""

import asyncio
import inspect
import itertools
import sys
from pathlib import Path

import pytest
from hand_off_for_tests import ask, started
from kernels_for_tests import echo, turns

import pydotcompute
from pydotcompute import RingKernelRuntime, message
from pydotcompute.exceptions import QueueEmptyError, QueueTimeoutError

hand_offs = pytest.mark.parametrize("hand_off", [True, False])


OURS = str(Path(pydotcompute.__file__).parent), __file__


class Struck(BaseException):
    """As KeyboardInterrupt, but nobody in asyncio knows it."""


class StrikesAt:
    """Raises at the n-th point at which Python looks for signals in the code of package and kernel.

    Such are the beginnings of Python functions, but not where coroutines go on, and the ends of C
    functions.
    """

    def __init__(self, point, sparing):
        self.left = point
        self.sparing = sparing
        self.has_struck = False

    def __call__(self, frame, event, _argument):
        code = frame.f_code
        is_start = event == "call" and not code.co_flags & inspect.CO_COROUTINE
        if (is_start or event == "c_return") and code.co_filename.startswith(OURS):
            if asyncio.current_task() in self.sparing:
                return
            self.left -= 1
            if self.left == 0:
                self.has_struck = True
                raise Struck


async def struck_at_every_point(call, afterwards, sparing=()):
    """Make a call again and again, struck one point later each time, until it gets through."""
    for point in itertools.count(1):
        striking = StrikesAt(point, sparing)
        sys.setprofile(striking)
        try:
            await call()
        except Struck:
            assert striking.has_struck
        finally:
            sys.setprofile(None)
        await asyncio.wait_for(afterwards(), 10)
        if not striking.has_struck:
            assert point > 3
            return


async def tough(ctx):
    """Answer each message, and say so where that was struck: whoever waits for it waits no more."""
    while True:
        try:
            while True:
                await ctx.send(await ctx.receive())
        except Struck:
            await ctx.send("struck")


async def late(ctx):
    """Do so, but not in a caller's step."""
    while True:
        try:
            await echo_late(ctx)
        except Struck:
            await ctx.send("struck")


async def echo_late(ctx):
    while True:
        received = await ctx.receive()
        await turns(2)
        await ctx.send(received)


async def forgetful(ctx):
    """Answer each message, and go on as if nothing had been where that was struck."""
    while True:
        try:
            await echo_late(ctx)
        except Struck:
            continue


@message
class Numbered:
    number: int = 0


def receive_all(runtime):
    replies = []
    while True:
        try:
            replies.append(runtime.receive_nowait("k"))
        except QueueEmptyError:
            return replies


async def check_rest(runtime):
    """Nobody is left in line, what is there can be had, and all numbers agree."""
    await turns(6)
    receive_all(runtime)
    me, shown = asyncio.current_task(), runtime.get_telemetry("k")
    assert (shown.queue_depth, shown.in_flight, shown.output_depth) == (0, 0, 0)
    assert shown.messages_received == shown.messages_processed + shown.messages_unanswered
    assert shown.messages_sent == shown.replies_received
    assert await ask(runtime, "again") == "again"
    assert asyncio.current_task() is me


CALLS = {
    "ask": ask,
    "ask in time": lambda runtime, sent: ask(runtime, sent, timeout=30),
    "send_and_receive": lambda runtime, sent: runtime.send_and_receive("k", sent),
    "correlated": lambda runtime, sent: runtime.send_and_receive("k", Numbered(number=sent)),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("kernel", [tough, late])
@hand_offs
async def test_a_struck_exchange_leaves_kernel_and_caller_at_work(call, kernel, hand_off):
    async with RingKernelRuntime(enable_telemetry=True, hand_off=hand_off) as runtime:
        await started(runtime, kernel)
        await struck_at_every_point(lambda: call(runtime, 1), lambda: check_rest(runtime))


@pytest.mark.parametrize("kernel", [tough, late])
@hand_offs
async def test_who_waits_behind_a_struck_receiver_gets_what_that_one_left(kernel, hand_off):
    async with RingKernelRuntime(enable_telemetry=True, hand_off=hand_off) as runtime:
        await started(runtime, kernel)
        behind = []

        async def call():
            behind.append(asyncio.create_task(runtime.receive("k")))
            await ask(runtime, 1)

        async def afterwards():
            await turns(8)
            for waiting in behind:
                assert waiting.done() or runtime.get_telemetry("k").output_depth == 0
                await runtime.send("k", 2)
                await asyncio.wait([waiting])
                waiting.exception()
            behind.clear()
            await check_rest(runtime)

        await struck_at_every_point(call, afterwards)


@hand_offs
async def test_a_reply_behind_which_its_kernel_is_struck_reaches_who_waits(hand_off):
    async with RingKernelRuntime(enable_telemetry=True, hand_off=hand_off) as runtime:
        await started(runtime, forgetful)
        waiting = []

        async def call():
            waiting.append(asyncio.create_task(runtime.receive("k")))
            await turns(2)
            await runtime.send("k", 1)
            await turns(8)

        async def afterwards():
            (receiving,) = waiting
            shown = runtime.get_telemetry("k")
            assert receiving.done() is (shown.messages_sent == shown.messages_received)
            receiving.cancel()
            await asyncio.wait(waiting)
            waiting.clear()
            await check_rest(runtime)
            runtime.reset_telemetry("k")

        me = asyncio.current_task()
        await struck_at_every_point(call, afterwards, [me])


@hand_offs
async def test_who_waits_behind_a_struck_sender_gets_the_room_that_one_left(hand_off):
    async with RingKernelRuntime(enable_telemetry=True, hand_off=hand_off) as runtime:
        await started(runtime, tough, queue_size=1, output_queue_size=16)
        behind = []

        async def prepare():
            await runtime.deactivate("k")
            await runtime.send("k", 1)

        async def call():
            behind.append(asyncio.create_task(runtime.send("k", 3)))
            behind.append(asyncio.create_task(runtime.reactivate("k")))
            await runtime.send("k", 2)

        async def afterwards():
            await turns(3)
            if runtime.get_state("k") == "deactivated":
                await runtime.reactivate("k")
            await asyncio.gather(*behind)
            behind.clear()
            await check_rest(runtime)
            await prepare()

        await prepare()
        await struck_at_every_point(call, afterwards, behind)


@hand_offs
async def test_a_kernel_that_waits_for_room_gets_what_a_struck_receiver_made(hand_off):
    async with RingKernelRuntime(enable_telemetry=True, hand_off=hand_off) as runtime:
        await started(runtime, echo, output_queue_size=1)

        async def prepare():
            await runtime.send_batch("k", range(3))
            await turns()
            assert runtime.get_telemetry("k").in_flight == 1

        async def afterwards():
            await turns()
            shown = runtime.get_telemetry("k")
            assert (shown.output_depth, shown.queue_depth + shown.in_flight) in ((1, 1), (1, 2))
            while runtime.get_telemetry("k").output_depth:
                receive_all(runtime)
                await turns()
            await check_rest(runtime)
            await prepare()

        await prepare()
        kernel = asyncio.all_tasks() - {asyncio.current_task()}
        await struck_at_every_point(lambda: runtime.receive("k"), afterwards, kernel)
        await runtime.terminate_all(timeout=0)


@hand_offs
async def test_a_struck_wait_leaves_its_deadline_to_no_later_one(hand_off):
    async with RingKernelRuntime(enable_telemetry=True, hand_off=hand_off) as runtime:

        async def patient(ctx):
            is_late = False
            while True:
                try:
                    if await ctx.receive() == "wait":
                        is_late = True
                        await ctx.receive(timeout=0.005)
                except QueueTimeoutError:
                    assert is_late
                except Struck:
                    is_late = False

        await started(runtime, patient, replies=False)

        async def call():
            await runtime.send("k", "wait")
            await turns()

        async def afterwards():
            with pytest.raises(QueueTimeoutError):
                await runtime.receive("k", timeout=0.01)
            assert runtime.get_state("k") == "active"

        await struck_at_every_point(call, afterwards, [asyncio.current_task()])
