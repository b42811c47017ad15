"""Several callers at one kernel: each gets the reply to its own message."""

import asyncio
import random

import pytest
from kernels_for_tests import echo, start_puppet, turns

from pydotcompute import RingKernelRuntime, message
from pydotcompute.exceptions import (
    KernelExecutionError,
    KernelFailedError,
    KernelStateError,
    QueueFullTimeoutError,
    QueueTimeoutError,
)
from pydotcompute.testing import wait_until_idle


@message
class Ask:
    number: int


@message
class Answer:
    number: int


async def backwards(ctx):
    """Answer each batch in the opposite order."""
    while True:
        for ask in reversed(await ctx.receive_batch(100)):
            await ctx.send(ask.reply(Answer, number=ask.number))


def invert(ask):
    return ask.reply(Answer, number=12 // ask.number)


@pytest.fixture
async def runtime():
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        yield runtime
        await runtime.terminate_all(timeout=0)


async def start(runtime, kernel, **options):
    await runtime.launch("k", kernel, **options)
    await runtime.activate("k")


async def ask(runtime, number, **options):
    return (await runtime.send_and_receive("k", Ask(number), **options)).number


async def test_one_caller_gets_its_reply(runtime):
    await start(runtime, echo)
    assert [await runtime.send_and_receive("k", number) for number in range(3)] == [0, 1, 2]
    assert await runtime.send_and_receive("k", Ask(4)) == Ask(4)


async def test_replies_out_of_order_go_to_those_who_asked(runtime):
    await start(runtime, backwards)
    numbers = range(20)
    assert await asyncio.gather(*(ask(runtime, number) for number in numbers)) == list(numbers)


async def test_a_plain_receiver_that_waits_first_does_not_get_an_awaited_reply(runtime):
    await start(runtime, echo)
    plain = asyncio.create_task(runtime.receive("k"))
    await asyncio.sleep(0)

    async def answers(ctx):
        first = await ctx.receive()
        await ctx.send(first.reply(Answer, number=1))
        await ctx.send("for anybody")
        await ctx.receive()

    await runtime.terminate("k")
    await asyncio.wait([plain])
    plain.exception()
    await start(runtime, answers)
    plain = asyncio.create_task(runtime.receive("k"))
    await asyncio.sleep(0)
    assert await ask(runtime, 0) == 1
    assert await plain == "for anybody"


async def test_replies_without_correlation_go_in_order(runtime):
    await start(runtime, lambda ask: ask.number)
    replies = await asyncio.gather(*(runtime.send_and_receive("k", Ask(n)) for n in range(10)))
    assert replies == list(range(10))


async def test_a_handlers_error_goes_to_the_caller_whose_message_it_was(runtime):
    await start(runtime, invert)
    outcomes = await asyncio.gather(
        *(ask(runtime, number) for number in (1, 0, 2, 0, 3)), return_exceptions=True
    )
    assert [outcomes[at] for at in (0, 2, 4)] == [12, 6, 4]
    for at in (1, 3):
        assert isinstance(outcomes[at], KernelExecutionError)
        assert isinstance(outcomes[at].__cause__, ZeroDivisionError)


async def test_a_reply_to_a_caller_that_gave_up_is_for_receivers(runtime):
    await runtime.launch("k", backwards)
    gone = asyncio.create_task(ask(runtime, 1))
    stays = asyncio.create_task(ask(runtime, 2))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    await runtime.activate("k")
    assert await stays == 2
    assert (await runtime.receive("k")).number == 1


async def test_a_reply_whose_caller_has_gone_is_for_receivers_and_holds_nobody_up(runtime):
    await start(runtime, invert)
    await runtime.send("k", Ask(4))  # answered, and awaited by nobody
    assert await asyncio.gather(*(ask(runtime, number) for number in (1, 2, 3))) == [12, 6, 4]
    assert (await runtime.receive("k")).number == 3


async def test_a_receiver_behind_a_caller_gets_the_reply_that_nobody_expects(runtime):
    ctx = (await start_puppet(runtime)).ctx
    caller = asyncio.create_task(ask(runtime, 1))
    await turns()
    receiver = asyncio.create_task(runtime.receive("k"))
    await turns()
    stray = Ask(2).reply(Answer, number=2)
    await ctx.send(stray)
    await turns()
    assert receiver.done()
    assert await receiver is stray
    await ctx.send((await ctx.receive()).reply(Answer, number=1))
    assert await caller == 1


async def test_a_receiver_that_comes_behind_a_caller_gets_the_reply_that_lies_there(runtime):
    ctx = (await start_puppet(runtime)).ctx
    caller = asyncio.create_task(ask(runtime, 1))
    await turns()
    stray = Ask(2).reply(Answer, number=2)
    await ctx.send(stray)
    await turns()
    assert await runtime.receive("k", timeout=5.0) is stray
    await ctx.send("for whoever came first")
    with pytest.raises(AttributeError):
        await caller


async def test_a_batch_behind_a_caller_leaves_it_the_reply_that_is_its_turn(runtime):
    ctx = (await start_puppet(runtime)).ctx
    caller = asyncio.create_task(runtime.send_and_receive("k", Ask(1)))
    batch = asyncio.create_task(runtime.receive_batch("k", 10))
    await turns()
    stray = Ask(2).reply(Answer, number=2)
    await ctx.send(stray)
    await asyncio.sleep(0)
    await ctx.send("in order")
    async with asyncio.timeout(5):
        assert await batch == [stray]
        assert await caller == "in order"


async def test_replies_without_correlation_pass_one_that_nobody_expects(runtime):
    await start(runtime, lambda asked: invert(asked) if asked.number == 0 else asked.number)
    await runtime.send("k", Ask(0))
    replies = await asyncio.wait_for(
        asyncio.gather(*(runtime.send_and_receive("k", Ask(n)) for n in (1, 2, 3))), 5
    )
    assert replies == [1, 2, 3]
    with pytest.raises(KernelExecutionError):
        await runtime.receive("k")


@pytest.mark.parametrize("fails", [False, True])
async def test_a_reply_that_nobody_expects_hides_the_kernels_end_from_no_caller(
    runtime, fails, caplog
):
    caplog.set_level("CRITICAL", logger="pydotcompute")
    puppet = await start_puppet(runtime)
    callers = [asyncio.create_task(ask(runtime, number)) for number in range(3)]
    await turns()
    await puppet.ctx.send(Ask(4).reply(Answer, number=4))
    puppet.error = ValueError() if fails else None
    puppet.freed.set()
    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*callers, return_exceptions=True)
    expected = KernelFailedError if fails else KernelStateError
    assert [type(outcome) for outcome in outcomes] == [expected] * 3
    assert (await runtime.receive("k")).number == 4


