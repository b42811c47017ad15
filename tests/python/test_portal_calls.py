"""Every call of a runtime works through its portal, from whatever thread but its loop's."""

import asyncio
import inspect
import threading
from contextvars import ContextVar
from functools import partial

import pytest
from kernels_for_tests import TASK_FACTORIES, bring_to, echo, start
from portals_for_tests import error_of, in_threads, living_elsewhere

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.exceptions import (
    EndOfStream,
    InvalidArgumentError,
    KernelAlreadyExistsError,
    QueueEmptyError,
)
from pydotcompute.runtime import RuntimePortal
from pydotcompute.runtime.scope import LaunchArguments

OF_THE_RUNTIME_ITSELF = {"start", "shutdown", "portal", "backend", "wait_quiet", "check_open"}


def public(kind):
    return {name for name in dir(kind) if not name.startswith("_")}


def parameters_of(function):
    """List names, kinds and defaults; options handed on as a whole are those of a launch."""
    shown = inspect.signature(function).parameters.values()
    named = [(p.name, p.kind, p.default) for p in shown if p.kind is not p.VAR_KEYWORD]
    if len(named) == len(shown):
        return named
    launch = inspect.signature(RingKernelRuntime.launch).parameters
    options = [launch[name] for name in LaunchArguments.__annotations__]
    return named + sorted((p.name, p.kind, p.default) for p in options)


def test_a_portal_has_the_names_of_its_runtime():
    assert public(RingKernelRuntime) - public(RuntimePortal) == OF_THE_RUNTIME_ITSELF
    assert public(RuntimePortal) <= public(RingKernelRuntime)


@pytest.mark.parametrize("name", sorted(public(RuntimePortal)))
def test_a_portals_call_takes_what_the_runtimes_takes(name):
    mine, theirs = (inspect.getattr_static(k, name) for k in (RuntimePortal, RingKernelRuntime))
    assert isinstance(mine, property) is isinstance(theirs, property)
    if not isinstance(mine, property):
        expected = parameters_of(theirs)
        if name == "launch":
            options = [p for p in expected if p[1] is inspect.Parameter.KEYWORD_ONLY]
            expected = expected[: -len(options)] + sorted(options)
        assert parameters_of(mine) == expected
        assert not inspect.iscoroutinefunction(mine)


def tour(portal, name="toured"):
    """Make every call for one kernel, but for terminate_all()."""
    portal.launch(name, echo, queue_size=4)
    assert (portal.get_state(name), name in portal.kernel_ids) == (KernelState.LAUNCHED, True)
    portal.activate(name)
    portal.deactivate(name)
    assert portal.get_kernel_state(name) is KernelState.DEACTIVATED
    assert name not in portal.active_kernels
    portal.reactivate(name)
    assert portal.is_active(name)
    portal.send(name, 1)
    assert portal.receive(name, timeout=5) == 1
    portal.send_nowait(name, 2)
    assert portal.receive(name) == 2
    assert portal.send_batch(name, iter(range(6))) == 6
    replies = []
    while len(replies) < 6:
        replies += portal.receive_batch(name, 4, timeout=5)
    assert replies == list(range(6))
    assert portal.send_and_receive(name, None, timeout=5) is None
    portal.deactivate(name)
    portal.send(name, 3)
    assert type(error_of(portal.receive_nowait, name)) is QueueEmptyError
    portal.reactivate(name)
    assert portal.receive(name, timeout=5) == 3
    assert portal.get_telemetry(name).messages_processed == 10
    assert portal.get_all_telemetry()[name].messages_received == 10
    assert portal.get_summary()["per_kernel"][name]["messages_processed"] == 10
    portal.reset_telemetry(name)
    assert portal.get_telemetry(name).messages_processed == 0
    with portal.kernel_scope(f"{name} in a scope", echo, queue_size=1) as handle:
        handle.send(4, timeout=5)
        assert handle.receive(timeout=5) == 4
        assert handle.telemetry.messages_processed == 1
    assert portal.get_state(handle.id) is KernelState.TERMINATED
    portal.send(name, 5)
    portal.terminate(name, drain=True)
    assert portal.receive(name) == 5
    assert portal.get_state(name) is KernelState.TERMINATED
    return True


async def in_a_loop_of_its_own(portal):
    await asyncio.sleep(0)
    return tour(portal)


