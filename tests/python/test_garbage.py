"""Nothing is kept alive that nobody can reach."""

import asyncio
import gc
import logging
import sys
import weakref

import pytest
from kernels_for_tests import Puppet, echo, start, start_puppet, turns

from pydotcompute import RingKernelRuntime
from pydotcompute.testing import wait_until_idle


class Cargo:
    """An object to look out for."""

    def __init__(self, *held):
        self.held = held


@pytest.fixture
def unlogged(monkeypatch):
    """Keep failures from those who collect log records, for they collect what hangs on them."""
    monkeypatch.setattr(logging.getLogger("pydotcompute"), "disabled", True)


async def collect():
    """Let what was scheduled run, and collect."""
    for _ in range(3):
        await turns(3)
        gc.collect()


async def test_a_message_that_was_handled_is_freed_without_the_collector(runtime):
    await start(runtime, "k", echo)
    cargo = Cargo()
    seen = weakref.ref(cargo)
    await runtime.send("k", cargo)
    del cargo
    received = await runtime.receive("k")
    await turns()
    gc.disable()
    try:
        await runtime.send("k", "next")
        await runtime.receive("k")
        del received
        await turns()
        assert seen() is None
    finally:
        gc.enable()


async def test_references_to_a_message_are_as_many_as_before_once_it_came_back(runtime):
    await start(runtime, "k", echo, queue_size=1)
    cargo = Cargo()
    before = sys.getrefcount(cargo)
    for _ in range(100):
        await runtime.send("k", cargo)
        assert await runtime.receive("k") is cargo
    await runtime.send("k", None)
    await runtime.receive("k")
    assert sys.getrefcount(cargo) == before


@pytest.mark.parametrize("end", ["terminated", "dropped", "relaunched"])
async def test_what_nobody_received_is_freed(runtime, end):
    puppet = await start_puppet(runtime, queue_size=1, backpressure="drop")
    message, reply = Cargo(), Cargo()
    seen = [weakref.ref(message), weakref.ref(reply)]
    runtime.send_nowait("k", message)
    await puppet.ctx.send(reply)
    del message, reply
    if end == "dropped":
        runtime.send_nowait("k", "newer")
        assert [ref() is None for ref in seen] == [True, False]
        return
    await runtime.terminate("k", timeout=0)
    assert [ref() is None for ref in seen] == [True, False]
    if end == "relaunched":
        await runtime.launch("k", echo)
        assert [ref() is None for ref in seen] == [True, True]


async def test_a_cycle_through_a_queue_is_collected_with_its_runtime():
    runtime = RingKernelRuntime(enable_telemetry=True)
    puppet = Puppet()
    await runtime.launch("k", puppet)
    cargo = Cargo(runtime, puppet)
    seen = [weakref.ref(thing) for thing in (cargo, runtime, puppet)]
    await runtime.send("k", cargo)
    del cargo, runtime, puppet
    await collect()
    assert [ref() for ref in seen] == [None] * 3


async def test_a_cycle_through_a_reply_is_collected_after_the_end_of_its_kernel():
    runtime = RingKernelRuntime()
    puppet = await start_puppet(runtime)
    cargo = Cargo(runtime, puppet.ctx)
    seen = [weakref.ref(thing) for thing in (cargo, runtime, puppet)]
    await puppet.ctx.send(cargo)
    await runtime.terminate("k", timeout=0)
    del cargo, runtime, puppet
    await collect()
    assert [ref() for ref in seen] == [None] * 3


async def test_a_cycle_through_a_failure_is_collected(unlogged):
    own = RingKernelRuntime()
    puppet = await start_puppet(own)
    cargo = Cargo(own)
    puppet.error = ValueError(cargo)
    seen = [weakref.ref(thing) for thing in (cargo, own, puppet)]
    puppet.freed.set()
    await turns()
    del cargo, own, puppet
    await collect()
    assert [ref() for ref in seen] == [None] * 3


async def test_a_message_may_hold_the_context_of_the_kernel_that_it_waits_for(runtime):
    own = RingKernelRuntime()
    puppet = await start_puppet(own)
    cargo = Cargo(puppet.ctx)
    seen = weakref.ref(cargo)
    own.send_nowait("k", cargo)
    puppet.freed.set()
    await turns()
    del cargo, own, puppet
    await collect()
    assert seen() is None


async def test_a_closed_runtime_frees_replies_and_messages_but_not_itself():
    async with RingKernelRuntime() as runtime:
        puppet = await start_puppet(runtime)
        message, reply = Cargo(), Cargo()
        seen = [weakref.ref(message), weakref.ref(reply)]
        runtime.send_nowait("k", message)
        await puppet.ctx.send(reply)
        del message, reply
        puppet.freed.set()
    assert [ref() for ref in seen] == [None] * 2
    assert runtime.kernel_ids == []


async def test_a_thousand_launches_of_one_id_leave_one_kernel(runtime):
    alive = weakref.WeakSet()
    for number in range(1000):
        puppet = Puppet()
        alive.add(puppet)
        await runtime.launch("k", puppet)
        if number % 2:
            await runtime.activate("k")
            puppet.freed.set()
        runtime.send_nowait("k", Cargo(puppet))
        await runtime.terminate("k")
    del puppet
    await collect()
    assert len(alive) == 1  # that of the ended kernel whose state can be asked for


@pytest.mark.parametrize("fails", [False, True])
async def test_objects_do_not_pile_up_over_launches(fails, unlogged):
    counted = []
    for _ in range(4):
        for _ in range(50):
            await use_once(fails=fails)
        await collect()
        counted.append(len(gc.get_objects()))
    assert counted[-1] - counted[1] < 50  # of 100 launches, each of which makes more than 10


async def test_waiting_for_rest_leaves_nothing_with_the_kernels(runtime):
    await start(runtime, "k", echo)
    before = events()
    for number in range(20):
        runtime.send_nowait("k", number)
        await wait_until_idle(runtime)
    with pytest.raises(TimeoutError):
        await start_busy(runtime)
    await collect()
    assert events() == before


async def start_busy(runtime):
    async def never(ctx):
        await ctx.receive()
        await asyncio.get_running_loop().create_future()

    await start(runtime, "busy", never)
    runtime.send_nowait("busy", 1)
    await wait_until_idle(runtime, timeout=0.01)


def events():
    return sum(isinstance(each, asyncio.Event) for each in gc.get_objects())


async def use_once(*, fails):
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        puppet = await start_puppet(runtime)
        runtime.send_nowait("k", Cargo(runtime))
        await puppet.ctx.receive(timeout=0)
        puppet.error = ValueError() if fails else None
        puppet.freed.set()


async def test_a_wait_that_timed_out_is_not_kept_by_its_timer(runtime):
    await start_puppet(runtime, queue_size=1)
    runtime.send_nowait("k", 1)
    cargo = Cargo()
    seen = weakref.ref(cargo)
    sending = asyncio.create_task(runtime.send("k", cargo, timeout=1000))
    await turns(3)
    sending.cancel()
    await asyncio.wait([sending])
    del cargo, sending
    await collect()
    assert seen() is None