async def test_a_caller_that_gives_up_after_one_turn_leaves_its_reply_to_who_waits(runtime):
    ctx = (await start_puppet(runtime)).ctx
    first, second = (asyncio.create_task(runtime.receive("k")) for _ in range(2))
    await turns()
    first.cancel()  # which wakes the second, before the caller below gives up
    asked = Ask(1)
    caller = asyncio.create_task(runtime.send_and_receive("k", asked, timeout=0))

    async def answer_at_once():
        await ctx.send((await ctx.receive()).reply(Answer, number=1))

    answering = asyncio.create_task(answer_at_once())
    with pytest.raises(QueueTimeoutError):
        await caller
    await answering
    await turns()
    assert second.done()
    assert (await second).number == 1


class LateReply:
    """A kernel's mailbox in which a reply appears just after somebody found none."""

    def __init__(self, core, reply):
        self.core = core
        self.reply = reply

    def __getattr__(self, name):
        return getattr(self.core, name)

    def peek_reply(self):
        found = self.core.peek_reply()
        if self.reply is not None:
            late, self.reply = self.reply, None
            self.core.reply(late)
        return found


async def test_a_reply_that_a_thread_makes_just_now_is_not_given_to_whoever_looked(runtime):
    await start_puppet(runtime)
    asked = [Ask(number) for number in (1, 2)]
    callers = [asyncio.create_task(runtime.send_and_receive("k", one)) for one in asked]
    await turns()
    mailbox = runtime._kernels["k"].mailbox
    mailbox._core = LateReply(mailbox._core, asked[1].reply(Answer, number=2))
    mailbox._output_ready.wake_next()
    await turns()
    assert not callers[0].done()
    mailbox._output_ready.wake_next()  # as whoever made the reply does
    async with asyncio.timeout(5):
        assert (await callers[1]).number == 2
    callers[0].cancel()


