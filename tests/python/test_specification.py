"""Each example of the telemetry page runs unchanged and shows exact numbers."""

import asyncio
import contextlib
import inspect
import time

import pytest

from pydotcompute import (
    KernelState,
    KernelTelemetry,
    RingKernelRuntime,
    TelemetryCollector,
    message,
    ring_kernel,
)
from pydotcompute.testing import MockClock, wait_until_idle


@message
class Request:
    data: int


@pytest.fixture(autouse=True)
def _worker() -> None:
    @ring_kernel(kernel_id="worker")
    async def worker(ctx):
        while not ctx.should_terminate:
            request = await ctx.receive()
            if request.data < 0:
                ctx.record_error(ValueError(f"negative: {request.data}"))
                continue
            await ctx.send(Request(data=request.data * 2))


async def test_the_opening_example(capsys):
    async def my_kernel(ctx):
        await ctx.send((await ctx.receive()) + 1)
        await ctx.wait_active()

    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("my_kernel", my_kernel)
        await runtime.activate("my_kernel")
        await runtime.send("my_kernel", 1)
        assert await runtime.receive("my_kernel") == 2

        telemetry = runtime.get_telemetry("my_kernel")
        print(f"Throughput: {telemetry.throughput:.2f} msg/s")
        summary = runtime.get_summary()
        print(f"Total messages: {summary['total_messages']}")
    assert telemetry.messages_processed == 1
    assert "Total messages: 1\n" in capsys.readouterr().out


async def test_enable_telemetry(capsys):
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("worker")
        await runtime.activate("worker")
        for i in range(100):
            await runtime.send("worker", Request(data=i))
            await runtime.receive("worker", timeout=1.0)
        telemetry = runtime.get_telemetry("worker")
        print(f"Processed: {telemetry.messages_processed}")
        print(f"Throughput: {telemetry.throughput:.1f} msg/s")
        print(f"Uptime: {telemetry.uptime:.1f}s")
    assert "Processed: 100\n" in capsys.readouterr().out
    assert telemetry.messages_received == telemetry.messages_sent == 100
    assert telemetry.errors == 0
    assert telemetry.throughput == 100 / telemetry.uptime


async def test_telemetry_is_disabled_by_default():
    async with RingKernelRuntime() as runtime:
        await runtime.launch("worker")
        await runtime.activate("worker")
        await runtime.send("worker", Request(data=1))
        await runtime.receive("worker", timeout=1.0)
        assert runtime.get_telemetry("worker") is None
        assert runtime.get_all_telemetry() == {}
        assert runtime.get_summary() == {
            "kernel_count": 0,
            "total_messages": 0,
            "total_errors": 0,
            "aggregate_throughput": 0.0,
            "per_kernel": {},
        }
        runtime.reset_telemetry()
        runtime.reset_telemetry("worker")


async def test_monitor_multiple_kernels(capsys):
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        for i in range(3):
            await runtime.launch(f"worker_{i}")
            await runtime.activate(f"worker_{i}")
        for i in range(3):
            for j in range(i + 1):
                await runtime.send(f"worker_{i}", Request(data=j))
                await runtime.receive(f"worker_{i}")

        summary = runtime.get_summary()
        print(f"Active kernels: {summary['kernel_count']}")
        print(f"Total messages: {summary['total_messages']}")
        print(f"Total throughput: {summary['aggregate_throughput']:.1f} msg/s")
        for kernel_id, stats in summary["per_kernel"].items():
            print(f"  {kernel_id}: {stats['throughput']:.1f} msg/s")
    out = capsys.readouterr().out
    assert out.startswith("Active kernels: 3\nTotal messages: 6\n")
    counts = {id_: stats["messages_processed"] for id_, stats in summary["per_kernel"].items()}
    assert counts == {"worker_0": 1, "worker_1": 2, "worker_2": 3}


