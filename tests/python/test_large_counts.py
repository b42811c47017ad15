"""Counts go past 2**32 as they go past any other number."""

import dataclasses
import json
from functools import partial

import pytest
from kernels_for_tests import start

from pydotcompute import RingKernelRuntime
from pydotcompute._core import ObjectMailbox
from pydotcompute.exceptions import KernelExecutionError, QueueFullError
from pydotcompute.telemetry import CallerLedger, audit
from pydotcompute.testing import MockClock, wait_until_idle

FIRST = 2**32 - 2
ROUNDS = 4


@pytest.fixture
def clock():
    """Make the clock of `runtime`."""
    return MockClock()


@pytest.fixture
async def runtime(monkeypatch, clock):
    """Make a runtime whose kernels count on from just below 2**32."""
    mailbox = partial(ObjectMailbox, first_count=FIRST)
    monkeypatch.setattr("pydotcompute.runtime.parts.ObjectMailbox", mailbox)
    async with RingKernelRuntime(enable_telemetry=True, clock=clock) as made:
        yield made


def parity(number):
    """Answer an even number, nothing to an odd one; anything else is an error."""
    return number if number % 2 == 0 else None


async def obey(ctx):
    """Do what each message says."""
    while True:
        action = await ctx.receive()
        error = ValueError(action)
        if action == "answer":
            await ctx.send(action)
        if action == "mark":
            ctx.record_error(error)
        if action == "raise":
            raise error


async def play(runtime):
    """Bring every way in which a message ends past 2**32; what the callers accepted and got."""
    options = {"queue_size": 1, "backpressure": "drop", "on_error": "restart", "max_restarts": 9}
    await start(runtime, "loop", obey, **options)
    for _ in range(ROUNDS):
        for action in ("answer", "skip", "mark", "raise"):
            runtime.send_nowait("loop", action)
            await wait_until_idle(runtime)
        await runtime.receive("loop")
        await runtime.deactivate("loop")
        runtime.send_nowait("loop", "drop me")
        runtime.send_nowait("loop", "skip")
        await runtime.reactivate("loop")
        await wait_until_idle(runtime)
    return CallerLedger(accepted=5 * FIRST + 6 * ROUNDS, received=FIRST + ROUNDS)


async def test_what_became_of_messages_is_counted_past_two_to_the_32nd(runtime):
    ledger = await play(runtime)
    telemetry = runtime.get_telemetry("loop")
    assert telemetry.messages_received == 5 * FIRST + 6 * ROUNDS
    assert telemetry.messages_processed == FIRST + ROUNDS
    assert telemetry.messages_unanswered == FIRST + 2 * ROUNDS
    assert telemetry.messages_errored == FIRST + 2 * ROUNDS
    assert telemetry.messages_dropped == FIRST + ROUNDS
    assert telemetry.messages_sent == telemetry.replies_received == FIRST + ROUNDS
    assert telemetry.errors == FIRST + 2 * ROUNDS
    assert telemetry.restarts == FIRST + ROUNDS
    result = audit([telemetry], ledger)
    assert result.is_balanced, str(result)


async def test_error_replies_are_counted_past_two_to_the_32nd(runtime):
    await start(runtime, "handler", parity)
    for _ in range(ROUNDS):
        runtime.send_nowait("handler", "no number")
        with pytest.raises(KernelExecutionError):
            await runtime.receive("handler")
    telemetry = runtime.get_telemetry("handler")
    assert telemetry.error_replies == telemetry.replies_received == FIRST + ROUNDS
    ledger = CallerLedger(accepted=5 * FIRST + ROUNDS, received=FIRST + ROUNDS)
    assert audit([telemetry], ledger).is_balanced


async def test_what_is_refused_and_what_an_end_discards_are_counted_past_two_to_the_32nd(runtime):
    await runtime.launch("k", parity, queue_size=ROUNDS)
    for number in range(ROUNDS):
        runtime.send_nowait("k", number)
    for number in range(ROUNDS):
        with pytest.raises(QueueFullError):
            runtime.send_nowait("k", number)
    await runtime.terminate("k")
    telemetry = runtime.get_telemetry("k")
    assert telemetry.messages_rejected == FIRST + ROUNDS
    assert telemetry.messages_discarded == FIRST + ROUNDS
    ledger = CallerLedger(accepted=5 * FIRST + ROUNDS, received=FIRST)
    assert audit([telemetry], ledger).is_balanced


async def test_rates_and_dicts_hold_large_counts(runtime, clock):
    await play(runtime)
    clock.advance(8)
    telemetry = runtime.get_telemetry("loop")
    assert telemetry.throughput == (FIRST + ROUNDS) / 8
    assert telemetry.error_rate == (FIRST + 2 * ROUNDS) / (FIRST + ROUNDS)
    values = telemetry.to_dict()
    assert json.loads(json.dumps(values)) == values
    assert values["messages_received"] == 5 * FIRST + 6 * ROUNDS
    assert values["throughput"] == telemetry.throughput
    assert dataclasses.replace(telemetry) == telemetry


async def test_a_summary_adds_large_counts_up_over_kernels_and_launches(runtime, clock):
    await play(runtime)
    await start(runtime, "other", obey)
    clock.advance(4)
    summary = runtime.get_summary()
    assert summary["total_messages"] == 2 * FIRST + ROUNDS
    assert summary["total_errors"] == 2 * FIRST + 2 * ROUNDS
    assert summary["aggregate_throughput"] == pytest.approx((2 * FIRST + ROUNDS) / 4)
    assert summary["per_kernel"]["loop"]["messages_processed"] == FIRST + ROUNDS
    await runtime.terminate("loop")
    await start(runtime, "loop", obey)
    assert runtime.get_summary()["total_messages"] == 3 * FIRST + ROUNDS


async def test_a_reset_below_two_to_the_32nd_subtracts_what_was_counted_before(runtime):
    await start(runtime, "loop", obey)
    runtime.reset_telemetry("loop")
    for _ in range(ROUNDS):
        runtime.send_nowait("loop", "answer")
        await runtime.receive("loop")
    telemetry = runtime.get_telemetry("loop")
    assert telemetry.messages_received == telemetry.messages_processed == ROUNDS
    assert telemetry.messages_sent == telemetry.replies_received == ROUNDS
    assert telemetry.messages_unanswered == 0


@pytest.mark.parametrize("rounds", [1, ROUNDS])
def test_a_mailbox_discards_and_throws_away_past_two_to_the_32nd(rounds):
    mailbox = ObjectMailbox("k", queue_size=9, output_queue_size=9, first_count=FIRST)
    for number in range(rounds):
        mailbox.offer(number)
        mailbox.reply(number)
    assert mailbox.end_cancelled() == mailbox.discard_replies() == rounds
    fields = mailbox.snapshot().since()
    assert fields["messages_discarded"] == FIRST + rounds
    assert fields["replies_discarded"] == FIRST + rounds
    assert fields["replies_received"] == FIRST


def test_without_a_first_count_a_mailbox_counts_from_0():
    fields = ObjectMailbox("k", queue_size=1, output_queue_size=1).snapshot().since()
    assert {value for value in fields.values() if isinstance(value, int)} == {0}