async def test_two_callers_that_sent_one_message_get_a_reply_each(runtime):
    await start(runtime, echo)
    asked = Ask(5)
    both = await asyncio.gather(*(runtime.send_and_receive("k", asked) for _ in range(2)))
    assert both == [asked, asked]


async def test_a_batch_stops_before_a_reply_that_is_awaited(runtime):
    await start(runtime, backwards)
    await runtime.deactivate("k")
    awaited = asyncio.create_task(ask(runtime, 2))
    await asyncio.sleep(0)
    await runtime.send_batch("k", [Ask(3)])
    batch = asyncio.create_task(runtime.receive_batch("k", 10))
    await runtime.reactivate("k")
    assert [reply.number for reply in await batch] == [3]
    assert await awaited == 2


@pytest.mark.parametrize("timeout", [0, 0.01])
async def test_no_reply_in_time_leaves_the_message_accepted(runtime, timeout):
    await runtime.launch("k", echo)
    with pytest.raises(QueueTimeoutError):
        await ask(runtime, 1, timeout=timeout)
    await runtime.activate("k")
    await wait_until_idle(runtime)
    assert await runtime.receive("k") == Ask(1)


async def test_no_room_in_time_sends_nothing(runtime):
    await runtime.launch("k", echo, queue_size=1)
    runtime.send_nowait("k", 0)
    for asked in (1, Ask(1)):
        with pytest.raises(QueueFullTimeoutError):
            await runtime.send_and_receive("k", asked, timeout=0.01)
    assert runtime.get_telemetry("k").messages_received == 1


async def test_a_kernel_that_fails_tells_every_caller(runtime, caplog):
    caplog.set_level("CRITICAL", logger="pydotcompute")

    async def fails(ctx):
        await ctx.receive()
        raise ValueError

    await start(runtime, fails)
    outcomes = await asyncio.gather(*(ask(runtime, n) for n in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [KernelFailedError] * 3


async def test_hundreds_of_callers_with_random_cancellations_lose_nothing(runtime):
    await start(runtime, backwards, queue_size=5, output_queue_size=3)
    dice = random.Random(7)  # noqa: S311 - reproducible, not secret
    callers = [asyncio.create_task(ask(runtime, number)) for number in range(400)]
    cancelled = []
    for number in range(0, 400, 7):
        for _ in range(dice.randrange(4)):
            await asyncio.sleep(0)
        if callers[number].cancel():
            cancelled.append(number)
    # Those cancelled while they waited left a reply that nobody awaits.
    strays = asyncio.create_task(collect_strays(runtime))
    for number, outcome in enumerate(await asyncio.gather(*callers, return_exceptions=True)):
        assert outcome == number or number in cancelled
    await wait_until_idle(runtime)
    strays.cancel()
    await asyncio.wait([strays])
    t = runtime.get_telemetry("k")
    assert t.messages_received == t.messages_processed == t.messages_sent
    assert t.replies_received + t.output_depth == t.messages_sent


async def collect_strays(runtime):
    while True:
        await runtime.receive("k", timeout=5.0)
