"""The audit compares three sources, and sees when any of them is wrong."""

import dataclasses

import pytest

from pydotcompute import RingKernelRuntime
from pydotcompute.telemetry import CallerLedger, audit
from pydotcompute.testing import wait_until_idle


async def echo(ctx):
    while True:
        message = await ctx.receive()
        if message % 3:
            await ctx.send(message)


async def one_run():
    """Send ten messages and receive some replies; telemetry and what the caller counted."""
    accepted = received = 0
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", echo, output_queue_size=3)
        await runtime.activate("k")
        for message in range(10):
            await runtime.send("k", message)
            accepted += 1
        for _ in range(2):
            await runtime.receive("k")
            received += 1
        await wait_until_idle(runtime)
        telemetry = runtime.get_telemetry("k")
        await runtime.terminate("k", timeout=0)  # it waits for room that nobody will make
    return telemetry, CallerLedger(accepted=accepted, received=received)


async def test_the_audit_balances_over_records_queues_and_callers():
    telemetry, ledger = await one_run()
    result = audit([telemetry], ledger)
    assert result.is_balanced
    assert telemetry.queue_depth > 0
    assert telemetry.in_flight == 1
    assert telemetry.messages_unanswered > 0
    assert "10 accepted (callers) = 10 received (record): holds" in str(result)


COUNTED = [
    "messages_received",
    "messages_processed",
    "messages_unanswered",
    "messages_errored",
    "messages_dropped",
    "messages_discarded",
    "messages_sent",
    "error_replies",
    "replies_discarded",
]
MEASURED = ["queue_depth", "in_flight", "output_depth"]


@pytest.mark.parametrize("field", COUNTED + MEASURED)
async def test_a_wrong_term_of_record_or_queue_unbalances_the_audit(field):
    telemetry, ledger = await one_run()
    wrong = dataclasses.replace(telemetry, **{field: getattr(telemetry, field) + 1})
    result = audit([wrong], ledger)
    assert not result.is_balanced
    assert "is off by" in str(result)


@pytest.mark.parametrize("field", ["accepted", "received"])
async def test_a_wrong_count_of_the_callers_unbalances_the_audit(field):
    telemetry, ledger = await one_run()
    wrong = dataclasses.replace(ledger, **{field: getattr(ledger, field) - 1})
    assert not audit([telemetry], wrong).is_balanced


async def test_a_message_that_slips_past_the_counters_unbalances_the_audit():
    async with RingKernelRuntime(enable_telemetry=True) as counted:
        await counted.launch("k", echo)
        await counted.send("k", 1)
        runtime_sees = counted.get_telemetry("k")
        await counted.send("k", 2)
    assert not audit([runtime_sees], CallerLedger(accepted=2, received=0)).is_balanced


async def test_several_kernels_are_audited_as_one_sum():
    first, ledger = await one_run()
    second, _ = await one_run()
    both = CallerLedger(accepted=2 * ledger.accepted, received=2 * ledger.received)
    assert audit([first, second], both).is_balanced
