"""Kernels that ignore their end, and consumers that never come: every exit is bounded in time."""

import asyncio
import logging

import pytest
from faults_for_tests import forms, modes
from kernels_for_tests import Clinger, start, turns
from programs_for_tests import FORMS, Callers

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.exceptions import KernelAlreadyExistsError, KernelStateError, KernelStuckError
from pydotcompute.runtime.lifecycle import ENDED
from pydotcompute.runtime.termination import CANCEL_GRACE_SECONDS
from pydotcompute.testing import wait_until_idle

LEAVING_SECONDS = 10.0


class Stubborn:
    """A kernel that works on whatever it is told, swallows everything, and ends when freed."""

    def __init__(self):
        self.is_freed = False
        self.refusals = []

    async def loop(self, ctx):
        while not self.is_freed:
            try:
                await ctx.send(await ctx.receive())
            except KernelStateError as refusal:
                self.refusals.append(refusal)
            except BaseException:  # noqa: BLE001 - cancellation and end of input too
                await asyncio.sleep(0)

    async def handler(self, message):
        while not self.is_freed:
            try:
                await asyncio.sleep(0)
            except BaseException:  # noqa: BLE001, S112 - cancellation too
                continue
        return message


@pytest.fixture
async def kernel():
    """Give one that ends also where the test fails, or the loop would wait for it for ever."""
    stubborn = Stubborn()
    yield stubborn
    stubborn.is_freed = True


@pytest.fixture
async def clingers():
    """Give twenty kernels that swallow cancellation; they end as that one does."""
    made = [Clinger() for _ in range(20)]
    yield made
    for clinger in made:
        clinger.freed.set()


@modes
async def test_a_loop_that_ignores_its_end_keeps_every_count(
    runtime, mode, kernel, short_grace, caplog
):
    callers = Callers(runtime)
    await start(runtime, "k", kernel.loop, output_queue_size=3, **mode)
    await callers.send(range(6))
    await wait_until_idle(runtime)
    with pytest.raises(KernelStuckError):
        await runtime.terminate("k", timeout=0.01)
    assert runtime.get_state("k") is KernelState.TERMINATING
    await turns(20)  # in which it takes the rest, whose replies are refused
    callers.check()
    assert [await callers.receive() for _ in range(3)] == [0, 1, 2]
    assert kernel.refusals != []
    assert runtime.get_telemetry("k").messages_sent == 3
    with pytest.raises(KernelAlreadyExistsError):
        await runtime.launch("k", kernel.loop, **mode)
    kernel.is_freed = True
    await turns(20)
    assert runtime.get_state("k") in ENDED
    callers.check()
    t = runtime.get_telemetry("k")
    assert (t.messages_processed, t.queue_depth, t.in_flight) == (3, 0, 0)
    texts = [record.getMessage() for record in caplog.records]
    assert texts.count("kernel 'k' swallowed its cancellation and runs on") == 1


@modes
async def test_a_stuck_handler_cannot_reply_when_it_returns_at_last(
    runtime, mode, kernel, short_grace, caplog
):
    caplog.set_level(logging.CRITICAL, logger="pydotcompute")
    callers = Callers(runtime)
    await start(runtime, "k", kernel.handler, form="handler", **mode)
    await callers.send(range(4))
    await turns()
    with pytest.raises(KernelStuckError):
        await runtime.terminate("k", timeout=0.01)
    callers.check()
    kernel.is_freed = True
    await turns(20)
    assert runtime.get_state("k") in ENDED
    callers.check()
    t = runtime.get_telemetry("k")
    assert (t.messages_sent, t.messages_processed, t.output_depth) == (0, 0, 0)
    assert t.messages_errored + t.messages_discarded == 4


async def leave(runtime, prepare):
    async with runtime:
        await prepare(runtime)


async def ends_after(task, seconds, skip_ahead):
    """Let time pass, and check that the task ends then and not before."""
    await turns(30)
    skip_ahead(seconds - 0.5)
    await turns(30)
    was_done = task.done()
    skip_ahead(0.6)
    await turns(30)
    return not was_done and task.done()


