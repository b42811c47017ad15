"""What a message costs: a pair of asyncio.Queue; the runtime without telemetry, counting, timing.

The four take turns, block by block, in one process; a ratio compares neighbours of one turn and
the median of all turns is shown, so that a machine whose speed drifts does not decide. Absolute
times are medians too and hold for this machine and this moment only.

Usage: python benches/echo.py [BLOCKS]
"""

import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from pydotcompute import RingKernelRuntime, __version__

ROUNDS = 2_000
WINDOW = 1_000
KERNELS = 1_000
READ_AFTER = (0, 4, 200)  # messages: nothing timed, a few kept one by one, full histograms

Send = Callable[[object], Awaitable[None]]
Receive = Callable[[], Awaitable[object]]


@asynccontextmanager
async def queue_pair():
    """Make what a user would pick instead: two queues and an echo task."""
    requests: asyncio.Queue = asyncio.Queue(WINDOW)
    replies: asyncio.Queue = asyncio.Queue(WINDOW)

    async def echo() -> None:
        while True:
            await replies.put(await requests.get())

    task = asyncio.create_task(echo())
    yield requests.put, replies.get
    task.cancel()
    await asyncio.wait([task])


@asynccontextmanager
async def ring_kernel(*, telemetry: bool, latency: bool = True):
    """Make the same echo as a ring kernel."""

    async def echo(ctx) -> None:
        while True:
            await ctx.send(await ctx.receive())

    async with RingKernelRuntime(enable_telemetry=telemetry, latency=latency) as runtime:
        await runtime.launch("echo", echo)
        await runtime.activate("echo")
        yield partial(runtime.send, "echo"), partial(runtime.receive, "echo")
        if telemetry:
            shown = runtime.get_telemetry("echo")
            assert shown.messages_processed == shown.messages_received > 0
            assert (shown.service is not None) is latency


async def round_trips(send: Send, receive: Receive) -> float:
    """Nanoseconds of one message there and back, one at a time."""
    begin = time.perf_counter_ns()
    for number in range(ROUNDS):
        await send(number)
        assert await receive() == number
    return (time.perf_counter_ns() - begin) / ROUNDS


async def windows(send: Send, receive: Receive) -> float:
    """Nanoseconds a message, a thousand sent before a thousand are received."""
    begin = time.perf_counter_ns()
    for _ in range(ROUNDS // WINDOW):
        for number in range(WINDOW):
            await send(number)
        for number in range(WINDOW):
            assert await receive() == number
    return (time.perf_counter_ns() - begin) / ROUNDS


async def alternate(measure, blocks: int) -> dict[str, list[float]]:
    """Let the contestants take turns."""
    times: dict[str, list[float]] = {"queue": [], "off": [], "counts": [], "on": []}
    async with AsyncExitStack() as stack:
        ends = {
            "queue": await stack.enter_async_context(queue_pair()),
            "off": await stack.enter_async_context(ring_kernel(telemetry=False)),
            "counts": await stack.enter_async_context(ring_kernel(telemetry=True, latency=False)),
            "on": await stack.enter_async_context(ring_kernel(telemetry=True)),
        }
        for send, receive in ends.values():
            await measure(send, receive)  # warm
        for block in range(blocks):
            order = list(ends) if block % 2 else list(reversed(ends))
            for name in order:
                times[name].append(await measure(*ends[name]))
    return times


def ratio(times: dict[str, list[float]], over: str, under: str) -> float:
    """Median of the ratios of neighbours."""
    pairs = zip(times[over], times[under], strict=True)
    return statistics.median(a / b for a, b in pairs)


async def reading(messages: int) -> dict[str, float]:
    """Microseconds of one kernel's telemetry, milliseconds of a summary of many."""
    async with RingKernelRuntime(enable_telemetry=True) as runtime:

        async def echo(ctx) -> None:
            while True:
                await ctx.send(await ctx.receive())

        for number in range(KERNELS):
            await runtime.launch(f"k_{number}", echo)
            await runtime.activate(f"k_{number}")
            for message in range(messages):
                await runtime.send(f"k_{number}", message)
                assert await runtime.receive(f"k_{number}") == message
        begin = time.perf_counter_ns()
        for number in range(KERNELS):
            runtime.get_telemetry(f"k_{number}")
        one = (time.perf_counter_ns() - begin) / KERNELS / 1e3
        begin = time.perf_counter_ns()
        assert runtime.get_summary()["kernel_count"] == KERNELS
        return {"telemetry_us": one, "summary_ms": (time.perf_counter_ns() - begin) / 1e6}


def import_cost(blocks: int) -> float:
    """Milliseconds that the import takes beyond what an asyncio program imports anyway."""
    base = "import asyncio, dataclasses, uuid, logging, time; b = time.perf_counter_ns();"
    program = f"{base} import pydotcompute; print(time.perf_counter_ns() - b)"
    runs = [
        int(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout)
        for _ in range(blocks)
    ]
    return statistics.median(runs) / 1e6


def main() -> None:
    """Measure, print the table, and the same as JSON for machines."""
    blocks = int(sys.argv[1]) if len(sys.argv) > 1 else 31
    trips = asyncio.run(alternate(round_trips, blocks))
    batches = asyncio.run(alternate(windows, blocks))
    read = {messages: asyncio.run(reading(messages)) for messages in READ_AFTER}
    machine = {
        "blocks": blocks,
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "pydotcompute": __version__,
    }
    print(f"{blocks} alternating blocks of {ROUNDS} messages; medians; {machine}")
    for title, times in (("round trip", trips), ("windows of 1000", batches)):
        medians = {name: statistics.median(values) / 1e3 for name, values in times.items()}
        print(
            f"{title:16} asyncio.Queue pair {medians['queue']:6.2f} us   "
            f"kernel {medians['off']:6.2f} us   with telemetry {medians['on']:6.2f} us   "
            f"kernel/queue {ratio(times, 'on', 'queue'):.2f}   "
            f"telemetry on/off {ratio(times, 'on', 'off'):.3f}   "
            f"counts only/off {ratio(times, 'counts', 'off'):.3f}"
        )
    for messages, cost in read.items():
        print(f"after {messages:,} messages each: ", end="")
        print(f"telemetry of one kernel {cost['telemetry_us']:.1f} us, ", end="")
        print(f"summary of {KERNELS:,} kernels {cost['summary_ms']:.1f} ms")
    imported = import_cost(blocks)
    print(f"import pydotcompute {imported:.1f} ms beyond asyncio, dataclasses, uuid, logging")
    figures = {"round_trip_ns": trips, "window_ns": batches, "import_ms": imported, "read": read}
    print(json.dumps({"machine": machine, **figures}))


if __name__ == "__main__":
    main()
