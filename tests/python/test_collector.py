"""Counting by hand, resets, and totals over incarnations."""

import threading
import time

import pytest

from pydotcompute import KernelState, KernelTelemetry, RingKernelRuntime, TelemetryCollector
from pydotcompute.exceptions import InvalidArgumentError, InvalidTypeError, KernelNotFoundError
from pydotcompute.testing import MockClock, wait_until_idle


async def echo(ctx):
    while True:
        await ctx.send(await ctx.receive())


async def exchange(runtime, kernel_id, count):
    for message in range(count):
        await runtime.send(kernel_id, message)
        await runtime.receive(kernel_id)


def test_by_hand_a_receive_is_accepted_and_taken():
    collector = TelemetryCollector()
    collector.record_receive("k")
    t = collector.get_telemetry("k")
    assert (t.messages_received, t.in_flight, t.queue_depth) == (1, 1, 0)
    assert t.state is KernelState.ACTIVE


def test_by_hand_a_send_ends_the_oldest_message_in_flight():
    collector = TelemetryCollector()
    collector.record_receive("k")
    collector.record_send("k")
    collector.record_send("k")
    t = collector.get_telemetry("k")
    assert (t.messages_sent, t.messages_processed, t.in_flight) == (2, 1, 0)


def test_by_hand_an_error_counts_and_ends_the_oldest_message_as_errored():
    collector = TelemetryCollector()
    collector.record_receive("k")
    collector.record_error("k", ValueError("bad"))
    collector.record_error("k")
    t = collector.get_telemetry("k")
    assert (t.errors, t.messages_errored, t.in_flight) == (2, 1, 0)
    assert t.last_error == "ValueError: bad"


def test_by_hand_an_unknown_id_starts_with_its_first_call():
    clock = MockClock()
    collector = TelemetryCollector(clock=clock)
    assert collector.get_telemetry("k") is None
    collector.record_send("k")
    clock.advance(2.0)
    t = collector.get_telemetry("k")
    assert (t.start_time, t.uptime) == (clock.time() - 2.0, 2.0)


def test_start_and_message_times_are_unix_times():
    before = time.time()
    collector = TelemetryCollector()
    collector.record_receive("k")
    t = collector.get_telemetry("k")
    assert before <= t.start_time <= t.last_message_time <= time.time()


def test_a_disabled_collector_does_nothing():
    collector = TelemetryCollector(enabled=False)
    collector.record_receive("k")
    collector.record_send("k")
    collector.record_error("k", ValueError())
    collector.reset()
    collector.reset("k")
    assert collector.get_telemetry("k") is None
    assert collector.get_all_telemetry() == {}
    assert collector.get_summary()["kernel_count"] == 0


def test_from_any_number_of_threads_no_count_is_lost():
    collector = TelemetryCollector()
    threads, rounds = 8, 2000
    start = threading.Barrier(threads)

    def work(number):
        start.wait()
        for _ in range(rounds):
            collector.record_receive("shared")
            if number % 2:
                collector.record_send("shared")
            else:
                collector.record_error("shared")
            collector.record_receive(f"own-{number}")

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    t = collector.get_telemetry("shared")
    half = threads * rounds // 2
    assert (t.messages_received, t.in_flight) == (2 * half, 0)
    assert (t.messages_sent, t.messages_processed, t.errors, t.messages_errored) == (half,) * 4
    own = [collector.get_telemetry(f"own-{number}") for number in range(threads)]
    assert [t.messages_received for t in own] == [rounds] * threads


@pytest.mark.parametrize("kernel_id", ["", "x" * 193, "\ud800"])
def test_by_hand_an_id_out_of_range_is_refused(kernel_id):
    with pytest.raises(InvalidArgumentError, match="192"):
        TelemetryCollector().record_receive(kernel_id)


def test_by_hand_an_id_must_be_a_str():
    with pytest.raises(InvalidTypeError, match="int"):
        TelemetryCollector().record_receive(7)


def test_reset_of_an_unknown_id_says_so():
    with pytest.raises(KernelNotFoundError, match="nobody"):
        TelemetryCollector().reset("nobody")


def test_a_snapshot_made_by_hand_runs_to_now():
    t = KernelTelemetry("k", KernelState.ACTIVE, messages_processed=10, start_time=time.time() - 5)
    assert 5.0 <= t.uptime < 60.0
    assert 0.1 < t.throughput <= 2.0


@pytest.mark.parametrize(
    ("processed", "errors", "rate"), [(0, 0, 0.0), (0, 3, 3.0), (4, 1, 0.25), (4, 0, 0.0)]
)
def test_error_rate_is_errors_per_message_processed(processed, errors, rate):
    t = KernelTelemetry("k", KernelState.ACTIVE, messages_processed=processed, errors=errors)
    assert t.error_rate == rate


