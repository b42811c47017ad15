"""Exceptions, logging handlers and signals that misbehave: every end is booked all the same."""

import asyncio
import copy
import logging
import pickle
import signal

import pytest
from kernels_for_tests import echo

from pydotcompute import KernelState, RingKernelRuntime, TelemetryCollector, message
from pydotcompute.exceptions import KernelFailedError, MessageValidationError
from pydotcompute.telemetry.errors import is_recorded, mark_recorded
from pydotcompute.testing import wait_until_idle


class NoDictError(Exception):
    @property
    def __dict__(self):
        raise RuntimeError


class DictIsNoneError(Exception):
    __dict__ = None


class TextIsCancelledError(Exception):
    def __str__(self):
        raise asyncio.CancelledError


class NoAttributesError(Exception):
    def __getattribute__(self, name):
        raise RuntimeError(name)


class NoClassError(Exception):
    @property
    def __class__(self):
        raise RuntimeError


class NoSplitError(ExceptionGroup):
    def split(self, _condition):
        raise RuntimeError


ODD = {
    NoDictError: (),
    DictIsNoneError: (),
    TextIsCancelledError: (),
    NoAttributesError: (),
    NoClassError: (),
    NoSplitError: ("", [OSError()]),
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("is_marked", [False, True])
async def test_whatever_a_kernel_raises_it_is_failed_and_counted_once(kind, is_marked, caplog):
    error = kind(*ODD[kind])
    caplog.set_level(logging.CRITICAL, logger="pydotcompute")

    async def fails(ctx):
        await ctx.receive()
        if is_marked:
            ctx.record_error(error)
        raise error

    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", fails)
        await runtime.activate("k")
        await runtime.send("k", 1)
        with pytest.raises(KernelFailedError):
            await runtime.receive("k", timeout=5.0)
        t = runtime.get_telemetry("k")
    assert (t.state, t.errors, t.messages_errored) == (KernelState.FAILED, 1, 1)
    assert t.last_error.startswith(kind.__name__)


class BrokenHandler(logging.Handler):
    def emit(self, record):
        raise OSError(record.levelname)


@pytest.fixture
def broken_log():
    logger, handler = logging.getLogger("pydotcompute"), BrokenHandler()
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)


@pytest.mark.usefixtures("broken_log")
async def test_a_logging_handler_that_raises_leaves_no_kernel_behind(capsys):
    async def fails(ctx):
        raise ValueError(await ctx.receive())

    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        for kernel_id in ("a", "b", "c"):
            await runtime.launch(kernel_id, fails)
            await runtime.send(kernel_id, 1)
        await runtime.activate("c")
        await wait_until_idle(runtime)
        assert runtime.get_state("c") is KernelState.FAILED
        await runtime.terminate_all()
        states = {kernel_id: runtime.get_state(kernel_id) for kernel_id in "ab"}
    assert set(states.values()) == {KernelState.TERMINATED}
    assert "OSError: WARNING" in capsys.readouterr().err


async def test_an_exception_shared_by_two_runtimes_counts_in_each(caplog):
    caplog.set_level(logging.CRITICAL, logger="pydotcompute")
    shared = ValueError("shared")

    async def records(ctx):
        ctx.record_error(shared)
        await ctx.receive()

    async def raises(_ctx):
        raise shared

    async with (
        RingKernelRuntime(enable_telemetry=True) as first,
        RingKernelRuntime(enable_telemetry=True) as second,
    ):
        for runtime, kernel in ((first, records), (second, raises)):
            await runtime.launch("k", kernel)
            await runtime.activate("k")
            await wait_until_idle(runtime)
        assert [runtime.get_telemetry("k").errors for runtime in (first, second)] == [1, 1]


class Recorder:
    """Something that counts errors."""


def test_a_mark_keeps_no_recorder_alive_and_no_copy_carries_it():
    error, recorder = ValueError("x"), Recorder()
    mark_recorded(error, recorder)
    assert is_recorded(error, recorder)
    copies = copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))  # noqa: S301 - made here
    assert not any(is_recorded(one, recorder) for one in copies)
    marks = error.__dict__["__pydotcompute_recorded__"]
    del recorder
    assert len(marks.recorders) == 0


@message
class Ranked:
    rank: int


@pytest.mark.parametrize("strategy", ["block", "reject", "drop"])
@pytest.mark.parametrize("priority", [999, True, None, "high"])
async def test_a_wrong_priority_anywhere_in_a_batch_sends_nothing(strategy, priority):
    batch = [Ranked(rank) for rank in range(4)]
    batch[2].priority = priority
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", echo, backpressure=strategy)
        with pytest.raises(MessageValidationError, match=repr(priority)):
            await runtime.send_batch("k", batch)
        assert runtime.get_telemetry("k").messages_received == 0


async def test_a_message_whose_priority_cannot_be_read_shows_its_own_error():
    class Unreadable:
        __ring_message__ = True

        def __repr__(self):
            return "my own"

        @property
        def priority(self):
            raise ValueError(self)

    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", echo)
        with pytest.raises(ValueError, match=r"^my own$"):
            await runtime.send("k", Unreadable())
        with pytest.raises(ValueError, match=r"^my own$"):
            await runtime.send_batch("k", [1, Unreadable()])
        assert runtime.get_telemetry("k").messages_received == 0


async def test_a_kernel_cancelled_by_somebody_else_says_so(caplog):
    async def waits(ctx):
        await ctx.receive()

    async with RingKernelRuntime() as runtime:
        await runtime.launch("k", waits)
        await runtime.activate("k")
        await asyncio.sleep(0)
        next(task for task in asyncio.all_tasks() if task.get_name() == "k").cancel()
        await wait_until_idle(runtime)
        assert runtime.get_state("k") is KernelState.TERMINATED
    assert "kernel 'k' was cancelled, not by its runtime" in caplog.text


def test_counts_made_by_a_signal_handler_in_the_middle_of_others_are_not_lost():
    collector = TelemetryCollector()
    truth = 0

    def interrupt(_signal, _frame):
        nonlocal truth
        for number in range(20):
            collector.record_receive(f"k{number}")
            truth += 1

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for _ in range(200):
            for number in range(20):
                collector.record_receive(f"k{number}")
            collector.get_summary()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    counted = sum(t.messages_received for t in collector.get_all_telemetry().values())
    assert counted == truth + 200 * 20
