"""Storms of exceptions: counts stay exact, memory and log stay bounded."""

import gc
import logging
import tracemalloc

import pytest
from faults_for_tests import LogCounter, modes
from kernels_for_tests import start
from programs_for_tests import FORMS, Callers, obey_in_loop

from pydotcompute import KernelState
from pydotcompute.exceptions import KernelExecutionError, KernelFailedError
from pydotcompute.testing import wait_until_idle

STORM = 20_000
BURST = 200
HANDLERS = [form for form in FORMS if form != "loop"]
GROWTH_BYTES = 64 * 1024  # one kept exception with its traceback is half a kilobyte at least


@pytest.fixture(params=["INFO"])
def log(request):
    """Count what the package logs from a level on."""
    logger, counter = logging.getLogger("pydotcompute"), LogCounter()
    level = logger.level
    logger.setLevel(request.param)
    logger.addFilter(counter)
    yield counter
    logger.removeFilter(counter)
    logger.setLevel(level)


class Memory:
    """What Python's allocator holds, between two moments of a storm."""

    def __init__(self):
        self.readings = []

    def read(self):
        gc.collect()
        self.readings.append(tracemalloc.get_traced_memory()[0])

    def check(self):
        early, late = self.readings
        assert late - early < GROWTH_BYTES


@pytest.fixture
def memory():
    tracemalloc.start()
    yield Memory()
    tracemalloc.stop()


@modes
@pytest.mark.parametrize("form", HANDLERS)
async def test_a_handler_may_raise_for_every_message(runtime, form, mode, memory, log):
    callers = Callers(runtime)
    handler, options = FORMS[form]
    await start(runtime, "k", handler, **options, **mode)
    for begin in range(0, STORM, BURST):
        if begin == 2000:
            memory.read()
        await callers.send(ValueError(number) for number in range(begin, begin + BURST))
        for _ in range(BURST):
            assert type(await callers.receive()) is KernelExecutionError
    memory.read()
    memory.check()
    await wait_until_idle(runtime)
    callers.check()
    t = runtime.get_telemetry("k")
    assert (t.errors, t.messages_errored, t.error_replies) == (STORM, STORM, STORM)
    assert (t.messages_processed, t.state) == (0, KernelState.ACTIVE)
    assert t.last_error == f"ValueError: {STORM - 1}"
    assert log.levels == {}


@modes
@pytest.mark.parametrize("log", ["DEBUG"], indirect=True)
async def test_a_debug_log_of_a_storm_has_one_record_a_message(runtime, mode, log):
    handler, options = FORMS["handler def"]
    await start(runtime, "k", handler, **options, **mode)
    await runtime.send_batch("k", [ValueError(number) for number in range(1000)])
    await wait_until_idle(runtime)
    assert (log.levels, log.tracebacks) == ({"DEBUG": 1000}, 1000)


@modes
async def test_errors_that_nobody_collects_fill_the_output_queue_and_no_more(
    runtime, mode, memory, log
):
    handler, options = FORMS["handler def"]
    callers = Callers(runtime)
    await start(runtime, "k", handler, queue_size=50, backpressure="reject", **options, **mode)
    await offer(callers, 2000)
    memory.read()
    await offer(callers, STORM)
    memory.read()
    memory.check()
    callers.check()
    t = runtime.get_telemetry("k")
    assert (t.output_depth, t.in_flight, t.queue_depth) == (50, 1, 50)
    assert (t.messages_received, t.messages_rejected) == (101, 2000 + STORM - 101)
    assert t.errors == t.messages_errored == 50
    await runtime.terminate("k", timeout=0.01)
    callers.check()


async def offer(callers, count):
    for begin in range(0, count, 50):
        await callers.send(ValueError(number) for number in range(begin, begin + 50))
        await wait_until_idle(callers.runtime)


@modes
async def test_restarts_keep_counting_until_they_are_too_many(runtime, mode, memory, log):
    most = 1500
    callers = Callers(runtime)
    options = {"on_error": "restart", "max_restarts": most, "restart_window": 3600.0}
    await start(runtime, "k", obey_in_loop, **options, **mode)
    for number in range(most):
        if number == 500:
            memory.read()
        await callers.send([ValueError(number), number])
        assert await callers.receive(timeout=5.0) == number
    memory.read()
    memory.check()
    await callers.send(["fine", ValueError("one too many"), "lost"])
    assert await callers.receive(timeout=5.0) == "fine"
    with pytest.raises(KernelFailedError, match="one too many"):
        await callers.receive(timeout=5.0)
    callers.check()
    t = runtime.get_telemetry("k")
    assert (t.state, t.restarts, t.errors) == (KernelState.FAILED, most, most + 1)
    assert (t.messages_processed, t.messages_errored) == (most + 1, most + 1)
    assert (t.messages_discarded, t.last_error) == (1, "ValueError: one too many")
    assert log.levels == {"WARNING": most + 1, "ERROR": 1}
    assert log.tracebacks == most + 1  # one a restart and one for the end


@modes
async def test_a_failed_kernel_that_is_asked_again_and_again_piles_up_nothing(
    runtime, mode, memory, log
):
    await start(runtime, "k", obey_in_loop, **mode)
    await runtime.send("k", ValueError("the reason"))
    await wait_until_idle(runtime)
    await ask(runtime, 500)
    memory.read()
    await ask(runtime, 5000)
    memory.read()
    memory.check()
    assert runtime.get_telemetry("k").errors == 1
    assert (log.levels, log.tracebacks) == ({"ERROR": 1}, 1)


async def ask(runtime, times):
    for _ in range(times):
        with pytest.raises(KernelFailedError):
            await runtime.receive("k")


@modes
async def test_recorded_errors_pile_up_nothing(runtime, mode, memory, log):
    async def records(ctx):
        while True:
            ctx.record_error(ValueError(await ctx.receive()))

    callers = Callers(runtime)
    await start(runtime, "k", records, **mode)
    for begin in range(0, STORM, BURST):
        if begin == 2000:
            memory.read()
        await callers.send(range(begin, begin + BURST))
        await wait_until_idle(runtime)
    memory.read()
    memory.check()
    callers.check()
    t = runtime.get_telemetry("k")
    assert (t.errors, t.messages_errored, t.in_flight) == (STORM, STORM, 0)
    assert (t.last_error, log.levels) == (f"ValueError: {STORM - 1}", {})
