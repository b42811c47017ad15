"""What a full queue does to the counts, and what a snapshot is."""

import pickle

import pytest

from pydotcompute import RingKernelRuntime
from pydotcompute.exceptions import QueueFullError, QueueTimeoutError
from pydotcompute.testing import MockClock, wait_until_idle


async def echo(ctx):
    while True:
        await ctx.send(await ctx.receive())


async def test_rejected_sends_are_counted_and_not_received():
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", echo, queue_size=2, backpressure="reject")
        for message in range(5):
            if message < 2:
                await runtime.send("k", message)
                continue
            with pytest.raises(QueueFullError):
                await runtime.send("k", message)
        t = runtime.get_telemetry("k")
        assert (t.messages_received, t.messages_rejected, t.queue_depth) == (2, 3, 2)


async def test_send_nowait_on_a_full_queue_is_a_rejected_send_and_a_timeout_is_none():
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", echo, queue_size=1)
        runtime.send_nowait("k", 0)
        with pytest.raises(QueueFullError):
            runtime.send_nowait("k", 1)
        with pytest.raises(QueueTimeoutError):
            await runtime.send("k", 1, timeout=0)
        t = runtime.get_telemetry("k")
        assert (t.messages_received, t.messages_rejected) == (1, 1)


async def test_dropped_messages_are_received_and_dropped():
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", echo, queue_size=2, backpressure="drop")
        for message in range(5):
            await runtime.send("k", message)
        await runtime.activate("k")
        await wait_until_idle(runtime)
        t = runtime.get_telemetry("k")
        assert [runtime.receive_nowait("k") for _ in range(2)] == [3, 4]
    assert (t.messages_processed, t.messages_dropped) == (2, 3)
    assert (t.messages_received, t.queue_depth_peak) == (5, 2)


async def test_a_snapshot_is_an_immutable_value_that_pickles():
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", echo)
        await runtime.activate("k")
        await runtime.send("k", 1)
        await runtime.receive("k")
        t = runtime.get_telemetry("k")
    assert pickle.loads(pickle.dumps(t)) == t  # noqa: S301 - our own bytes
    with pytest.raises(AttributeError):
        t.errors = 7
    values = t.to_dict()
    assert values["state"] == "active"
    assert values["throughput"] == t.throughput
    assert {"uptime", "error_rate", "messages_unanswered", "last_error"} <= values.keys()


async def test_times_are_of_the_first_activation_and_the_newest_message():
    clock = MockClock()
    async with RingKernelRuntime(enable_telemetry=True, clock=clock) as runtime:
        await runtime.launch("k", echo)
        before = runtime.get_telemetry("k")
        assert (before.start_time, before.last_message_time, before.uptime) == (None, None, 0.0)
        clock.advance(1.0)
        await runtime.activate("k")
        started = clock.time()
        clock.advance(2.0)
        await runtime.send("k", 1)
        await runtime.receive("k")
        clock.advance(3.0)
        await runtime.deactivate("k")
        await runtime.reactivate("k")
        t = runtime.get_telemetry("k")
        assert (t.start_time, t.last_message_time) == (started, started + 2.0)
        assert (t.uptime, t.throughput) == (5.0, 0.2)
        await runtime.terminate("k")
        clock.advance(60.0)
        assert runtime.get_telemetry("k").uptime == 5.0
