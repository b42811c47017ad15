"""A kernel whose own task is cancelled, wherever it is: all is counted and everybody is told."""

import asyncio
import logging
from contextlib import suppress

import pytest
from cancelling_for_tests import (
    at_every_point,
    balance,
    cancel_after,
    others_have_ended,
    replies_left,
    task_of,
    ways,
)
from handlers_for_tests import HANDLERS, answer, refuse, refuse_later
from kernels_for_tests import counts, echo, start, turns
from waiting_for_tests import CancelledAt

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.exceptions import KernelExecutionError, KernelStateError

OVER = KernelState.TERMINATED


async def in_batches(ctx):
    while True:
        await ctx.send_batch(await ctx.receive_batch(3))


LOOPS = [echo, in_batches]


class Callers:
    """Some who send and some who receive, and count what they did themselves."""

    def __init__(self, runtime):
        self.runtime = runtime
        self.accepted = 0
        self.received = 0
        self.tasks = [asyncio.create_task(self.send()) for _ in range(2)]
        self.tasks.append(asyncio.create_task(self.receive()))

    async def send(self):
        for number in range(4):
            await self.runtime.send("k", number)
            self.accepted += 1

    async def receive(self):
        while True:
            await turns(3)
            with suppress(KernelExecutionError):
                await self.runtime.receive("k")
            self.received += 1

    async def are_told(self):
        """Wait until the kernel's end has reached all of them."""
        async with asyncio.timeout(5):
            ends = await asyncio.gather(*self.tasks, return_exceptions=True)
        assert {type(end) for end in ends} <= {type(None), KernelStateError}


@pytest.mark.parametrize("kernel", [*LOOPS, *HANDLERS])
@pytest.mark.parametrize("policy", ["fail", "restart"])
async def test_a_kernel_cancelled_after_any_turn_loses_and_doubles_nothing(kernel, policy):
    form = "loop" if kernel in LOOPS else "handler"
    for point in range(100):
        async with RingKernelRuntime(enable_telemetry=True) as runtime:
            sizes = {"queue_size": 2, "output_queue_size": 1}
            await start(runtime, "k", kernel, form=form, on_error=policy, **sizes)
            callers = Callers(runtime)
            task = task_of()
            cancel_after(point, task)
            await asyncio.wait([task])
            await callers.are_told()
            shown = counts(runtime)
            assert runtime.get_state("k") is OVER
            assert shown.get("restarts", 0) == 0
            assert shown.get("errors", 0) >= shown.get("errored", 0)
            balance(runtime, accepted=callers.accepted, received=callers.received)
            await start(runtime, "k", echo)
            assert await runtime.send_and_receive("k", "next") == "next"
        await others_have_ended()
        if callers.accepted == callers.received == 8:
            break
    assert callers.received == 8


@pytest.mark.parametrize("kernel", LOOPS)
async def test_a_loop_cancelled_at_any_suspension_loses_and_doubles_nothing(kernel):
    for point in range(1, 12):
        async with RingKernelRuntime(enable_telemetry=True) as runtime:

            async def cancelled(ctx, point=point):
                await CancelledAt(kernel(ctx), point)

            await start(runtime, "k", cancelled, queue_size=2, output_queue_size=1)
            callers = Callers(runtime)
            task = task_of()
            await turns(200)
            assert task.cancelled() or callers.received == 8
            task.cancel()
            await asyncio.wait([task])
            await callers.are_told()
            balance(runtime, accepted=callers.accepted, received=callers.received)
        await others_have_ended()


@pytest.mark.parametrize("kernel", [refuse, refuse_later])
async def test_an_error_that_found_no_room_is_counted_though_nobody_gets_it(runtime, kernel):
    await start(runtime, "k", kernel, form="handler", output_queue_size=1)
    await runtime.send_batch("k", [1, 2])
    await turns(20)
    assert counts(runtime)["errors"] == 1
    task_of().cancel()
    await turns()
    shown = counts(runtime)
    assert (shown["errors"], shown["errored"], shown["discarded"]) == (2, 1, 1)
    assert runtime.get_telemetry("k").last_error == "ValueError: 2"
    assert len(replies_left(runtime)) == 1
    balance(runtime, accepted=2, received=1)


async def test_a_reply_that_found_no_room_is_discarded_with_its_message(runtime):
    await start(runtime, "k", answer, output_queue_size=1)
    await runtime.send_batch("k", [1, 2])
    await turns()
    await runtime.terminate("k", timeout=0)
    assert replies_left(runtime) == [1]
    shown = counts(runtime)
    assert (shown["processed"], shown["sent"], shown["discarded"]) == (1, 1, 1)


# Restarts.


@ways
async def test_ending_a_kernel_that_restarts_can_be_cancelled_and_asked_again(way, caplog):
    caplog.set_level(logging.CRITICAL, logger="pydotcompute")

    async def fragile(ctx):
        message = await ctx.receive()
        await turns(2)
        raise ValueError(message)

    async def play(break_off):
        async with RingKernelRuntime(enable_telemetry=True) as runtime:
            await start(runtime, "k", fragile, on_error="restart", max_restarts=2)
            await runtime.send_batch("k", range(4))
            ending = break_off(runtime.terminate("k", drain=True))
            await asyncio.wait([ending])
            await runtime.terminate("k")
            assert runtime.get_state("k") is KernelState.FAILED
            balance(runtime, accepted=4, received=0)
            shown = counts(runtime)
            assert shown["errors"] == shown["errored"] == shown.get("restarts", 0) + 1
        await others_have_ended()
        return ending

    await at_every_point(way, play)
