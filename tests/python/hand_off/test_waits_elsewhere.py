"""A kernel may wait for whatever it likes, in tasks of its own or for messages in any of them."""

import asyncio
import functools
import types

import anyio
import pytest
from hand_off_for_tests import ask, both, each, outcome, started
from kernels_for_tests import echo, turns


def test_two_tasks_may_wait_for_one_future_that_a_kernel_met_in_a_callers_step():
    async def scenario(runtime):
        future = asyncio.get_running_loop().create_future()

        async def waiting(ctx):
            while True:
                message = await ctx.receive()
                await ctx.send((message, await future))

        await started(runtime, waiting)

        async def caller():
            await runtime.send("k", 1)
            asyncio.get_running_loop().call_later(0.01, future.set_result, "result")
            reply = asyncio.create_task(runtime.receive("k"))
            await asyncio.sleep(0)
            return await future, await reply

        return await caller()

    assert both(scenario) == ("result", (1, "result"))


def test_a_future_already_waited_for_by_its_caller_serves_both():
    async def scenario(runtime):
        future = asyncio.get_running_loop().create_future()

        async def waiting(ctx):
            while True:
                await ctx.receive()
                await ctx.send(await future)

        await started(runtime, waiting)
        await runtime.send("k", 1)
        with pytest.raises(TimeoutError):
            await runtime.receive("k", timeout=0)
        others = [asyncio.create_task(outcome(future)) for _ in range(3)]
        await turns()
        future.set_exception(ValueError("theirs"))
        return await asyncio.gather(*others), await outcome(runtime.receive("k"))

    assert both(scenario)[0] == [("ValueError", "theirs")] * 3


async def plain(ctx):
    return await ctx.receive()


async def by_task(ctx):
    return await asyncio.create_task(ctx.receive())


async def by_shield(ctx):
    return await asyncio.shield(ctx.receive())


async def by_wait_for(ctx):
    return await asyncio.wait_for(ctx.receive(), 30)


async def by_gather(ctx):
    return (await asyncio.gather(ctx.receive()))[0]


async def by_wait(ctx):
    done, _ = await asyncio.wait([asyncio.create_task(ctx.receive())])
    return done.pop().result()


async def by_group(ctx):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(ctx.receive())
    return task.result()


async def by_generator(ctx):
    async def messages():
        while True:
            yield await ctx.receive()

    generator = messages()
    async for message in generator:
        await generator.aclose()
        return message
    return None


async def by_scope(ctx):
    with anyio.fail_after(30):
        return await ctx.receive()


async def by_anyio_group(ctx):
    got = []

    async def take():
        got.append(await ctx.receive())

    async with anyio.create_task_group() as group:
        group.start_soon(take)
    return got[0]


async def by_two_timeouts(ctx):
    async with asyncio.timeout(30), asyncio.timeout(20):
        return await ctx.receive(timeout=10)


async def by_batch(ctx):
    return (await ctx.receive_batch(1))[0]


@types.coroutine
def _passed_on(awaitable):
    return (yield from awaitable.__await__())


async def by_awaitable(ctx):
    return await _passed_on(ctx.receive())


