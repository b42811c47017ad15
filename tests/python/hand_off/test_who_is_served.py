"""A caller runs the kernel it waits for, but not to the cost of anybody else."""

import asyncio

import pytest
from hand_off_for_tests import ask, both, is_run_by_a_caller, started
from kernels_for_tests import turns

from pydotcompute import RingKernelRuntime, message


@message
class Question:
    pass


async def where(ctx):
    """Answer whether a caller runs this kernel."""
    while True:
        await ctx.receive()
        await ctx.send(is_run_by_a_caller())


@pytest.mark.parametrize("hand_off", [True, False])
async def test_a_reply_comes_without_a_turn_of_the_loop_where_kernels_are_handed_off(hand_off):
    async with RingKernelRuntime(hand_off=hand_off) as runtime:
        await started(runtime, where)
        turned = []
        asyncio.get_running_loop().call_soon(turned.append, True)  # noqa: FBT003
        assert await ask(runtime, 1) is hand_off
        assert turned == [True] * (not hand_off)


@pytest.mark.parametrize("form", ["def", "async def"])
async def test_handlers_are_handed_off(form):
    def handle(message):
        return is_run_by_a_caller()

    async def handle_async(message):
        return is_run_by_a_caller()

    async with RingKernelRuntime(hand_off=True) as runtime:
        handler = handle if form == "def" else handle_async
        await started(runtime, handler, form="handler")
        assert await ask(runtime, 1) is True


def test_everybody_else_gets_turns_while_one_caller_asks_without_a_pause():
    async def scenario(runtime):
        await started(runtime)
        turned = 0

        async def bystander():
            nonlocal turned
            while True:
                turned += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(bystander())
        for number in range(2000):
            assert await ask(runtime, number) == number
        task.cancel()
        await asyncio.wait([task])
        return turned >= 2000 // 128

    assert both(scenario)


def test_a_kernel_that_asks_another_without_a_pause_leaves_turns_too():
    async def scenario(runtime):
        async def asking(ctx):
            await ctx.receive()
            await ctx.send(sum([await ask(runtime, 1, "echo") for _ in range(1000)]))

        await started(runtime, kernel_id="echo")
        await started(runtime, asking)
        ticks = []

        async def bystander():
            for _ in range(5):
                ticks.append(1)
                await asyncio.sleep(0)

        task = asyncio.create_task(bystander())
        total = await ask(runtime, "go")
        await task
        return total, len(ticks)

    assert both(scenario) == (1000, 5)


def test_sixty_four_callers_at_once_all_get_on():
    async def scenario(runtime):
        await started(runtime)
        finished = []

        async def caller(number):
            for _ in range(40):
                await ask(runtime, number)
            finished.append(number)

        await asyncio.gather(*map(caller, range(64)))
        return sorted(finished)

    assert both(scenario) == list(range(64))


@pytest.mark.parametrize("sent", [1, Question()])
def test_nobody_overtakes_who_sends_and_receives_and_has_used_up_its_share(sent):
    async def scenario(runtime):
        replied = 0

        async def count(ctx):
            nonlocal replied
            while True:
                await ctx.receive()
                replied += 1
                await ctx.send(replied)

        await started(runtime, count)
        laters, answers = [], []
        for _ in range(300):  # more than callers may ask for between two turns
            laters.append(asyncio.create_task(runtime.receive("k")))  # begins at the next turn
            answers.append(await runtime.send_and_receive("k", sent, timeout=5))
            laters[-1].cancel()
        await asyncio.wait(laters)
        return answers == list(range(1, 301)), {later.cancelled() for later in laters}

    assert both(scenario) == (True, {True})


@pytest.mark.parametrize("hand_off", [True, False])
async def test_nobody_is_overtaken_for_long_who_has_used_up_its_share(hand_off):
    asked = 0

    async def in_a_hurry(runtime):
        nonlocal asked
        while asked < 1_000_000:
            asked += 1
            await ask(runtime, 0)

    async with RingKernelRuntime(hand_off=hand_off) as runtime:
        await started(runtime)
        rivals = [asyncio.create_task(in_a_hurry(runtime)) for _ in range(3)]
        for number in range(20):
            await asyncio.sleep(0)
            before = asked
            await ask(runtime, number)
            assert asked - before <= 4 * 3 * 128
        for rival in rivals:
            rival.cancel()
        await asyncio.wait(rivals)


def test_callers_of_many_kernels_share_what_may_be_done_in_one_turn():
    async def scenario(runtime):
        names = [f"k{number}" for number in range(8)]
        for name in names:
            await started(runtime, kernel_id=name)

        async def caller(name):
            return [await ask(runtime, number, name) for number in range(300)]

        replies = await asyncio.gather(*map(caller, names))
        return all(row == list(range(300)) for row in replies)

    assert both(scenario)


def test_nothing_is_lost_where_a_caller_has_used_up_its_share():
    async def scenario(runtime):
        await started(runtime, queue_size=4, output_queue_size=2)
        sender = asyncio.create_task(runtime.send_batch("k", range(1000)))
        replies = [await runtime.receive("k") for _ in range(1000)]
        return replies == list(range(1000)), await sender

    assert both(scenario) == (True, 1000)


def test_a_share_used_up_in_a_loop_that_was_closed_is_no_burden_to_the_next():
    async def use_up():
        async with RingKernelRuntime() as runtime:
            await started(runtime)
            for number in range(129):
                await ask(runtime, number)

    async def ask_again():
        async with RingKernelRuntime() as runtime:
            await started(runtime)
            return [await ask(runtime, number) for number in range(300)]

    for _ in range(5):
        asyncio.run(use_up())
        assert asyncio.run(ask_again()) == list(range(300))


def test_a_one_try_receive_leaves_a_turn_and_may_find_nothing():
    async def scenario(runtime):
        async def slow(ctx):
            while True:
                message = await ctx.receive()
                await turns(5)
                await ctx.send(message)

        await started(runtime, slow)
        await runtime.send("k", 1)
        with pytest.raises(TimeoutError):
            await runtime.receive("k", timeout=0)
        return await runtime.receive("k", timeout=5)

    assert both(scenario) == 1
