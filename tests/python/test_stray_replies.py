"""A reply whose caller has gone is for receivers, and holds nobody up."""

import asyncio
from contextlib import suppress
from unittest.mock import ANY

import pytest
from kernels_for_tests import start, turns

from pydotcompute import message
from pydotcompute.exceptions import (
    EndOfStream,
    KernelStateError,
)
from pydotcompute.testing import wait_until_idle


@message
class Ask:
    number: int


@message
class Answer:
    number: int


async def ask(runtime, number):
    return (await runtime.send_and_receive("k", Ask(number))).number


async def stray_before_a_caller(runtime, kernel):
    """Start a kernel whose oldest reply is awaited by nobody; a caller waits behind it."""
    await start(runtime, "k", kernel)
    await runtime.send("k", Ask(1))
    await wait_until_idle(runtime)
    caller = asyncio.create_task(ask(runtime, 2))
    await turns()
    assert not caller.done()
    return caller


async def answers_the_first(ctx):
    first = await ctx.receive()
    await ctx.send(first.reply(Answer, number=first.number))
    await ctx.receive()
    with suppress(EndOfStream):
        await ctx.receive()


@pytest.mark.parametrize("timeout", [None, 0, 1.0])
async def test_a_receiver_gets_a_stray_reply_that_a_caller_before_it_leaves(runtime, timeout):
    caller = await stray_before_a_caller(runtime, answers_the_first)
    async with asyncio.timeout(1):
        assert await runtime.receive("k", timeout=timeout) == Answer(1, correlation_id=ANY)
    caller.cancel()


async def test_a_receiver_that_waits_behind_a_caller_gets_a_stray_reply(runtime):
    await runtime.launch("k", answers_the_first)
    await runtime.send("k", Ask(1))
    caller = asyncio.create_task(ask(runtime, 2))
    receivers = [asyncio.create_task(runtime.receive("k")) for _ in range(2)]
    await turns()
    await runtime.activate("k")
    async with asyncio.timeout(1):
        assert await receivers[0] == Answer(1, correlation_id=ANY)
    assert not receivers[1].done()
    for task in (caller, receivers[1]):
        task.cancel()


async def test_a_caller_is_told_that_its_kernel_ended_though_a_stray_reply_is_left(runtime):
    caller = await stray_before_a_caller(runtime, answers_the_first)
    await runtime.terminate("k")
    async with asyncio.timeout(1):
        with pytest.raises(KernelStateError):
            await caller
    assert await runtime.receive("k") == Answer(1, correlation_id=ANY)


async def test_a_reply_that_names_what_is_no_id_is_for_receivers(runtime):
    async def names_a_list_first(ctx):
        await ctx.receive()
        await ctx.send(Answer(1, correlation_id=[1]))
        second = await ctx.receive()
        await ctx.send(second.reply(Answer, number=2))
        with suppress(EndOfStream):
            await ctx.receive()

    await start(runtime, "k", names_a_list_first)
    await runtime.send("k", Ask(1))
    await wait_until_idle(runtime)
    assert await ask(runtime, 2) == 2
    assert await runtime.receive("k", timeout=1.0) == Answer(1, correlation_id=[1])
