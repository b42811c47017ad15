"""What looking costs: the telemetry of one kernel, the summary of many."""

import gc
import time

from echoes import echo
from measure import Target, median_of
from turns import run_on

from pydotcompute import RingKernelRuntime

NUMBER = "P10"
METHOD = (
    "get_telemetry() of one kernel, mean of 1,000 readings a turn; get_summary() of 10,000 kernels "
    "with one message each, per_kernel included, after a garbage collection"
)
MUST_US, AIM_US = 2.0, 1.0
READINGS = 1_000
TARGETS = (
    Target("telemetry of one kernel, nothing timed yet", "us", MUST_US, AIM_US),
    Target("telemetry of one kernel, histograms of 200 messages", "us", MUST_US, AIM_US),
    Target("summary of 10,000 kernels", "ms", 50.0, 10.0),
)


def run(effort):
    return run_on("asyncio", _read(effort))


async def _read(effort):
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        for name, messages in (("quiet", 0), ("busy", 200)):
            await _start(runtime, name, messages)
        quiet = [_microseconds(runtime, "quiet") for _ in range(effort.blocks)]
        busy = [_microseconds(runtime, "busy") for _ in range(effort.blocks)]
        for number in range(effort.kernels - 2):
            await _start(runtime, f"kernel_{number}", 1)
        gc.collect()
        summaries = [_milliseconds(runtime, effort.kernels) for _ in range(effort.blocks)]
    kernels = {"kernels": effort.kernels}
    return [median_of(quiet), median_of(busy), median_of(summaries, **kernels)]


async def _start(runtime, name, messages):
    await runtime.launch(name, echo)
    await runtime.activate(name)
    for message in range(messages):
        await runtime.send(name, message)
        assert await runtime.receive(name) == message


def _microseconds(runtime, name):
    begin = time.perf_counter_ns()
    for _ in range(READINGS):
        shown = runtime.get_telemetry(name)
    spent = time.perf_counter_ns() - begin
    assert shown.messages_processed == shown.messages_received
    assert (shown.service is None) is (shown.messages_received == 0)
    return spent / READINGS / 1e3


def _milliseconds(runtime, kernels):
    begin = time.perf_counter_ns()
    summary = runtime.get_summary()
    spent = time.perf_counter_ns() - begin
    assert len(summary["per_kernel"]) == summary["kernel_count"] == kernels
    assert summary["total_messages"] == kernels - 2 + 200
    return spent / 1e6
