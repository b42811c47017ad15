"""Fine points of what the counts and times say, on a clock that is turned by hand."""

import asyncio
import time

import pytest
from kernels_for_tests import counts, echo, start, start_puppet, turns
from waiting_for_tests import at_once

from pydotcompute import KernelState, KernelTelemetry, RingKernelRuntime, ring_kernel
from pydotcompute.exceptions import QueueTimeoutError
from pydotcompute.testing import MockClock, wait_until_idle


@pytest.fixture
def clock():
    return MockClock()


@pytest.fixture
async def timed(clock):
    async with RingKernelRuntime(enable_telemetry=True, clock=clock) as made:
        yield made
        await made.terminate_all(timeout=0)


async def sink(ctx):
    while True:
        await ctx.receive()


# How messages end.


async def test_a_kernel_says_in_its_decorator_that_it_gives_no_replies(runtime):
    @ring_kernel(kernel_id="k", replies=False, auto_register=False)
    async def quiet(ctx):
        await sink(ctx)

    await start(runtime, "k", quiet)
    await start(runtime, "answers", quiet, replies=True)
    for kernel_id in ("k", "answers"):
        await runtime.send_batch(kernel_id, [1, 2])
    await wait_until_idle(runtime)
    assert counts(runtime)["processed"] == 2
    assert counts(runtime, "answers")["unanswered"] == 2


async def test_a_kernel_without_replies_has_processed_only_what_ended_without_error(runtime):
    puppet = await start_puppet(runtime, replies=False)
    for number in range(4):
        runtime.send_nowait("k", number)
    await puppet.ctx.receive()
    await puppet.ctx.receive_batch(2)
    puppet.ctx.record_error(ValueError())
    await puppet.ctx.receive()
    puppet.error = ValueError()
    puppet.freed.set()
    await turns()
    seen = counts(runtime)
    assert (seen["processed"], seen["errored"], seen["errors"]) == (2, 2, 2)
    assert "unanswered" not in seen


async def test_each_recorded_error_marks_the_oldest_message_without_one(runtime):
    puppet = await start_puppet(runtime)
    for number in range(4):
        runtime.send_nowait("k", number)
    await puppet.ctx.receive_batch(4)
    for _ in range(2):
        puppet.ctx.record_error(ValueError())
    await puppet.ctx.send("to the first, which is marked")
    puppet.ctx.record_error(ValueError())
    for _ in range(2):
        await puppet.ctx.send("to the second and the third, marked by now")
    await puppet.ctx.send("to the fourth")
    seen = counts(runtime)
    assert (seen["errored"], seen["processed"], seen["errors"]) == (3, 1, 3)


@pytest.mark.parametrize("error", [None, ValueError()], ids=["returns", "raises"])
async def test_what_is_queued_when_the_code_ends_by_itself_is_discarded(runtime, error):
    puppet = await start_puppet(runtime)
    for number in range(3):
        runtime.send_nowait("k", number)
    puppet.error = error
    puppet.freed.set()
    await turns()
    assert counts(runtime)["discarded"] == 3
    assert "queue_depth" not in counts(runtime)


async def test_a_late_answer_to_what_was_left_before_a_reset_is_sent_and_not_processed(runtime):
    puppet = await start_puppet(runtime)
    runtime.send_nowait("k", 1)
    await puppet.ctx.receive()
    with pytest.raises(QueueTimeoutError):
        await puppet.ctx.receive(timeout=0)
    assert counts(runtime)["unanswered"] == 1
    runtime.reset_telemetry("k")
    await puppet.ctx.send("late")
    assert counts(runtime) == {"sent": 1, "output_depth": 1, "queue_depth_peak": 1}


async def test_asking_ends_the_earlier_message_also_where_the_asking_is_cancelled(runtime):
    puppet = await start_puppet(runtime)
    runtime.send_nowait("k", 1)
    await puppet.ctx.receive()
    asking = asyncio.create_task(puppet.ctx.receive())
    await turns()
    asking.cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()
    assert counts(runtime) == {"received": 1, "unanswered": 1, "queue_depth_peak": 1}


