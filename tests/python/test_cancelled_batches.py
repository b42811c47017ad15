"""A cancelled batch leaves what it had moved by then, and moves nothing beyond."""

import asyncio

from cancelling_for_tests import at_every_point, balance, replies_left, ways
from kernels_for_tests import counts, echo, start, start_puppet, turns
from waiting_for_tests import at_once

from pydotcompute import RingKernelRuntime
from pydotcompute.testing import wait_until_idle

ROOM = 100


@ways
async def test_a_kernel_got_as_much_of_a_cancelled_batch_as_was_counted(way):
    async def play(break_off):
        async with RingKernelRuntime(enable_telemetry=True) as runtime:
            await start(runtime, "k", echo, queue_size=2, output_queue_size=ROOM)
            batch = break_off(runtime.send_batch("k", range(8)))
            await asyncio.wait([batch])
            accepted = counts(runtime).get("received", 0)
            assert batch.cancelled() or batch.result() == accepted == 8
            await wait_until_idle(runtime)
            assert replies_left(runtime) == list(range(accepted))
            balance(runtime, accepted=accepted, received=accepted)
            assert await runtime.send_and_receive("k", "next") == "next"
        return batch

    await at_every_point(way, play)


@ways
async def test_other_batches_go_through_whole_and_in_order(way):
    async def play(break_off):
        async with RingKernelRuntime(enable_telemetry=True) as runtime:
            await start(runtime, "k", echo, queue_size=2, output_queue_size=ROOM)
            before = asyncio.create_task(runtime.send_batch("k", range(10, 15)))
            broken = break_off(runtime.send_batch("k", range(5)))
            behind = asyncio.create_task(runtime.send_batch("k", range(20, 25)))
            await asyncio.wait([before, broken, behind])
            await wait_until_idle(runtime)
            received = replies_left(runtime)
            assert [n for n in received if 10 <= n < 20] == list(range(10, 15))
            assert [n for n in received if n >= 20] == list(range(20, 25))
            rest = [n for n in received if n < 10]
            assert rest == list(range(counts(runtime)["received"] - 10))
            assert broken.cancelled() or len(rest) == 5
        return broken

    await at_every_point(way, play)


@ways
async def test_callers_got_as_much_of_a_cancelled_batch_of_replies_as_was_counted(way):
    async def play(break_off):
        async with RingKernelRuntime(enable_telemetry=True) as runtime:
            puppet = await start_puppet(runtime, queue_size=ROOM, output_queue_size=2)
            await runtime.send_batch("k", range(4))
            assert len(await puppet.ctx.receive_batch(4)) == 4
            batch = break_off(puppet.ctx.send_batch(range(7)))
            received = []
            while not batch.done():
                await turns(3)
                received += replies_left(runtime)
            sent = counts(runtime).get("sent", 0)
            assert batch.cancelled() or batch.result() == sent == 7
            received += replies_left(runtime)
            assert received == list(range(sent))
            assert counts(runtime).get("processed", 0) == min(sent, 4)
            assert counts(runtime).get("in_flight", 0) == 4 - min(sent, 4)
            balance(runtime, accepted=4, received=sent)
            assert at_once(puppet.ctx.send_batch(["next"])) == 1
            assert await runtime.receive("k") == "next"
            await runtime.terminate("k", timeout=0)
        return batch

    await at_every_point(way, play)


@ways
async def test_a_cancelled_wait_for_replies_took_none(way):
    async def play(break_off):
        async with RingKernelRuntime(enable_telemetry=True) as runtime:
            puppet = await start_puppet(runtime)
            batch = break_off(runtime.receive_batch("k", 5))
            await turns(4)
            for number in range(3):
                at_once(puppet.ctx.send(number))
            await asyncio.wait([batch])
            got = [] if batch.cancelled() else batch.result()
            left = replies_left(runtime)
            assert got + left == [0, 1, 2]
            balance(runtime, accepted=0, received=3)
            await runtime.terminate("k", timeout=0)
        return batch

    await at_every_point(way, play)


@ways
async def test_a_cancelled_wait_for_messages_took_none(way):
    async def play(break_off):
        async with RingKernelRuntime(enable_telemetry=True) as runtime:
            puppet = await start_puppet(runtime)
            batch = break_off(puppet.ctx.receive_batch(5))
            await turns(4)
            assert await runtime.send_batch("k", range(3)) == 3
            await asyncio.wait([batch])
            got = [] if batch.cancelled() else batch.result()
            assert counts(runtime).get("in_flight", 0) == len(got)
            assert counts(runtime).get("queue_depth", 0) == 3 - len(got)
            rest = [] if got else at_once(puppet.ctx.receive_batch(5))
            assert got + rest == [0, 1, 2]
            await runtime.terminate("k", timeout=0)
        return batch

    await at_every_point(way, play)
