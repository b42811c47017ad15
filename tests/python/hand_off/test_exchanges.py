"""A caller of send_and_receive() runs the kernel too, and gets the reply that it would without."""

import asyncio

import pytest
from hand_off_for_tests import both, outcome, started
from kernels_for_tests import turns

from pydotcompute import RingKernelRuntime, message


@message
class Question:
    number: int = 0


@message
class Answer:
    number: int = 0


async def answer(ctx):
    while True:
        question = await ctx.receive()
        await ctx.send(question.reply(Answer, number=-question.number))


async def negate(ctx):
    while True:
        await ctx.send(-await ctx.receive())


async def ask(runtime, number, **timeout):
    return await runtime.send_and_receive("k", Question(number=number), **timeout)


@pytest.mark.parametrize("hand_off", [True, False])
@pytest.mark.parametrize(("kernel", "sent"), [(negate, 1), (answer, Question(number=1))])
async def test_a_reply_comes_without_a_turn_of_the_loop_where_kernels_are_handed_off(
    kernel, sent, hand_off
):
    async with RingKernelRuntime(hand_off=hand_off) as runtime:
        await started(runtime, kernel)
        turned = []
        asyncio.get_running_loop().call_soon(turned.append, True)  # noqa: FBT003
        reply = await runtime.send_and_receive("k", sent, timeout=5)
        assert (reply if sent == 1 else reply.number) == -1
        assert turned == [True] * (not hand_off)


def test_a_thousand_in_a_row_get_their_own_replies():
    async def scenario(runtime):
        await started(runtime, answer)
        return [(await ask(runtime, number)).number for number in range(1000)]

    assert both(scenario) == [-number for number in range(1000)]


def test_callers_at_once_get_their_own_replies():
    async def scenario(runtime):
        async def backwards(ctx):
            while True:
                for question in reversed(await ctx.receive_batch(10)):
                    await ctx.send(question.reply(Answer, number=-question.number))

        await started(runtime, backwards)
        answers = await asyncio.gather(*(ask(runtime, number) for number in range(50)))
        return [each.number for each in answers]

    assert both(scenario) == [-number for number in range(50)]


def test_a_reply_to_another_message_is_left_to_whoever_receives():
    async def scenario(runtime):
        before = []

        async def late(ctx):
            before.append(await ctx.receive())
            while True:
                question = await ctx.receive()
                await ctx.send(before[0].reply(Answer, number=0))
                await ctx.send(question.reply(Answer, number=-question.number))

        await started(runtime, late)
        await runtime.send("k", Question(number=0))
        await turns()
        first = await ask(runtime, 1, timeout=5)
        return first.number, (await runtime.receive("k")).number, before[0].number

    assert both(scenario) == (-1, 0, 0)


def test_a_message_without_an_id_gets_no_more_than_the_oldest_reply():
    async def scenario(runtime):
        question = Question(number=5)

        async def strays(ctx):
            while True:
                await ctx.send(question.reply(Answer, number=await ctx.receive()))

        await started(runtime, strays)
        await runtime.send("k", 1)
        await turns()
        first = await runtime.send_and_receive("k", 2)
        return first.number, (await runtime.receive("k")).number

    assert both(scenario) == (1, 2)


@pytest.mark.parametrize("sent", [1, Question(number=1)])
def test_a_caller_that_the_kernel_cancels_hears_of_it_and_leaves_the_reply(sent):
    async def scenario(runtime):
        callers = []

        async def treacherous(ctx):
            while True:
                received = await ctx.receive()
                callers[0].cancel("by the kernel")
                await ctx.send("reply")
                del received

        await started(runtime, treacherous)
        callers.append(asyncio.create_task(runtime.send_and_receive("k", sent)))
        seen = await outcome(callers[0])
        return seen, runtime.receive_nowait("k")

    assert both(scenario) == (("CancelledError", "by the kernel"), "reply")


def test_a_kernel_that_makes_its_caller_wait_elsewhere_answers_later():
    async def scenario(runtime):
        async def slow(ctx):
            while True:
                question = await ctx.receive()
                await turns(2)
                await ctx.send(question.reply(Answer, number=-question.number))

        await started(runtime, slow)
        numbers = [(await ask(runtime, number)).number for number in range(20)]
        late = await outcome(ask(runtime, 20, timeout=0))
        await turns()
        return numbers, late[0], runtime.receive_nowait("k").number

    assert both(scenario) == ([-number for number in range(20)], "QueueTimeoutError", -20)