async def test_error_tracking(capsys):
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("worker")
        await runtime.activate("worker")
        for data in (1, 2, -3, 4, 5):
            await runtime.send("worker", Request(data=data))
        await wait_until_idle(runtime)

        telemetry = runtime.get_telemetry("worker")
        if telemetry.error_rate > 0.01:
            print(f"Warning: High error rate: {telemetry.error_rate:.1%}")
            print(f"Errors: {telemetry.errors}")
    assert capsys.readouterr().out == "Warning: High error rate: 25.0%\nErrors: 1\n"
    assert (telemetry.messages_processed, telemetry.messages_errored) == (4, 1)
    assert telemetry.last_error == "ValueError: negative: -3"


async def test_periodic_monitoring(capsys):
    rounds = asyncio.Event()

    async def monitor(runtime: RingKernelRuntime, interval: float = 5.0):
        while True:
            await asyncio.sleep(interval)
            summary = runtime.get_summary()
            print(f"\n=== Telemetry @ {time.time():.0f} ===")
            print(f"Kernels: {summary['kernel_count']}")
            print(f"Messages: {summary['total_messages']}")
            print(f"Throughput: {summary['aggregate_throughput']:.1f} msg/s")
            print(f"Errors: {summary['total_errors']}")
            rounds.set()

    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("worker")
        await runtime.activate("worker")
        await runtime.send("worker", Request(data=1))
        await runtime.receive("worker")
        monitor_task = asyncio.create_task(monitor(runtime, 0.0))
        await rounds.wait()
        monitor_task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await monitor_task
    assert "Kernels: 1\nMessages: 1\nThroughput: " in capsys.readouterr().out


async def test_reset_counters():
    clock = MockClock()
    async with RingKernelRuntime(enable_telemetry=True, clock=clock) as runtime:
        for kernel_id in ("worker", "worker_2"):
            await runtime.launch(kernel_id)
            await runtime.activate(kernel_id)
            await runtime.send(kernel_id, Request(data=1))
            await runtime.receive(kernel_id)
        clock.advance(4.0)
        assert runtime.get_telemetry("worker").throughput == 0.25

        runtime.reset_telemetry("worker")
        fresh = runtime.get_telemetry("worker")
        assert (fresh.messages_received, fresh.messages_processed, fresh.uptime) == (0, 0, 0.0)
        assert fresh.reset_time == clock.time()
        assert runtime.get_telemetry("worker_2").messages_processed == 1

        runtime.reset_telemetry()
        assert runtime.get_summary()["total_messages"] == 0


def test_the_dataclass_has_the_fields_of_the_page_in_its_order_with_its_defaults():
    parameters = list(inspect.signature(KernelTelemetry).parameters.values())
    names = [parameter.name for parameter in parameters[:8]]
    assert names == [
        "kernel_id",
        "state",
        "messages_received",
        "messages_sent",
        "messages_processed",
        "errors",
        "start_time",
        "last_message_time",
    ]
    by_hand = KernelTelemetry("k", KernelState.ACTIVE)
    assert (by_hand.messages_received, by_hand.messages_sent, by_hand.errors) == (0, 0, 0)
    assert by_hand.start_time is None
    assert by_hand.last_message_time is None
    assert (by_hand.throughput, by_hand.uptime, by_hand.error_rate) == (0.0, 0.0, 0.0)


def test_the_collector_has_the_methods_of_the_page():
    collector = TelemetryCollector()
    assert collector.enabled
    assert not TelemetryCollector(enabled=False).enabled
    assert not TelemetryCollector(False).enabled  # noqa: FBT003 - as the page allows
    names = "record_receive record_send record_error get_telemetry get_all_telemetry get_summary"
    assert all(callable(getattr(collector, name)) for name in [*names.split(), "reset"])
    assert collector.get_telemetry("unknown") is None


async def test_metrics_persist_until_the_runtime_exits():
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("worker")
        await runtime.activate("worker")
        await runtime.send("worker", Request(data=1))
        await runtime.receive("worker")
        await runtime.terminate("worker")
        assert runtime.get_telemetry("worker").messages_processed == 1
        assert runtime.get_telemetry("worker").state is KernelState.TERMINATED
        assert runtime.get_summary()["total_messages"] == 1
        assert runtime.get_summary()["kernel_count"] == 0
    assert runtime.get_telemetry("worker") is None
    assert runtime.get_summary()["total_messages"] == 0
