"""Cancellations reach whom they mean, at the place where they would without hand-off."""

import asyncio
import sys

import pytest
from hand_off_for_tests import ask, both, each, outcome, started
from kernels_for_tests import echo, turns


def kernel_task():
    """Find the task of the one kernel."""
    (task,) = [task for task in asyncio.all_tasks() if "TaskExecution" in repr(task)]
    return task


def test_a_caller_that_is_cancelled_while_it_waits_takes_nothing():
    async def scenario(runtime):
        async def slow(ctx):
            while True:
                message = await ctx.receive()
                await turns(3)
                await ctx.send(message)

        await started(runtime, slow)
        seen = []
        for turns_before in range(1, 9):
            asking = asyncio.create_task(outcome(ask(runtime, turns_before)))
            await turns(turns_before)
            asking.cancel()
            seen.append(await outcome(asking))
        await turns(40)
        taken = sum(not isinstance(answer, tuple) for answer in seen)
        left = runtime.get_telemetry("k").output_depth
        return runtime.get_telemetry("k").messages_sent == taken + left, len(seen)

    assert [seen for seen, *_ in each(scenario)] == [(True, 8)] * 2


def test_a_kernel_may_cancel_its_caller_which_hears_of_it_before_it_takes_the_reply():
    async def scenario(runtime):
        callers = []

        async def treacherous(ctx):
            while True:
                message = await ctx.receive()
                callers[0].cancel("by the kernel")
                await ctx.send(message)

        await started(runtime, treacherous)
        callers.append(asyncio.create_task(ask(runtime, 1)))
        seen = await outcome(callers[0])
        return seen, callers[0].cancelled(), runtime.receive_nowait("k")

    assert both(scenario) == (("CancelledError", "by the kernel"), True, 1)


def test_a_caller_that_a_kernel_cancelled_may_go_on():
    async def scenario(runtime):
        async def treacherous(ctx):
            while True:
                message = await ctx.receive()
                if message == 1:
                    me[0].cancel()
                await ctx.send(message)

        await started(runtime, treacherous)
        me = [asyncio.current_task()]
        first = await outcome(ask(runtime, 1))
        me[0].uncancel()
        return first[0], await runtime.receive("k"), await ask(runtime, 2)

    assert both(scenario) == ("CancelledError", 1, 2)


def test_a_caller_that_cancelled_itself_hears_of_it_where_it_would_have_to_wait():
    async def scenario(runtime):
        await started(runtime)

        async def caller():
            await runtime.send("k", 1)
            asyncio.current_task().cancel()
            return await runtime.receive("k")

        seen = await outcome(asyncio.create_task(caller()))
        return seen[0], await runtime.receive("k")

    assert both(scenario) == ("CancelledError", 1)