# Times.


async def test_the_time_of_the_last_message_is_that_of_its_acceptance_or_its_answer(timed, clock):
    puppet = await start_puppet(timed)

    def last():
        return timed.get_telemetry("k").last_message_time

    clock.advance(1)
    accepted = clock.time()
    timed.send_nowait("k", 1)
    clock.advance(1)
    await puppet.ctx.receive()
    assert last() == accepted
    clock.advance(1)
    answered = clock.time()
    await puppet.ctx.send(1)
    clock.advance(1)
    await timed.receive("k")
    with pytest.raises(QueueTimeoutError):
        await puppet.ctx.receive(timeout=0)
    assert last() == answered


async def test_the_time_of_the_last_message_is_that_of_the_wall_within_10_ms(runtime):
    await start(runtime, "k", echo)
    before = time.time()
    await runtime.send("k", 1)
    await runtime.receive("k")
    after = time.time()
    assert before - 0.010 <= runtime.get_telemetry("k").last_message_time <= after


async def test_no_time_passes_for_a_kernel_that_was_never_activated(timed, clock):
    await timed.launch("k", echo)
    clock.advance(1)
    timed.reset_telemetry("k")
    clock.advance(1)
    assert timed.get_telemetry("k").uptime == 0.0
    assert timed.get_telemetry("k").throughput == 0.0
    await timed.terminate("k")
    clock.advance(1)
    assert (timed.get_telemetry("k").uptime, timed.get_telemetry("k").start_time) == (0.0, None)


async def test_a_reset_before_the_activation_takes_nothing_from_the_uptime(timed, clock):
    await timed.launch("k", echo)
    timed.reset_telemetry("k")
    clock.advance(1)
    await timed.activate("k")
    clock.advance(3)
    assert timed.get_telemetry("k").uptime == 3.0


# The summary.


async def test_the_summary_counts_kernels_that_were_launched_and_have_not_ended(runtime):
    await runtime.launch("launched", echo)
    await start(runtime, "paused", echo)
    await runtime.deactivate("paused")
    puppet = await start_puppet(runtime, "winds down")
    puppet.ctx.request_termination()
    await start(runtime, "ended", echo)
    await runtime.terminate("ended")
    summary = runtime.get_summary()
    assert summary["kernel_count"] == 3
    assert list(summary["per_kernel"]) == ["launched", "paused", "winds down", "ended"]
    puppet.freed.set()


async def test_the_summary_shows_each_kernel_with_every_field_and_property(timed):
    await start(timed, "k", echo)
    await timed.send("k", 1)
    await timed.receive("k")
    telemetry = timed.get_telemetry("k")
    shown = timed.get_summary()["per_kernel"]["k"]
    properties = {name for name, of in vars(KernelTelemetry).items() if isinstance(of, property)}
    assert set(shown) == set(KernelTelemetry.__dataclass_fields__) | properties
    assert properties == {"uptime", "throughput", "error_rate"}
    latencies = {"queue_wait", "service"}
    assert all(shown[name] == getattr(telemetry, name) for name in shown.keys() - latencies)


async def test_telemetry_of_all_shows_the_latest_incarnation_of_each_id(runtime):
    for messages in (3, 1):
        await start(runtime, "k", echo)
        for number in range(messages):
            at_once(runtime.send("k", number))
        await wait_until_idle(runtime)
        await runtime.terminate("k")
    await start(runtime, "other", echo)
    shown = runtime.get_all_telemetry()
    assert list(shown) == ["k", "other"]
    assert (shown["k"].messages_processed, shown["k"].state) == (1, KernelState.TERMINATED)
    assert runtime.get_summary()["per_kernel"]["k"] == shown["k"].to_dict()
