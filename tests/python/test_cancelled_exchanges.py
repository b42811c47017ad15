"""A cancelled send_and_receive() sent nothing, or left its reply to whoever receives next."""

import asyncio

import pytest
from cancelling_for_tests import at_every_point, balance, replies_left, ways
from exchanges_for_tests import IN_ORDER, OWN, as_number
from kernels_for_tests import counts, start, turns

from pydotcompute import RingKernelRuntime
from pydotcompute.testing import wait_until_idle

# Callers run no kernels here, or there would be no wait to cancel.

forms = pytest.mark.parametrize(("make", "kernel"), [*OWN, *IN_ORDER])


@ways
@forms
async def test_no_message_and_no_reply_is_lost(make, kernel, way):
    async def play(break_off):
        async with RingKernelRuntime(enable_telemetry=True, hand_off=False) as runtime:
            await start(runtime, "k", kernel, form="handler", queue_size=1, output_queue_size=2)

            def ask(number):
                return runtime.send_and_receive("k", make(number))

            whole = [asyncio.create_task(ask(number)) for number in (1, 2)]
            broken = break_off(ask(3))
            whole += [asyncio.create_task(ask(number)) for number in (4, 5)]
            async with asyncio.timeout(5):
                got = await asyncio.gather(*whole, return_exceptions=True)
                await asyncio.wait([broken])
                await wait_until_idle(runtime)
            if (make, kernel) in OWN:
                assert [as_number(reply) for reply in got] == [1, 2, 4, 5]
            if not broken.cancelled():
                got.append(broken.exception() or broken.result())
            got += replies_left(runtime)
            accepted = counts(runtime)["received"]
            asked = {1, 2, 4, 5} if accepted == 4 else {1, 2, 3, 4, 5}
            assert sorted(map(as_number, got)) == sorted(asked)
            balance(runtime, accepted=accepted, received=len(got))
            next_one = await asyncio.gather(ask(6), return_exceptions=True)
            assert as_number(next_one[0]) == 6
        return broken

    await at_every_point(way, play)


@ways
@pytest.mark.parametrize(("make", "kernel"), OWN)
async def test_nobody_expects_the_reply_any_more(make, kernel, way):
    async def play(break_off):
        async with RingKernelRuntime(hand_off=False) as runtime:
            await start(runtime, "k", kernel, form="handler")
            asked = make(1)
            broken = break_off(runtime.send_and_receive("k", asked))
            plain = asyncio.create_task(runtime.receive("k"))
            await asyncio.wait([broken])
            await wait_until_idle(runtime)
            await runtime.send("k", asked)
            async with asyncio.timeout(5):
                await asyncio.wait([plain])
            assert as_number(plain.exception() or plain.result()) == 1
            await wait_until_idle(runtime)
            assert len(replies_left(runtime)) <= 1
        return broken

    await at_every_point(way, play)


@forms
async def test_all_of_many_callers_cancelled_at_once_leave_their_replies(make, kernel):
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", kernel, form="handler")
        callers = [
            asyncio.create_task(runtime.send_and_receive("k", make(number))) for number in range(20)
        ]
        await turns(3)
        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers)
        assert all(caller.cancelled() for caller in callers)
        await runtime.activate("k")
        await wait_until_idle(runtime)
        assert [as_number(reply) for reply in replies_left(runtime)] == list(range(20))
        balance(runtime, accepted=20, received=20)
