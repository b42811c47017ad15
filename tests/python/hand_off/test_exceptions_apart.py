"""What is raised or handled on one side of a hand-off is nothing to the other side."""

import asyncio
import gc
import sys
import traceback
import weakref

import pytest
from faults_for_tests import run_program
from hand_off_for_tests import ask, both, each, is_run_by_a_caller, outcome, started
from kernels_for_tests import echo, turns

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.exceptions import KernelFailedError


class TheirError(Exception):
    """Raised by a caller."""


def raise_theirs():
    raise TheirError


async def reveal(ctx):
    """Answer with what a kernel can see of an exception that others handle."""
    while True:
        await ctx.receive()
        seen = [type(sys.exception()).__name__]
        try:
            raise_lookup_error()
        except LookupError as error:
            seen.append(type(error.__context__).__name__)
        try:
            again()
        except RuntimeError:
            seen.append("nothing to raise")
        except TheirError:
            seen.append("raised")
        await ctx.send(seen)


def raise_lookup_error():
    raise LookupError


def again():
    raise  # noqa: PLE0704 - what is handled just now, if anything


NOTHING_SEEN = ["NoneType", "NoneType", "nothing to raise"]


async def in_except(runtime, seen):
    try:
        raise_theirs()
    except TheirError:
        seen.append(await ask(runtime, 2))
        raise


async def in_finally(runtime, seen):
    try:
        raise_theirs()
    finally:
        seen.append(await ask(runtime, 2))


async def in_exit(runtime, seen):
    async with Asking(runtime, seen):
        raise_theirs()


PARTS = {"except": in_except, "finally": in_finally, "with": in_exit}


@pytest.mark.parametrize("part", PARTS)
def test_a_kernel_sees_nothing_of_an_exception_that_its_caller_handles(part):
    async def scenario(runtime):
        await started(runtime, reveal)
        before = await ask(runtime, 1)
        seen = []
        with pytest.raises(TheirError):
            await PARTS[part](runtime, seen)
        return before, seen[0]

    assert both(scenario) == (NOTHING_SEEN, NOTHING_SEEN)


class Asking:
    def __init__(self, runtime, seen):
        self.runtime, self.seen = runtime, seen

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.seen.append(await ask(self.runtime, 2))


@pytest.mark.usefixtures("unhurried")
def test_a_program_begun_where_an_exception_is_handled_is_handed_off_all_the_same():
    async def main():
        async def where(ctx):
            while True:
                await ctx.receive()
                await ctx.send(is_run_by_a_caller())

        async with RingKernelRuntime(hand_off=True) as runtime:
            await started(runtime, where)
            return [await ask(runtime, n) for n in range(3)]

    try:
        raise_theirs()
    except TheirError:
        assert asyncio.run(main()) == [True] * 3


def test_an_exception_of_the_kernel_is_raised_in_its_caller_as_the_cause_alone():
    async def scenario(runtime):
        async def failing(ctx):
            raise ValueError(await ctx.receive())

        await started(runtime, failing)
        with pytest.raises(KernelFailedError) as raised:
            await ask(runtime, "as told")
        cause = raised.value.__cause__
        frames = [frame.name for frame in traceback.extract_tb(cause.__traceback__)]
        return type(cause).__name__, str(cause), "failing" in frames, "ask" in frames

    assert both(scenario) == ("ValueError", "as told", True, False)


class Big:
    """Something to keep alive."""


@pytest.mark.parametrize("is_nested", [False, True])
@pytest.mark.parametrize("form", ["loop", "handler"])
def test_a_stored_exception_keeps_nothing_of_the_caller_alive(form, is_nested):
    async def scenario(runtime):
        def inner():
            raise ValueError

        async def failing(ctx):
            await ctx.receive()
            if is_nested:
                inner()
            raise ValueError

        def handler(message):
            inner()

        await started(runtime, failing if form == "loop" else handler)
        kept = []

        async def caller():
            big = Big()
            try:
                await ask(runtime, 1)
            except Exception as error:  # noqa: BLE001 - whichever it is in this form
                kept.append(error.__cause__)
            return weakref.ref(big)

        ref = await asyncio.create_task(caller())
        await turns(3)
        gc.collect()
        assert kept[0].__traceback__ is not None
        return ref() is None

    assert both(scenario)


@pytest.mark.parametrize("kind", ["KeyboardInterrupt", "SystemExit"])
@pytest.mark.parametrize("hand_off", ["on", "off"])
def test_what_ends_the_program_is_raised_by_the_loop_and_not_in_the_caller(kind, hand_off):
    ran = run_program("ends_in_a_step", kind, PYDOTCOMPUTE_TESTS_HAND_OFF=hand_off)
    in_the_caller, at_the_end = ran.stdout.split()
    assert in_the_caller in {"CancelledError", "KernelFailedError"}, ran.stderr
    assert at_the_end == kind


def test_a_restart_in_a_callers_step_loses_the_message_in_flight_alone():
    async def scenario(runtime):
        async def fragile(ctx):
            while True:
                message = await ctx.receive()
                if message == "fail":
                    raise ValueError(message)
                await ctx.send(message)

        await started(runtime, fragile, on_error="restart", max_restarts=3)
        first = await ask(runtime, 1)
        await runtime.send("k", "fail")
        replies = [first, await ask(runtime, 2, timeout=5), await ask(runtime, 3)]
        return replies, runtime.get_state("k").value, runtime.get_telemetry("k").restarts

    assert both(scenario) == ([1, 2, 3], "active", 1)


def test_a_kernel_that_fails_too_often_in_its_callers_steps_has_failed():
    async def scenario(runtime):
        async def failing(ctx):
            raise ValueError(await ctx.receive())

        await started(runtime, failing, on_error="restart", max_restarts=2)
        await runtime.send_batch("k", range(5))
        return (await outcome(runtime.receive("k", timeout=5)))[0], runtime.get_state("k")

    assert both(scenario) == ("KernelFailedError", KernelState.FAILED)


@pytest.mark.parametrize("form", ["def", "async def"])
def test_errors_of_handlers_take_their_replies_places(form):
    async def scenario(runtime):
        def handle(message):
            if message % 3 == 0:
                raise ValueError(message)
            return message

        async def handle_async(message):
            if message % 2:
                await asyncio.sleep(0)
            return handle(message)

        handler = handle if form == "def" else handle_async
        await started(runtime, handler, form="handler")
        return [await outcome(ask(runtime, number)) for number in range(9)]

    seen = both(scenario)
    assert [answer for answer in seen if not isinstance(answer, tuple)] == [1, 2, 4, 5, 7, 8]


def test_a_deep_caller_is_no_error_of_its_kernel():
    async def scenario(runtime):
        def deep(number):
            return 0 if number == 0 else deep(number - 1)

        async def digging(ctx):
            while True:
                await ctx.send(deep(await ctx.receive()))

        async def descend(number):
            return await ask(runtime, 300) if number == 0 else await descend(number - 1)

        await started(runtime, digging)
        return [await descend(depth) for depth in (0, 100, 300, 500, 700, 850)]

    assert both(scenario) == [0] * 6


def test_an_exception_group_of_a_task_group_in_the_kernel_is_its_failure():
    async def scenario(runtime):
        async def grouped(ctx):
            async with asyncio.TaskGroup() as group:
                group.create_task(echo(ctx))
                await ctx.receive()
                raise ValueError

        await started(runtime, grouped)
        return (await outcome(ask(runtime, 1)))[0]

    assert [seen for seen, *_ in each(scenario)] == ["KernelFailedError"] * 2
