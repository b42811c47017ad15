"""How long messages wait and how long kernels have them, on a clock turned by hand."""

import asyncio
import copy
import dataclasses
import json
import pickle

import msgspec
import pytest
from kernels_for_tests import echo, start, start_puppet, turns

from pydotcompute import (
    KernelState,
    KernelTelemetry,
    LatencySummary,
    RingKernelRuntime,
    TelemetryCollector,
)
from pydotcompute._core import ObjectMailbox
from pydotcompute.testing import MockClock

WITHIN = 0.07
"""The promised relative error."""
QUANTILES = ("p50", "p90", "p99", "p999")


@pytest.fixture
def clock():
    return MockClock()


@pytest.fixture
async def timed(clock):
    """Make a runtime on the clock that is turned by hand."""
    async with RingKernelRuntime(enable_telemetry=True, clock=clock) as made:
        yield made
        await made.terminate_all(timeout=0)


async def work(runtime, clock, puppet, *, wait, service, kernel_id="k"):
    """Let one message wait and then be worked on, in seconds."""
    await runtime.send(kernel_id, "message")
    clock.advance(wait)
    await puppet.ctx.receive()
    clock.advance(service)
    await puppet.ctx.send("reply")
    await runtime.receive(kernel_id)


def assert_all_are(summary, seconds, count=1):
    assert (summary.count, summary.sum) == (count, pytest.approx(count * seconds))
    for name in QUANTILES:
        assert getattr(summary, name) == pytest.approx(seconds, rel=WITHIN)
    assert seconds <= summary.max <= seconds * (1 + WITHIN)


async def test_a_message_waits_until_it_is_taken_and_is_served_until_it_is_answered(timed, clock):
    puppet = await start_puppet(timed)
    await work(timed, clock, puppet, wait=0.25, service=0.0625)
    t = timed.get_telemetry("k")
    assert_all_are(t.queue_wait, 0.25)
    assert_all_are(t.service, 0.0625)
    assert t.latency_sample_rate == 1.0


async def test_quantiles_tell_the_many_from_the_few(timed, clock):
    puppet = await start_puppet(timed)
    for number in range(1000):
        wait = 1.0 if number % 100 == 7 else 0.001
        await work(timed, clock, puppet, wait=wait, service=0.002)
    wait = timed.get_telemetry("k").queue_wait
    assert (wait.p50, wait.p90) == pytest.approx((0.001, 0.001), rel=WITHIN)
    assert wait.p99 == pytest.approx(0.001, rel=WITHIN)  # 990 of 1,000 waited no longer
    assert (wait.p999, wait.max) == pytest.approx((1.0, 1.0), rel=WITHIN)
    assert wait.sum == pytest.approx(10 + 0.99)


async def test_before_the_first_message_there_is_nothing_to_show(timed):
    await start(timed, "k", echo)
    t = timed.get_telemetry("k")
    assert (t.queue_wait, t.service, t.latency_sample_rate, t.duty_cycle) == (None,) * 4
    assert t.to_dict()["queue_wait"] is None


async def test_a_message_still_in_flight_has_waited_and_is_not_served(timed, clock):
    puppet = await start_puppet(timed)
    await timed.send("k", 1)
    clock.advance(2)
    await puppet.ctx.receive()
    t = timed.get_telemetry("k")
    assert_all_are(t.queue_wait, 2)
    assert t.service is None


async def test_the_duty_cycle_is_the_share_of_the_uptime_in_the_kernels_code(timed, clock):
    puppet = await start_puppet(timed)
    await work(timed, clock, puppet, wait=3, service=1)
    assert timed.get_telemetry("k").duty_cycle == 0.25
    clock.advance(4)
    assert timed.get_telemetry("k").duty_cycle == 0.125


async def test_the_duty_cycle_is_at_most_one(timed, clock):
    puppet = await start_puppet(timed)
    for number in range(3):
        await timed.send("k", number)
    await puppet.ctx.receive_batch(3)
    clock.advance(5)
    for number in range(3):
        await puppet.ctx.send(number)
    assert timed.get_telemetry("k").duty_cycle == 1.0