WAYS = (
    plain,
    by_task,
    by_shield,
    by_wait_for,
    by_gather,
    by_wait,
    by_group,
    by_generator,
    by_scope,
    by_anyio_group,
    by_two_timeouts,
    by_batch,
    by_awaitable,
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("debug", [False, True])
def test_a_message_is_taken_in_every_way_that_asyncio_offers(way, debug):
    async def scenario(runtime):
        async def taking(ctx):
            while True:
                await ctx.send(await way(ctx))

        await started(runtime, taking)
        replies = [await ask(runtime, number, timeout=10) for number in range(200)]
        await runtime.send_batch("k", range(20))
        return replies == list(range(200)), [await runtime.receive("k") for _ in range(20)]

    assert both(scenario, debug=debug) == (True, list(range(20)))


@pytest.mark.parametrize("way", WAYS)
def test_ways_may_follow_each_other(way):
    async def scenario(runtime):
        async def taking(ctx):
            for number in range(60):
                await ctx.send(await (way if number % 2 else plain)(ctx))
                if number % 7 == 0:
                    await asyncio.sleep(0)

        await started(runtime, taking)
        return [await ask(runtime, number, timeout=10) for number in range(60)]

    assert both(scenario) == list(range(60))


def test_children_that_receive_beside_the_kernel_get_every_message_once():
    async def scenario(runtime):
        async def crowd(ctx):
            async def child():
                while True:
                    await ctx.send(await ctx.receive())

            async with asyncio.TaskGroup() as group:
                for _ in range(3):
                    group.create_task(child())
                await child()

        await started(runtime, crowd, queue_size=8, output_queue_size=128)

        async def caller(first):
            for number in range(first, 100, 10):
                await runtime.send("k", number)
            return [await runtime.receive("k") for _ in range(10)]

        rows = await asyncio.gather(*map(caller, range(10)))
        return sorted(reply for row in rows for reply in row) == list(range(100))

    assert [seen for seen, *_ in each(scenario)] == [True] * 2


def test_an_awaitable_that_raises_before_it_goes_on_is_the_kernels_failure():
    """And not taken for a kernel that did not run."""

    async def scenario(runtime):
        @types.coroutine
        def broken(awaitable):
            yield awaitable.__await__().send(None)
            {}["of the awaitable"]

        async def fragile(ctx):
            try:
                await broken(ctx.receive())
            except KeyError as error:
                await ctx.send(error.args[0])
            await echo(ctx)

        await started(runtime, fragile)
        first = await ask(runtime, 1, timeout=5)
        return first, await runtime.receive("k", timeout=5)

    assert both(scenario) == ("of the awaitable", 1)


def test_a_kernel_that_such_an_awaitable_ends_has_failed():
    async def scenario(runtime):
        @types.coroutine
        def broken(awaitable):
            yield awaitable.__await__().send(None)
            {}["of the awaitable"]

        async def fragile(ctx):
            await broken(ctx.receive())

        await started(runtime, fragile)
        return await outcome(ask(runtime, 1, timeout=5))

    assert both(scenario)[0] == "KernelFailedError"


def test_a_callers_task_group_and_scopes_work_around_a_hand_off():
    async def scenario(runtime):
        await started(runtime)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask(runtime, number)) for number in range(10)]
        with anyio.move_on_after(30) as scope:
            reply = await ask(runtime, "scoped")
        with anyio.CancelScope() as cancelled:
            cancelled.cancel()
            await ask(runtime, "never")
        return sorted(task.result() for task in tasks), reply, scope.cancelled_caught

    replies, reply, is_caught = each(scenario)[0][0]
    assert (replies, reply, is_caught) == (list(range(10)), "scoped", False)


def test_an_anyio_scope_cancelled_in_the_kernel_ends_its_receive():
    async def scenario(runtime):
        async def scoped(ctx):
            with anyio.move_on_after(0.005) as scope:
                await ctx.receive()
            late.set()
            await ctx.send(scope.cancelled_caught)
            await echo(ctx)

        late = asyncio.Event()
        await started(runtime, scoped)
        await asyncio.wait_for(late.wait(), 5)
        return await runtime.receive("k"), await ask(runtime, 1)

    assert both(scenario) == (True, 1)


def test_a_kernel_in_line_behind_its_children_is_woken_in_its_turn():
    async def scenario(runtime):
        seen = []

        async def take(ctx, name):
            seen.append((name, await ctx.receive()))

        async def last(ctx):
            tasks = [asyncio.create_task(take(ctx, name)) for name in "ab"]
            await turns(2)
            await take(ctx, "kernel")
            await asyncio.gather(*tasks)
            await ctx.send("done")

        await started(runtime, last)
        await turns(5)
        for number in range(3):
            await runtime.send("k", number)
        return await runtime.receive("k"), seen

    assert both(scenario) == ("done", [("a", 0), ("b", 1), ("kernel", 2)])


def test_a_partial_of_a_kernel_is_run_by_its_callers_too():
    async def scenario(runtime):
        async def adding(ctx, more):
            while True:
                await ctx.send(await ctx.receive() + more)

        await started(runtime, functools.partial(adding, more=1))
        return [await ask(runtime, n) for n in range(5)]

    assert both(scenario) == [1, 2, 3, 4, 5]
