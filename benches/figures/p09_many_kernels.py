"""Many kernels from launch to end, each with one message."""

import subprocess
import sys
import time
from pathlib import Path

from echoes import echo
from measure import Target, median_of
from turns import run_on

from pydotcompute import RingKernelRuntime

NUMBER = "P9"
METHOD = (
    "10,000 kernels of default queue sizes with telemetry, launched, activated, one message each, "
    "terminated, in a fresh interpreter; memory is all of that process at its peak (VmHWM)"
)
TARGETS = (
    Target("10,000 kernels, launch to end", "s", 1.5, 0.8),
    Target("10,000 kernels, memory of the process", "MB", 150.0, 110.0),
)
RUNS_FOR_BLOCKS = 6  # one run takes as long as several turns of the others


def run(effort):
    command = [sys.executable, str(Path(__file__)), str(effort.kernels)]
    runs = [
        tuple(map(float, subprocess.check_output(command, text=True).split()))
        for _ in range(max(1, effort.blocks // RUNS_FOR_BLOCKS))
    ]
    seconds, megabytes = zip(*runs, strict=True)
    return [
        median_of(seconds, kernels=effort.kernels),
        median_of(megabytes, kernels=effort.kernels),
    ]


async def live_and_end(count):
    """Run kernels through their lives; the seconds that took."""
    begin = time.perf_counter()
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        for number in range(count):
            await runtime.launch(f"kernel_{number}", echo)
        for number in range(count):
            await runtime.activate(f"kernel_{number}")
        for number in range(count):
            await runtime.send(f"kernel_{number}", number)
        for number in range(count):
            assert await runtime.receive(f"kernel_{number}") == number
        await runtime.terminate_all()
        spent = time.perf_counter() - begin
        summary = runtime.get_summary()
        assert (summary["kernel_count"], summary["total_messages"]) == (0, count)
    return spent


def memory_peak_mb():
    """Read the most memory that this process had resident, in megabytes of 10**6 bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise AssertionError


if __name__ == "__main__":
    print(run_on("asyncio", live_and_end(int(sys.argv[1]))), memory_peak_mb())