async def test_a_reset_in_mid_flight_counts_what_is_queued_or_in_flight_as_received_after_it():
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", echo, output_queue_size=2)
        await runtime.activate("k")
        for message in range(6):
            await runtime.send("k", message)
        await wait_until_idle(runtime)
        # Two replies wait, the third message is in flight, three are queued.
        before = runtime.get_telemetry("k")
        assert (before.output_depth, before.in_flight, before.queue_depth) == (2, 1, 3)

        runtime.reset_telemetry("k")
        t = runtime.get_telemetry("k")
        assert (t.messages_received, t.messages_processed) == (4, 0)
        assert (t.messages_sent, t.replies_received, t.output_depth) == (2, 0, 2)

        for _ in range(6):
            await runtime.receive("k")
        t = runtime.get_telemetry("k")
        assert (t.messages_received, t.messages_processed) == (4, 4)
        assert (t.messages_sent, t.replies_received, t.output_depth) == (6, 6, 0)


async def test_a_second_reset_starts_from_itself():
    clock = MockClock()
    async with RingKernelRuntime(enable_telemetry=True, clock=clock) as runtime:
        await runtime.launch("k", echo)
        await runtime.activate("k")
        for count in (1, 2, 3):
            runtime.reset_telemetry()
            await exchange(runtime, "k", count)
            clock.advance(1.0)
            t = runtime.get_telemetry("k")
            assert (t.messages_received, t.messages_processed, t.uptime) == (count, count, 1.0)
            assert t.reset_time == clock.time() - 1.0


async def test_a_reset_leaves_peak_last_error_and_last_message_time():
    async def records(ctx):
        while True:
            ctx.record_error(ValueError(await ctx.receive()))

    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", records)
        for message in (1, 2):
            await runtime.send("k", message)
        await runtime.activate("k")
        await wait_until_idle(runtime)
        before = runtime.get_telemetry("k")
        runtime.reset_telemetry()
        t = runtime.get_telemetry("k")
    assert (t.errors, t.messages_errored, t.messages_received) == (0, 0, 0)
    assert (t.queue_depth_peak, t.last_error) == (2, "ValueError: 2")
    assert t.last_message_time == before.last_message_time


async def test_an_ended_kernel_shows_its_last_counts_until_a_reset_and_stays_known():
    clock = MockClock()
    async with RingKernelRuntime(enable_telemetry=True, clock=clock) as runtime:
        await runtime.launch("k", echo)
        await runtime.activate("k")
        await exchange(runtime, "k", 2)
        clock.advance(1.0)
        await runtime.terminate("k")
        clock.advance(1.0)
        assert runtime.get_telemetry("k").messages_processed == 2
        runtime.reset_telemetry("k")
        t = runtime.get_telemetry("k")
        assert (t.messages_processed, t.uptime, t.state) == (0, 0.0, KernelState.TERMINATED)
        assert runtime.get_summary()["per_kernel"].keys() == {"k"}


async def test_a_relaunched_id_starts_at_zero_and_the_totals_go_on():
    async def fails_after_two(ctx):
        for _ in range(2):
            await ctx.send(await ctx.receive())
        raise ValueError

    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        for _ in range(3):
            await runtime.launch("k", fails_after_two)
            await runtime.activate("k")
            assert runtime.get_telemetry("k").messages_received == 0
            await exchange(runtime, "k", 2)
            await wait_until_idle(runtime)
        summary = runtime.get_summary()
        assert (summary["total_messages"], summary["total_errors"]) == (6, 3)
        assert summary["kernel_count"] == 0
        assert summary["per_kernel"]["k"]["messages_processed"] == 2

        runtime.reset_telemetry("k")
        summary = runtime.get_summary()
        assert (summary["total_messages"], summary["total_errors"]) == (0, 0)


async def test_replies_left_by_an_earlier_incarnation_are_discarded_and_not_handed_out():
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", echo)
        await runtime.activate("k")
        await runtime.send("k", "old")
        await wait_until_idle(runtime)
        await runtime.terminate("k")
        assert runtime.get_telemetry("k").output_depth == 1
        await runtime.launch("k", echo)
        await runtime.activate("k")
        await runtime.send("k", "new")
        assert await runtime.receive("k") == "new"


async def test_throughput_is_summed_over_kernels_not_ended():
    clock = MockClock()
    async with RingKernelRuntime(enable_telemetry=True, clock=clock) as runtime:
        for number in range(3):
            await runtime.launch(f"k{number}", echo)
            await runtime.activate(f"k{number}")
            await exchange(runtime, f"k{number}", 2)
        clock.advance(4.0)
        assert runtime.get_summary()["aggregate_throughput"] == 1.5
        await runtime.terminate("k0")
        summary = runtime.get_summary()
        assert (summary["kernel_count"], summary["aggregate_throughput"]) == (2, 1.0)
        assert summary["total_messages"] == 6


async def test_a_runtimes_kernel_cannot_be_counted_by_hand():
    collector = TelemetryCollector()

    class Source:
        last_error = None

    collector.attach("k", Source())
    with pytest.raises(InvalidArgumentError, match="counted by its runtime"):
        collector.record_send("k")


async def test_telemetry_may_be_read_from_another_thread():
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", echo)
        await runtime.activate("k")
        await exchange(runtime, "k", 3)
        seen = []
        reader = threading.Thread(
            target=lambda: seen.extend([runtime.get_telemetry("k"), runtime.get_summary()])
        )
        reader.start()
        reader.join()
        assert seen[0].messages_processed == seen[1]["total_messages"] == 3
