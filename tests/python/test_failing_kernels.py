"""A kernel whose code raises ends as FAILED, and everybody concerned is told once."""

import asyncio
import logging

import pytest
from kernels_for_tests import bring_to, counts, echo, start, start_puppet, turns

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.exceptions import EndOfStream, KernelFailedError, QueueTimeoutError

FAILED = KernelState.FAILED


class OfItsOwn(BaseException):
    """No Exception."""


class UnprintableError(Exception):
    """An exception whose text cannot be made."""

    def __str__(self):
        raise ValueError


def errors_in(caplog):
    return [record for record in caplog.records if record.levelno >= logging.ERROR]


async def fail_with(runtime, error, *, replies=()):
    puppet = await start_puppet(runtime)
    puppet.error = error
    for reply in replies:
        await puppet.ctx.send(reply)
    puppet.freed.set()
    await turns()


async def test_the_traceback_is_logged_once(runtime, caplog):
    await fail_with(runtime, ValueError("the reason"))
    await runtime.terminate("k")
    (record,) = errors_in(caplog)
    assert record.name == "pydotcompute"
    assert record.getMessage() == "kernel 'k' failed"
    assert record.exc_info[0] is ValueError
    assert "the reason" in caplog.text
    assert "in __call__" in caplog.text


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), OfItsOwn("x"), QueueTimeoutError(1, "k"), UnprintableError(), EOFError()],
)
async def test_whatever_leaves_the_code_fails_the_kernel(runtime, error):
    await fail_with(runtime, error)
    assert runtime.get_state("k") is FAILED
    telemetry = runtime.get_telemetry("k")
    assert telemetry.errors == 1
    assert type(error).__name__ in telemetry.last_error


async def test_later_callers_are_told_with_the_cause(runtime):
    error = ValueError("the reason")
    await fail_with(runtime, error)
    calls = [
        lambda: runtime.send("k", 1),
        lambda: runtime.receive("k"),
        lambda: runtime.receive("k", timeout=0),
    ]
    for call in calls:
        with pytest.raises(KernelFailedError) as caught:
            await call()
        assert caught.value.__cause__ is error
        assert caught.value.kernel_id == "k"
        assert "ValueError: the reason" in str(caught.value)
    with pytest.raises(KernelFailedError):
        runtime.send_nowait("k", 1)
    with pytest.raises(KernelFailedError):
        runtime.receive_nowait("k")


async def test_the_reason_names_the_cause_also_where_another_error_is_newer(runtime):
    puppet = await start_puppet(runtime)
    puppet.error = ValueError("what ended it")
    puppet.ctx.record_error(puppet.error)
    puppet.ctx.record_error(KeyError("newer"))
    puppet.freed.set()
    await turns()
    with pytest.raises(KernelFailedError) as caught:
        await runtime.receive("k")
    assert caught.value.__cause__ is puppet.error
    assert caught.value.reason == "ValueError: what ended it"
    assert runtime.get_telemetry("k").last_error == "KeyError: 'newer'"


async def test_replies_made_before_the_failure_are_received_first(runtime):
    await fail_with(runtime, ValueError(), replies=(1, 2, 3))
    assert [await runtime.receive("k") for _ in range(2)] == [1, 2]
    assert runtime.receive_nowait("k") == 3
    with pytest.raises(KernelFailedError):
        await runtime.receive("k")


async def test_pending_callers_are_told(runtime):
    error = ValueError("the reason")
    puppet = await start_puppet(runtime, queue_size=1)
    puppet.error = error
    await runtime.send("k", "fills it")
    calls = [runtime.send("k", 1), runtime.send("k", 2), *(runtime.receive("k") for _ in range(3))]
    pending = [asyncio.create_task(call) for call in calls]
    await turns()
    await puppet.ctx.send("for the first")
    puppet.freed.set()
    told = await asyncio.gather(*pending, return_exceptions=True)
    assert told.pop(2) == "for the first"
    assert [type(refusal) for refusal in told] == [KernelFailedError] * 4
    assert all(refusal.__cause__ is error for refusal in told)


async def test_a_failure_while_winding_down_is_not_raised_by_terminate(runtime):
    async def bad_loser(ctx):
        try:
            await ctx.receive()
        except EndOfStream:
            raise ValueError from None

    await start(runtime, "k", bad_loser)
    await turns()
    await runtime.terminate("k")
    assert runtime.get_state("k") is FAILED


async def test_a_failure_under_cancellation_is_a_failure(runtime):
    async def bad_loser(ctx):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ValueError from None

    await start(runtime, "k", bad_loser)
    await turns()
    await runtime.terminate("k", timeout=0)
    assert runtime.get_state("k") is FAILED


async def test_a_kernel_that_cancels_itself_is_terminated(runtime, caplog):
    async def cancelled(ctx):
        await ctx.receive()
        raise asyncio.CancelledError

    await start(runtime, "k", cancelled)
    await runtime.send("k", 1)
    await turns()
    assert runtime.get_state("k") is KernelState.TERMINATED
    assert counts(runtime)["discarded"] == 1
    assert errors_in(caplog) == []


async def test_a_kernel_that_catches_its_cancellation_and_returns_is_terminated(runtime):
    async def polite(ctx):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await ctx.send("bye")

    await start(runtime, "k", polite)
    await turns()
    await runtime.terminate("k", timeout=0)
    assert runtime.get_state("k") is KernelState.TERMINATED
    assert await runtime.receive("k") == "bye"


async def test_other_kernels_go_on(runtime):
    await start(runtime, "other", echo)
    await bring_to(runtime, FAILED)
    await runtime.send("other", 1)
    assert await runtime.receive("other") == 1
    assert runtime.kernel_ids == ["other"]


async def test_a_failed_id_is_launched_again_without_its_past(runtime):
    await fail_with(runtime, ValueError(), replies=("old",))
    await start(runtime, "k", echo)
    await runtime.send("k", "new")
    assert await runtime.receive("k") == "new"
    assert runtime.get_telemetry("k").errors == 0
    assert runtime.get_telemetry("k").last_error is None


async def test_discarding_warns_once_with_the_count_of_all_that_is_lost(runtime, caplog):
    puppet = await start_puppet(runtime)
    puppet.error = ValueError()
    for number in range(6):
        await runtime.send("k", number)
    await puppet.ctx.receive_batch(3)
    puppet.freed.set()
    await turns()
    texts = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert texts == ["kernel 'k' ended and discarded 5 messages"]
    assert counts(runtime)["errored"] == 1
    assert counts(runtime)["discarded"] == 5


async def test_an_end_that_discards_nothing_is_silent(runtime, caplog):
    await start(runtime, "k", echo)
    await runtime.send("k", 1)
    await runtime.terminate("k")
    assert caplog.records == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_is_told_and_ends_the_program(error, caplog):
    seen = {}

    async def quit_all(ctx):
        raise error(3)

    async def main():
        runtime = seen["runtime"] = RingKernelRuntime()
        async with runtime:
            await start(runtime, "other", echo)
            await start(runtime, "k", quit_all)
            await asyncio.Event().wait()

    with pytest.raises(error):
        asyncio.run(main())
    assert seen["runtime"].get_state("k") is FAILED
    assert seen["runtime"].get_state("other") is KernelState.TERMINATED
    assert [record.name for record in errors_in(caplog)] == ["pydotcompute"]