PLACES = {
    "a thread": tour,
    "a thread with a running loop": lambda portal: asyncio.run(in_a_loop_of_its_own(portal)),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
async def test_every_call_works_from_another_thread(runtime, place):
    assert await in_threads(lambda: place(runtime.portal())) == [True]


async def test_every_call_works_from_many_threads_at_once(runtime):
    portal = runtime.portal()
    works = [lambda name=f"k{number}": tour(portal, name) for number in range(8)]
    assert await in_threads(*works) == [True] * 8


def test_every_call_works_from_the_main_thread_too():
    with living_elsewhere() as portal:
        assert tour(portal)
        portal.launch("k", echo)
        portal.terminate_all()
        assert portal.kernel_ids == []


def plain_loop(ctx, portal):
    while True:
        ctx.send(tour(portal, ctx.receive()))


async def async_loop(ctx, portal):
    while True:
        await ctx.send(tour(portal, await ctx.receive()))


async def test_every_call_works_in_debug_mode(runtime):
    asyncio.get_running_loop().set_debug(True)
    assert await in_threads(lambda: tour(runtime.portal())) == [True]


@pytest.mark.parametrize("factory", TASK_FACTORIES)
async def test_every_call_works_whatever_makes_its_task(runtime, factory):
    asyncio.get_running_loop().set_task_factory(factory)
    assert await in_threads(lambda: tour(runtime.portal())) == [True]


@pytest.mark.parametrize("kernel", [plain_loop, async_loop])
async def test_every_call_works_from_a_kernel_in_a_thread(runtime, kernel):
    with_portal = partial(kernel, portal=runtime.portal())
    await start(runtime, "k", with_portal, form="loop", execution="thread")
    assert await runtime.send_and_receive("k", "asked for", timeout=10) is True


async def test_a_handler_in_a_thread_may_ask_another_kernel(runtime):
    portal = runtime.portal()
    await start(runtime, "echo", echo)
    handler = lambda number: portal.send_and_receive("echo", number, timeout=5) + 1  # noqa: E731
    await start(runtime, "asker", handler, execution="thread")
    assert [await runtime.send_and_receive("asker", n) for n in range(5)] == [1, 2, 3, 4, 5]


async def test_a_kernel_in_a_thread_cannot_wait_for_its_own_end(runtime):
    portal = runtime.portal()

    def kernel(ctx):
        call = ctx.receive()
        ctx.send(error_of(*call))
        ctx.receive()

    await start(runtime, "k", kernel, form="loop", execution="thread")
    for call in [(portal.terminate, "k"), (portal.terminate_all,)]:
        error = await runtime.send_and_receive("k", call, timeout=5)
        assert type(error) is InvalidArgumentError
        assert "cannot wait for its own end" in str(error)
        await runtime.terminate("k")
        await start(runtime, "k", kernel, form="loop", execution="thread")


# Scopes.


async def test_the_error_of_a_block_ends_its_kernel_and_comes_out(runtime):
    portal, error = runtime.portal(), ValueError("in the block")

    def work():
        with portal.kernel_scope("k", echo):
            assert portal.is_active("k")
            raise error

    ((caught,),) = await in_threads(lambda: [error_of(work)])
    assert caught is error
    assert runtime.get_state("k") is KernelState.TERMINATED


async def test_after_a_clean_block_what_was_accepted_is_handled_first(runtime):
    portal = runtime.portal()

    def work():
        with portal.kernel_scope("k", echo) as handle:
            for number in range(20):
                handle.send(number)
        return [handle.receive() for _ in range(20)]

    assert await in_threads(work) == [list(range(20))]


async def test_a_scope_of_a_kernel_that_is_there_begins_no_block(runtime):
    await bring_to(runtime, KernelState.ACTIVE)
    scope = runtime.portal().kernel_scope("k", echo)
    ((error,),) = await in_threads(lambda: [error_of(scope.__enter__)])
    assert type(error) is KernelAlreadyExistsError
    assert runtime.is_active("k")


# Where the code runs.

color = ContextVar("color", default="none")


async def test_what_a_call_runs_sees_the_context_of_its_caller(runtime):
    portal, seen = runtime.portal(), []

    async def kernel(ctx):
        seen.append((color.get(), threading.current_thread() is here))
        await ctx.receive()

    def work():
        color.set("red")
        portal.launch("k", kernel)
        portal.activate("k")
        portal.send("k", 1)
        portal.terminate("k")

    here = threading.current_thread()
    await in_threads(work)
    assert seen == [("red", True)]
    assert color.get() == "none"


async def test_a_task_factory_that_fails_is_told_to_the_caller(runtime):
    loop, error = asyncio.get_running_loop(), ValueError("no task today")

    def refuse(_loop, _coroutine, **_options):
        raise error

    async def busy_turns():
        loop.set_task_factory(refuse)
        try:
            return await in_threads(lambda: [error_of(runtime.portal().launch, "k", echo)])
        finally:
            loop.set_task_factory(None)

    assert await busy_turns() == [[error]]
    assert runtime.kernel_ids == []


async def test_the_end_of_the_input_is_not_an_error_of_the_portals_kernel(runtime):
    portal = runtime.portal()

    def kernel(ctx):
        try:
            ctx.receive()
        except EndOfStream:
            ctx.send(portal.get_state("k"))
            raise

    await start(runtime, "k", kernel, form="loop", execution="thread")
    await in_threads(lambda: portal.terminate("k"))
    assert await runtime.receive("k") is KernelState.TERMINATING
    assert runtime.get_state("k") is KernelState.TERMINATED