WAITS = {
    "receive": lambda ctx: ctx.receive(),
    "sleep": lambda _: asyncio.sleep(0),
    "a future": lambda _: asyncio.get_running_loop().create_future(),
    "a task": lambda _: asyncio.create_task(asyncio.Event().wait()),
    "gather": lambda ctx: asyncio.gather(ctx.receive(), asyncio.Event().wait()),
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
@pytest.mark.parametrize("is_taken_back", [False, True])
def test_a_kernel_that_cancels_itself_hears_of_it_where_it_suspends_next(wait, is_taken_back):
    async def scenario(runtime):
        seen = []

        async def suicidal(ctx):
            await ctx.receive()
            asyncio.current_task().cancel("myself")
            if is_taken_back:
                asyncio.current_task().uncancel()
            try:
                async with asyncio.timeout(0.01):
                    await wait(ctx)
                seen.append("went on")
            except asyncio.CancelledError as error:
                seen.append(str(error))
                asyncio.current_task().uncancel()
            except TimeoutError:
                seen.append("timeout")
            await echo(ctx)

        await started(runtime, suicidal)
        await runtime.send("k", 1)
        late = await outcome(runtime.receive("k", timeout=0.05))
        return seen, late[0], await ask(runtime, 2)

    seen, late, reply = both(scenario)
    assert len(seen) == 1
    assert (late, reply) == ("QueueTimeoutError", 2)
    if not is_taken_back:
        assert seen == ["myself"]


@pytest.mark.parametrize("turns_between", range(4))
def test_a_kernel_cancelled_from_outside_is_cancelled_wherever_it_stands(turns_between):
    async def scenario(runtime):
        seen = []

        async def careful(ctx):
            while True:
                try:
                    message = await ctx.receive()
                    seen.append(message)
                    await asyncio.sleep(0)
                    await ctx.send(message)
                except asyncio.CancelledError as error:
                    asyncio.current_task().uncancel()
                    seen.append(str(error))

        await started(runtime, careful)
        task = kernel_task()
        asking = asyncio.create_task(outcome(ask(runtime, "first", timeout=0.05)))
        await turns(turns_between)
        assert task.cancel("from outside")
        await turns(20)
        seen.append(await asking)
        return "from outside" in seen, await ask(runtime, "second") == "second"

    assert [seen for seen, *_ in each(scenario)] == [(True, True)] * 2


def test_a_parked_kernel_that_is_cancelled_leaves_its_message_to_a_child():
    async def scenario(runtime):
        seen = []

        async def with_child(ctx):
            async def child():
                seen.append(await ctx.receive())

            async def begin():
                await asyncio.sleep(0)
                return asyncio.create_task(child())

            beginning = asyncio.create_task(begin())
            try:
                await ctx.receive()
            except asyncio.CancelledError:
                asyncio.current_task().uncancel()
            await (await beginning)
            await ctx.send("done")

        await started(runtime, with_child)
        await turns(5)
        await runtime.send("k", "message")
        kernel_task().cancel()
        return await runtime.receive("k"), seen

    assert both(scenario) == ("done", ["message"])


def test_a_cancelled_parked_kernel_is_not_run_by_a_caller():
    async def scenario(runtime):
        seen = []

        async def listening(ctx):
            try:
                seen.append(await ctx.receive())
            except asyncio.CancelledError:
                seen.append("cancelled")
                asyncio.current_task().uncancel()
            await echo(ctx)

        await started(runtime, listening)
        kernel_task().cancel()
        return await ask(runtime, 1), seen

    assert both(scenario) == (1, ["cancelled"])


def test_a_cancellation_taken_back_in_the_same_step_is_as_asyncio_has_it():
    async def scenario(runtime):
        seen = []

        async def wavering(ctx):
            while True:
                try:
                    message = await ctx.receive()
                    asyncio.current_task().cancel()
                    asyncio.current_task().uncancel()
                    await ctx.send(message)
                except asyncio.CancelledError:
                    seen.append("cancelled")

        await started(runtime, wavering)
        replies = [await ask(runtime, n) for n in range(3)]
        await turns(5)
        return replies, seen

    replies, seen = both(scenario)
    assert replies == [0, 1, 2]
    assert seen == ([] if sys.version_info >= (3, 13) else ["cancelled"] * 3)


@pytest.mark.parametrize("seconds", [0.005, 5])
def test_a_timeout_around_a_kernels_receive_expires_or_does_not(seconds):
    async def scenario(runtime):
        was_late = asyncio.Event()

        async def timed(ctx):
            while True:
                try:
                    async with asyncio.timeout(seconds):
                        message = await ctx.receive()
                except TimeoutError:
                    was_late.set()
                    continue
                await ctx.send(message)
                if message == "last":
                    return

        await started(runtime, timed)
        if seconds < 1:
            await asyncio.wait_for(was_late.wait(), 5)
        replies = [await ask(runtime, n) for n in range(200)]
        return was_late.is_set(), replies == list(range(200)), await ask(runtime, "last")

    assert both(scenario) == (seconds < 1, True, "last")


@pytest.mark.parametrize("seconds", [0, 0.005, 5])
def test_a_timeout_around_a_callers_receive_expires_or_does_not(seconds):
    async def scenario(runtime):
        freed = asyncio.Event()

        async def held(ctx):
            while True:
                message = await ctx.receive()
                if seconds < 1:
                    await freed.wait()
                await ctx.send(message)

        await started(runtime, held)
        await runtime.send("k", 1)
        try:
            async with asyncio.timeout(seconds):
                return await runtime.receive("k")
        except TimeoutError:
            freed.set()
            return "late", await runtime.receive("k")

    assert both(scenario) == (1 if seconds == 5 else ("late", 1))
