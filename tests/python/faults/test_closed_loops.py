"""A loop that ends under a live runtime: nothing crashes, readings go on, others are refused."""

import asyncio
import gc
import logging
import weakref

import pytest
from faults_for_tests import forms, modes
from kernels_for_tests import counts, start, turns
from programs_for_tests import FORMS, Callers

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.exceptions import WrongLoopError

KERNELS = 5


async def leave_running(runtime, form, options):
    """Start kernels, some of them busy, and leave them; their callers counted."""
    kernel, of_its_form = FORMS[form]
    callers = Callers(runtime)
    for number in range(KERNELS):
        await start(runtime, f"k{number}", kernel, output_queue_size=2, **of_its_form, **options)
        await callers.send(range(number), f"k{number}")
    await runtime.launch("waiting", kernel, **of_its_form, **options)
    await callers.send([1], "waiting")
    await turns(20)
    return callers


class Cargo:
    """An object to look out for."""


@pytest.fixture
def quiet_asyncio(caplog):
    """Keep what asyncio says of tasks that were dropped with their loop; it is its own."""
    caplog.set_level(logging.CRITICAL, logger="asyncio")
    return caplog


def package_records(caplog, level=logging.ERROR):
    return [r for r in caplog.records if r.name == "pydotcompute" and r.levelno >= level]


@modes
@forms
def test_asyncio_run_ends_what_nobody_closed_and_every_count_agrees(form, mode, caplog):
    runtime = RingKernelRuntime(enable_telemetry=True)
    callers = asyncio.run(leave_running(runtime, form, mode))
    states = {runtime.get_state(f"k{number}") for number in range(KERNELS)}
    assert states == {KernelState.TERMINATED}
    assert runtime.get_state("waiting") is KernelState.LAUNCHED  # its code never began
    callers.check()
    cancelled = [r for r in package_records(caplog, logging.WARNING) if "cancelled" in r.msg]
    assert len(cancelled) == KERNELS
    assert package_records(caplog) == []


CALLS = {
    "launch": lambda runtime: runtime.launch("new", FORMS["loop"][0]),
    "activate": lambda runtime: runtime.activate("waiting"),
    "send": lambda runtime: runtime.send("k1", 1),
    "receive": lambda runtime: runtime.receive("k1"),
    "terminate": lambda runtime: runtime.terminate("k1"),
    "shutdown": lambda runtime: runtime.shutdown(),
}


@pytest.fixture
def orphan(quiet_asyncio):
    """Make a runtime whose loop was closed while its kernels ran, and its callers."""
    loop = asyncio.new_event_loop()
    runtime = RingKernelRuntime(enable_telemetry=True)
    callers = loop.run_until_complete(leave_running(runtime, "loop", {}))
    loop.close()
    return runtime, callers


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_another_loop_is_refused_once_the_runtimes_own_is_closed(orphan, call):
    runtime, callers = orphan
    before = counts(runtime, "k1")
    with pytest.raises(WrongLoopError, match="another loop runs here"):
        asyncio.run(call(runtime))
    assert (counts(runtime, "k1"), len(runtime.kernel_ids)) == (before, KERNELS + 1)
    callers.check()


def test_readings_go_on_after_the_loop_was_closed(orphan):
    runtime, _ = orphan
    assert runtime.active_kernels == [f"k{number}" for number in range(KERNELS)]
    assert runtime.get_state("k1") is KernelState.ACTIVE
    assert runtime.get_summary()["kernel_count"] == KERNELS + 1
    assert runtime.get_telemetry("k4").output_depth == 2
    runtime.reset_telemetry()
    assert runtime.get_telemetry("k1").messages_processed == 0
    assert repr(runtime) == "<RingKernelRuntime 6 kernels, telemetry on>"


def test_a_new_runtime_works_in_a_new_loop(orphan):
    async def use():
        async with RingKernelRuntime(enable_telemetry=True) as runtime:
            await start(runtime, "k1", FORMS["loop"][0])
            return await runtime.send_and_receive("k1", 1, timeout=5.0)

    assert asyncio.run(use()) == 1


def test_dropping_a_runtime_after_its_loop_was_closed_frees_its_messages(quiet_asyncio):
    loop = asyncio.new_event_loop()
    runtime = RingKernelRuntime(enable_telemetry=True)
    loop.run_until_complete(leave_running(runtime, "loop", {}))
    cargo = Cargo()
    loop.run_until_complete(runtime.send("k4", cargo))
    loop.close()
    seen = [weakref.ref(runtime), weakref.ref(cargo)]
    del loop, runtime, cargo
    gc.collect()
    assert [ref() for ref in seen] == [None, None]
    assert package_records(quiet_asyncio) == []


class LastWords:
    """A kernel that still does everything it can where it is thrown away."""

    def __init__(self):
        self.told = None
        self.met = []

    async def __call__(self, ctx):
        try:
            await ctx.receive()
        except BaseException as told:
            self.told = type(told)
            await ctx.send("bye")
            ctx.record_error(ValueError("thrown away"))
            for doing in (ctx.receive(timeout=1.0), ctx.send("no room", timeout=1.0)):
                try:
                    await doing
                except RuntimeError as error:
                    self.met.append(str(error))
            raise


@modes
def test_the_last_words_of_a_kernel_dropped_with_its_loop_are_counted_and_harm_nobody(
    mode, quiet_asyncio
):
    kernel = LastWords()
    runtime = RingKernelRuntime(enable_telemetry=True)

    async def begin(runtime):
        await start(runtime, "k", kernel, output_queue_size=1, **mode)
        waiting = [asyncio.create_task(runtime.receive("k")) for _ in range(2)]
        await turns()
        return waiting

    loop = asyncio.new_event_loop()
    waiting = loop.run_until_complete(begin(runtime))
    loop.close()
    counters = runtime._kernels["k"]._core
    del loop, runtime, waiting
    gc.collect()
    assert kernel.told is GeneratorExit
    assert len(kernel.met) == 2
    shown = counters.snapshot().since(None)
    assert (shown["messages_sent"], shown["output_depth"], shown["errors"]) == (1, 1, 1)
    assert package_records(quiet_asyncio) == []
