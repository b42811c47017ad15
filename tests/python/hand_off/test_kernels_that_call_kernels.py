"""Kernels call each other, in chains and in circles, and are paused and ended where they stand."""

import asyncio

import pytest
from hand_off_for_tests import ask, both, each, outcome, started
from kernels_for_tests import counts, echo, turns

from pydotcompute import KernelState, RingKernelRuntime


@pytest.mark.parametrize("length", [2, 8, 9, 20])
def test_a_chain_of_kernels_answers_however_long_it_is(length):
    async def scenario(runtime):
        def link(number):
            async def kernel(ctx):
                while True:
                    message = await ctx.receive()
                    await ctx.send(await ask(runtime, message + 1, f"k{number + 1}"))

            return kernel

        for number in range(length):
            await started(runtime, link(number), f"k{number}")
        await started(runtime, echo, f"k{length}")
        return [await ask(runtime, n, "k0") for n in range(50)]

    assert both(scenario) == [n + length for n in range(50)]


def test_kernels_may_call_each_other_in_a_circle():
    async def scenario(runtime):
        async def ping(ctx):
            while True:
                left = await ctx.receive()
                if left:
                    await runtime.send("pong", left - 1)
                else:
                    await ctx.send("done")

        async def pong(ctx):
            while True:
                await runtime.send("ping", await ctx.receive())

        await started(runtime, ping, "ping")
        await started(runtime, pong, "pong", replies=False)
        return [await ask(runtime, n, "ping") for n in (0, 1, 2, 500)]

    assert both(scenario) == ["done"] * 4


def test_a_kernel_that_waits_for_itself_in_a_circle_runs_out_of_time_alone():
    async def scenario(runtime):
        async def first(ctx):
            while True:
                message = await ctx.receive()
                await ctx.send(await outcome(ask(runtime, message, "second", timeout=0.2)))

        async def second(ctx):
            while True:
                message = await ctx.receive()
                if message == "circle":
                    await outcome(ask(runtime, "inner", "first", timeout=0.02))
                await ctx.send(message)

        await started(runtime, first, "first")
        await started(runtime, second, "second")
        return await ask(runtime, "circle", "first", timeout=5)

    assert both(scenario) == "circle"


def test_a_kernel_that_sends_to_itself_gets_its_own_message():
    async def scenario(runtime):
        async def selfish(ctx):
            while True:
                message = await ctx.receive()
                if message > 0:
                    runtime.send_nowait("k", message - 1)
                else:
                    await ctx.send("done")

        await started(runtime, selfish)
        return [await ask(runtime, n) for n in range(5)]

    assert both(scenario) == ["done"] * 5


def test_a_deactivated_kernel_is_not_run_by_its_callers():
    async def scenario(runtime):
        await started(runtime)
        await ask(runtime, 0)
        await runtime.deactivate("k")
        await runtime.send("k", 1)
        late = await outcome(runtime.receive("k", timeout=0.01))
        await runtime.reactivate("k")
        return late[0], await runtime.receive("k", timeout=5), await ask(runtime, 2)

    assert both(scenario) == ("QueueTimeoutError", 1, 2)


def test_a_kernel_may_deactivate_and_end_itself_in_a_callers_step():
    async def scenario(runtime):
        async def moody(ctx):
            while True:
                message = await ctx.receive()
                if message == "pause":
                    await runtime.deactivate("k")
                if message == "end":
                    ctx.request_termination()
                await ctx.send(message)

        await started(runtime, moody)
        seen = [await ask(runtime, "pause")]
        await runtime.send("k", "after")
        seen.append((await outcome(runtime.receive("k", timeout=0)))[0])
        await runtime.reactivate("k")
        seen.append(await runtime.receive("k", timeout=5))
        seen.append(await ask(runtime, "end"))
        seen.append((await outcome(runtime.receive("k", timeout=5)))[0])
        await turns()
        return seen, runtime.get_state("k")

    seen, state = both(scenario)
    assert seen == ["pause", "QueueTimeoutError", "after", "end", "KernelStateError"]
    assert state is KernelState.TERMINATED


@pytest.mark.parametrize("drain", [False, True])
def test_a_parked_kernel_is_terminated(drain):
    async def scenario(runtime):
        await started(runtime)
        await ask(runtime, 1)
        await runtime.send("k", 2)
        await runtime.terminate("k", drain=drain)
        return runtime.get_state("k"), await runtime.receive("k"), counts(runtime)

    assert both(scenario)[:2] == (KernelState.TERMINATED, 2)


def test_a_caller_may_terminate_a_kernel_from_within_its_step():
    async def scenario(runtime):
        async def ending_another(ctx):
            await ctx.receive()
            await runtime.terminate("other")
            await ctx.send(runtime.get_state("other"))

        await started(runtime, echo, "other")
        await started(runtime, ending_another)
        return await ask(runtime, 1, timeout=5)

    assert both(scenario) is KernelState.TERMINATED


def test_a_kernel_blocked_on_its_output_goes_on_when_there_is_room():
    async def scenario(runtime):
        async def many(ctx):
            while True:
                for number in range(await ctx.receive()):
                    await ctx.send(number)

        await started(runtime, many, output_queue_size=2)
        await runtime.send("k", 50)
        return [await runtime.receive("k") for _ in range(50)]

    assert both(scenario) == list(range(50))


def test_a_receive_that_is_never_awaited_warns():
    async def scenario(runtime):
        async def careless(ctx):
            await ctx.receive()
            with pytest.warns(RuntimeWarning, match=r"KernelContext\.receive' was never awaited"):
                ctx.receive()
            await ctx.send("warned")

        await started(runtime, careless)
        return await ask(runtime, 1)

    assert both(scenario) == "warned"


def test_a_receive_is_awaited_once_and_closed_at_any_time():
    async def scenario(runtime):
        async def curious(ctx):
            first = ctx.receive()
            await first
            told = [await outcome(first)]
            fresh = ctx.receive()
            fresh.close()
            told.append(await outcome(fresh))
            waiting = ctx.receive()
            waiting.send(None)
            waiting.close()
            told.append(await outcome(waiting))
            await ctx.send(told)
            await echo(ctx)

        await started(runtime, curious)
        return await ask(runtime, 1), await ask(runtime, 2)

    again = ("RuntimeError", "cannot reuse already awaited coroutine")
    assert both(scenario) == ([again] * 3, 2)


async def test_the_portal_wakes_a_parked_kernel():
    async with RingKernelRuntime() as runtime:
        await started(runtime)
        await ask(runtime, 0)
        await turns()
        portal = runtime.portal()
        for number in range(20):
            assert await asyncio.to_thread(portal.send_and_receive, "k", number) == number


def test_messages_that_call_the_runtime_while_they_are_checked_are_not_lost():
    async def scenario(runtime):
        called = []

        class Kind(type):
            def __instancecheck__(cls, instance):
                if instance == "outer" and not called:
                    called.append(True)
                    runtime.send_nowait("k", "inner")
                return True

        class Anything(metaclass=Kind):
            pass

        await started(runtime, echo, input_type=Anything)
        await runtime.send("k", "outer")
        got = [await runtime.receive("k", timeout=5) for _ in range(2)]
        return sorted(got)

    assert [seen for seen, *_ in each(scenario)] == [["inner", "outer"]] * 2
