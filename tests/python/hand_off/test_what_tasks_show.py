"""Kernel and caller see the tasks, names and contexts that they would see without hand-off."""

import asyncio
import contextvars
import io
import logging
import re
import sys

import pytest
from hand_off_for_tests import ask, both, started
from kernels_for_tests import TASK_FACTORIES, echo, start

here = contextvars.ContextVar("here", default="nobody")


def test_each_sees_itself_as_the_current_task():
    async def scenario(runtime):
        async def name_of_task(ctx):
            while True:
                await ctx.receive()
                await ctx.send(asyncio.current_task().get_name())

        await started(runtime, name_of_task)
        asyncio.current_task().set_name("caller")
        kernel = await ask(runtime, 1)
        return kernel, asyncio.current_task().get_name()

    kernel, caller = both(scenario)
    assert "k" in kernel
    assert caller == "caller"


def test_the_kernels_task_is_one_and_the_same_all_the_time():
    async def scenario(runtime):
        tasks = []

        async def note(ctx):
            while True:
                tasks.append(asyncio.current_task())
                await ctx.send(await ctx.receive())
                await asyncio.sleep(0)
                tasks.append(asyncio.current_task())

        await started(runtime, note)
        for number in range(5):
            await ask(runtime, number)
        return len(set(tasks)), tasks[0] in asyncio.all_tasks(), tasks[0].done()

    assert both(scenario) == (1, True, False)


def test_all_tasks_lists_the_kernels_by_name_also_while_one_is_run():
    async def scenario(runtime):
        async def listing(ctx):
            while True:
                await ctx.receive()
                await ctx.send(sorted(task.get_name() for task in asyncio.all_tasks()))

        await started(runtime, listing)
        asyncio.current_task().set_name("caller")
        names = await ask(runtime, 1)
        return [name for name in names if not name.startswith("Task-")]

    told = both(scenario)
    assert "caller" in told
    assert len(told) == 2


def test_context_variables_stay_apart():
    async def scenario(runtime):
        async def count(ctx):
            while True:
                await ctx.receive()
                before = here.get()
                here.set(f"kernel {before}"[:20])
                await ctx.send(before)

        here.set("launcher")
        await started(runtime, count)
        here.set("caller")
        replies = [await ask(runtime, n) for n in range(3)]
        return replies, here.get()

    replies, mine = both(scenario)
    assert replies[0] == "launcher"
    assert replies[1] == "kernel launcher"
    assert mine == "caller"


async def test_a_caller_whose_context_is_the_kernels_is_served(runtime):
    await started(runtime)
    kernel = next(task for task in asyncio.all_tasks() if task is not asyncio.current_task())
    if sys.version_info >= (3, 12):
        context = kernel.get_context()
        asking = asyncio.create_task(ask(runtime, 1), context=context)
        assert await asyncio.wait_for(asking, 5) == 1
    assert await ask(runtime, 2) == 2


@pytest.mark.parametrize("debug", [False, True])
def test_a_task_tells_its_code_and_stack(debug):
    async def scenario(runtime):
        async def by_name(ctx):
            await echo(ctx)

        await started(runtime, by_name)
        await ask(runtime, 1)
        (task,) = asyncio.all_tasks() - {asyncio.current_task(), *waiters()}
        text = io.StringIO()
        task.print_stack(file=text)
        coroutine = task.get_coro()
        told = re.sub(r"0x[0-9a-f]+", "", repr(task))
        return (
            coroutine.__name__,
            coroutine.__qualname__,
            [frame.f_code.co_name for frame in task.get_stack()],
            re.sub(r"line \d+", "", text.getvalue()) != "",
            "pending" in told,
            "TaskExecution._run" in told,
        )

    def waiters():
        return [t for t in asyncio.all_tasks() if "scenario" in repr(t) or "_play" in repr(t)]

    name, qualname, stack, has_text, is_pending, is_told = both(scenario, debug=debug)
    assert name == "_run"
    assert qualname == "TaskExecution._run"
    assert stack
    assert (has_text, is_pending, is_told) == (True, True, True)


def test_a_woken_parked_and_cancelled_task_has_a_repr():
    async def scenario(runtime):
        await started(runtime)
        (task,) = [t for t in asyncio.all_tasks() if "TaskExecution" in repr(t)]
        texts = [repr(task)]
        await runtime.send("k", 1)
        texts.append(repr(task))
        task.cancel()
        texts.append(repr(task))
        await asyncio.wait([task])
        states = [re.search("pending|cancelling|cancelled", text).group() for text in texts]
        return states, "cancelled" in repr(task)

    assert both(scenario) == (["pending", "pending", "cancelling"], True)


@pytest.mark.parametrize("factory", TASK_FACTORIES)
def test_whatever_makes_the_tasks_everything_is_the_same(factory):
    async def scenario(runtime):
        here.set("launcher")
        await started(runtime)
        here.set("caller")
        replies = await asyncio.gather(*(ask(runtime, n) for n in range(20)))
        return sorted(replies), here.get()

    assert both(scenario, factory=factory) == (list(range(20)), "caller")


def test_a_factory_of_tasks_of_its_own_kind_is_served():
    made = []

    class Ours(asyncio.Task):
        pass

    def factory(loop, coroutine, **options):
        made.append(Ours(coroutine, loop=loop, **options))
        return made[-1]

    async def scenario(runtime):
        await started(runtime)
        return [await ask(runtime, n) for n in range(5)], type(asyncio.current_task()).__name__

    assert both(scenario, factory=factory)[0] == list(range(5))
    assert made


def test_an_eager_kernel_begun_while_an_exception_is_handled_does_not_open_others_to_it():
    eager = TASK_FACTORIES[-1]

    async def scenario(runtime):
        seen = []

        async def look(ctx):
            while True:
                message = await ctx.receive()
                seen.append(repr(sys.exception()))
                await ctx.send(message)

        await started(runtime, look)
        await ask(runtime, 0)
        try:
            {}["the caller's"]
        except KeyError:
            await start(runtime, "other", echo)
            await ask(runtime, 1)
        return seen

    assert both(scenario, factory=eager) == ["None", "None"]


def test_debug_mode_has_nothing_to_complain_of(caplog):
    async def scenario(runtime):
        await started(runtime)
        return [await ask(runtime, n) for n in range(300)]

    with caplog.at_level(logging.WARNING):
        assert both(scenario, debug=True) == list(range(300))
    assert [r for r in caplog.records if "took" not in r.getMessage()] == []