def test_without_uptime_there_is_no_duty_cycle(clock):
    mailbox = ObjectMailbox("k", queue_size=1, output_queue_size=1, clock=clock)
    mailbox.resume()
    mailbox.offer(1)
    mailbox.take()
    mailbox.reply(1)
    fields = mailbox.snapshot().since()
    assert fields["service"]["count"] == 1
    assert fields["duty_cycle"] is None


@pytest.mark.parametrize("options", [{"latency": False}, {"enable_telemetry": False}])
async def test_what_is_switched_off_times_nothing(options, clock):
    options = {"enable_telemetry": True, "clock": clock, **options}
    async with RingKernelRuntime(**options) as runtime:
        puppet = await start_puppet(runtime)
        await work(runtime, clock, puppet, wait=1, service=1)
        await runtime.terminate_all(timeout=0)
        t = runtime.get_telemetry("k")
        if not options["enable_telemetry"]:
            assert t is None
            return
        assert (t.queue_wait, t.service, t.latency_sample_rate, t.duty_cycle) == (None,) * 4
        assert t.messages_processed == 1


async def test_a_reset_starts_the_histograms_again(timed, clock):
    puppet = await start_puppet(timed)
    for _ in range(20):
        await work(timed, clock, puppet, wait=1, service=2)
    timed.reset_telemetry("k")
    t = timed.get_telemetry("k")
    assert (t.queue_wait, t.service, t.latency_sample_rate, t.duty_cycle) == (None,) * 4
    await work(timed, clock, puppet, wait=0.5, service=0.5)
    t = timed.get_telemetry("k")
    assert_all_are(t.queue_wait, 0.5)
    assert_all_are(t.service, 0.5)
    assert t.duty_cycle == 0.5


async def test_a_relaunched_kernel_starts_its_histograms_again(timed, clock):
    puppet = await start_puppet(timed)
    await work(timed, clock, puppet, wait=1, service=1)
    await timed.terminate("k", timeout=0)
    assert_all_are(timed.get_telemetry("k").queue_wait, 1)
    puppet = await start_puppet(timed)
    assert timed.get_telemetry("k").queue_wait is None
    await work(timed, clock, puppet, wait=2, service=2)
    assert_all_are(timed.get_telemetry("k").queue_wait, 2)


async def test_a_cancelled_kernels_message_was_served_until_then(timed, clock):
    puppet = await start_puppet(timed)
    for _ in range(2):
        await timed.send("k", "message")
    await puppet.ctx.receive()
    clock.advance(3)
    await timed.terminate("k", timeout=0)
    t = timed.get_telemetry("k")
    assert t.messages_discarded == 2
    assert (t.queue_wait.count, t.service.count) == (1, 1)
    assert_all_are(t.service, 3)


async def test_a_failed_kernels_message_was_served_until_then(timed, clock):
    puppet = await start_puppet(timed)
    await timed.send("k", "message")
    await puppet.ctx.receive()
    clock.advance(3)
    puppet.error = ValueError("as told")
    puppet.freed.set()
    await turns()
    assert_all_are(timed.get_telemetry("k").service, 3)


async def test_many_messages_at_once_are_sampled_and_counted_all_the_same(timed):
    await start(timed, "k", echo)
    sent = 5000
    for number in range(sent):
        await timed.send("k", number)
        await timed.receive("k")
    t = timed.get_telemetry("k")
    assert t.messages_processed == sent
    assert 0 < t.latency_sample_rate < 0.5  # on a clock that stands still no rate is higher
    assert 0.5 * sent < t.queue_wait.count <= sent
    assert t.queue_wait.count == t.service.count


async def test_latency_does_not_change_what_is_counted():
    shown = []
    for latency in (True, False):
        async with RingKernelRuntime(
            enable_telemetry=True, latency=latency, clock=MockClock()
        ) as runtime:
            await start(runtime, "k", echo, queue_size=3, backpressure="drop")
            for number in range(30):
                await runtime.send("k", number)
                if number % 7 == 0:
                    await asyncio.sleep(0)
            await turns()
            shown.append(runtime.get_telemetry("k"))
            await runtime.terminate_all(timeout=0)  # nobody makes room for the last replies
    timed, untimed = shown
    assert dataclasses.replace(
        timed, queue_wait=None, service=None, latency_sample_rate=None, duty_cycle=None
    ) == dataclasses.replace(untimed)