@modes
async def test_a_runtime_with_stuck_kernels_is_left_in_bounded_time(mode, clingers, skip_ahead):
    runtime = RingKernelRuntime()

    async def prepare(runtime):
        for number, clinger in enumerate(clingers):
            await start(runtime, f"k{number}", clinger, **mode)
            await runtime.send(f"k{number}", 1)

    leaving = asyncio.create_task(leave(runtime, prepare))
    await turns(30)
    skip_ahead(LEAVING_SECONDS / 2)  # that long they are given to handle what they accepted
    await turns(30)
    skip_ahead(LEAVING_SECONDS / 2)
    assert await ends_after(leaving, CANCEL_GRACE_SECONDS, skip_ahead)
    with pytest.raises(KernelStuckError) as caught:
        await leaving
    assert len(caught.value.others) == 19
    for clinger in clingers:
        clinger.freed.set()
    await turns(30)
    assert {runtime.get_state(f"k{number}") for number in range(20)} == {KernelState.TERMINATED}


@modes
@forms
async def test_a_runtime_whose_consumer_never_comes_is_left_in_bounded_time(
    form, mode, skip_ahead, caplog
):
    kernel, options = FORMS[form]
    runtime = RingKernelRuntime()

    async def prepare(runtime):
        for number in range(20):
            await start(runtime, f"k{number}", kernel, output_queue_size=2, **options, **mode)
            await runtime.send_batch(f"k{number}", range(10))

    leaving = asyncio.create_task(leave(runtime, prepare))
    await turns(300)
    assert await ends_after(leaving, LEAVING_SECONDS, skip_ahead)
    await leaving
    texts = sorted(record.getMessage() for record in caplog.records)
    assert texts == sorted(f"kernel 'k{n}' ended and discarded 8 messages" for n in range(20))


@modes
@forms
@pytest.mark.parametrize("drain", [False, True])
async def test_what_no_consumer_makes_room_for_is_discarded_and_counted(
    runtime, form, mode, drain, caplog
):
    caplog.set_level(logging.CRITICAL, logger="pydotcompute")
    kernel, options = FORMS[form]
    callers = Callers(runtime)
    await start(runtime, "k", kernel, output_queue_size=2, **options, **mode)
    await callers.send(range(10))
    await wait_until_idle(runtime)
    await runtime.terminate("k", timeout=0.02, drain=drain)
    callers.check()
    t = runtime.get_telemetry("k")
    assert (t.state, t.messages_processed, t.messages_discarded) == (KernelState.TERMINATED, 2, 8)
    assert [await callers.receive() for _ in range(2)] == [0, 1]
    callers.check()


@modes
@pytest.mark.parametrize("form", [form for form in FORMS if form != "loop"])
async def test_an_error_that_no_consumer_makes_room_for_ends_with_its_kernel(
    runtime, form, mode, caplog
):
    caplog.set_level(logging.CRITICAL, logger="pydotcompute")
    handler, options = FORMS[form]
    callers = Callers(runtime)
    await start(runtime, "k", handler, output_queue_size=2, **options, **mode)
    await callers.send(ValueError(number) for number in range(10))
    await wait_until_idle(runtime)
    await runtime.terminate("k", timeout=0.02, drain=True)
    callers.check()
    t = runtime.get_telemetry("k")
    assert (t.error_replies, t.output_depth) == (2, 2)
    assert t.messages_errored + t.messages_discarded == 10


@modes
@forms
async def test_replies_nobody_collected_are_counted_as_discarded_when_the_id_comes_again(
    runtime, form, mode
):
    kernel, options = FORMS[form]
    callers = Callers(runtime)
    await start(runtime, "k", kernel, **options, **mode)
    await callers.send(range(5))
    await wait_until_idle(runtime)
    before = runtime._kernels["k"]
    await runtime.terminate("k")
    await runtime.launch("k", kernel, **options, **mode)
    shown = before.snapshot().since(None)
    assert (shown["messages_sent"], shown["replies_discarded"], shown["output_depth"]) == (5, 5, 0)