def test_by_hand_nothing_is_timed(clock):
    collector = TelemetryCollector(clock=clock)
    collector.record_receive("k")
    clock.advance(1)
    collector.record_send("k")
    t = collector.get_telemetry("k")
    assert (t.queue_wait, t.service, t.latency_sample_rate, t.duty_cycle) == (None,) * 4


async def test_a_summary_of_latencies_is_an_immutable_value_that_pickles(timed, clock):
    puppet = await start_puppet(timed)
    await work(timed, clock, puppet, wait=1, service=1)
    t = timed.get_telemetry("k")
    assert pickle.loads(pickle.dumps(t)) == t  # noqa: S301 - our own bytes
    assert LatencySummary(**t.service.to_dict()) == t.service
    assert hash(t.service) == hash(pickle.loads(pickle.dumps(t.service)))  # noqa: S301
    with pytest.raises(dataclasses.FrozenInstanceError):
        t.service.p50 = 0.0


async def test_latencies_are_those_of_the_moment_they_were_read(timed, clock):
    puppet = await start_puppet(timed)
    await work(timed, clock, puppet, wait=1, service=2)
    before = timed.get_telemetry("k")
    for _ in range(20):
        await work(timed, clock, puppet, wait=5, service=5)
    timed.reset_telemetry("k")
    assert_all_are(before.queue_wait, 1)
    assert_all_are(before.service, 2)
    assert before.service is before.service


@pytest.mark.parametrize(
    "copied",
    [
        lambda t: pickle.loads(pickle.dumps(t)),  # noqa: S301 - our own bytes
        copy.copy,
        copy.deepcopy,
        dataclasses.replace,
        lambda t: type(t)(
            **dataclasses.asdict(t) | {"queue_wait": t.queue_wait, "service": t.service}
        ),
    ],
)
async def test_a_copy_of_telemetry_has_its_latencies(timed, clock, copied):
    puppet = await start_puppet(timed)
    await work(timed, clock, puppet, wait=1, service=2)
    one, other = copied(timed.get_telemetry("k")), timed.get_telemetry("k")
    assert one == other
    assert hash(one) == hash(other)
    assert repr(one) == repr(other)
    assert list(one.to_dict().items()) == list(other.to_dict().items())
    assert_all_are(one.queue_wait, 1)
    assert_all_are(one.service, 2)


async def test_telemetry_and_summary_are_what_serializers_take_them_for(timed, clock):
    puppet = await start_puppet(timed)
    await work(timed, clock, puppet, wait=1, service=2)
    t, summary = timed.get_telemetry("k"), timed.get_summary()
    assert msgspec.json.decode(msgspec.json.encode(t)) == dataclasses.asdict(t)
    assert msgspec.json.decode(msgspec.json.encode(summary)) == summary
    assert json.loads(json.dumps(summary)) == summary


def test_telemetry_made_by_hand_has_the_latencies_it_is_given():
    given = LatencySummary(1, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0)
    t = KernelTelemetry("k", KernelState.ACTIVE, service=given)
    assert (t.queue_wait, t.service) == (None, given)
    assert (KernelTelemetry.queue_wait, KernelTelemetry.service) == (None, None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        t.service = None


async def test_a_dict_of_telemetry_holds_latencies_as_dicts(timed, clock):
    puppet = await start_puppet(timed)
    await work(timed, clock, puppet, wait=1, service=1)
    values = timed.get_summary()["per_kernel"]["k"]
    assert values["service"] == dataclasses.asdict(timed.get_telemetry("k").service)
    assert list(values["queue_wait"]) == ["count", "sum", *QUANTILES, "max"]
    assert (values["latency_sample_rate"], values["duty_cycle"]) == (1.0, 0.5)


async def test_a_dict_handed_out_is_the_callers_own(timed, clock):
    puppet = await start_puppet(timed)
    await work(timed, clock, puppet, wait=1, service=1)
    t = timed.get_telemetry("k")
    t.to_dict().clear()
    t.service.to_dict().clear()
    assert t == timed.get_telemetry("k")
