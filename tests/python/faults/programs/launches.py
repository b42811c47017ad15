"""Launch, use and end kernels of every form so many times, under a few ids.

Prints what the process held after a fifth of them and after all, as JSON.
"""

import asyncio
import gc
import json
import resource
import sys
import tracemalloc
from contextlib import suppress
from pathlib import Path

from programs_for_tests import FORMS

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute._core import EMPTY
from pydotcompute.exceptions import KernelExecutionError

IDS = 4
MESSAGE = object()
PAGE_BYTES = resource.getpagesize()


async def use(runtime, number):
    """Give one kernel its whole life: every seventh meets an error, every third is cancelled."""
    kernel_id = f"k{number % IDS}"
    kernel, options = list(FORMS.values())[number % len(FORMS)]
    await runtime.launch(kernel_id, kernel, **options)
    await runtime.activate(kernel_id)
    await runtime.send(kernel_id, MESSAGE)
    assert await runtime.receive(kernel_id) is MESSAGE
    if number % 7 == 0 and options.get("form") == "handler":
        await runtime.send(kernel_id, ValueError(number))
        with suppress(KernelExecutionError):
            await runtime.receive(kernel_id)
    await runtime.send(kernel_id, MESSAGE)  # whose reply nobody collects
    await runtime.terminate(kernel_id, drain=number % 3 == 0)
    assert runtime.get_state(kernel_id) is KernelState.TERMINATED


def held(runtime):
    """Read what the process holds, of the kinds that could pile up."""
    gc.collect()
    watched = (MESSAGE, EMPTY, KernelState.ACTIVE, runtime, asyncio.get_running_loop())
    kernels = [kernel for kernel, _ in FORMS.values()]
    return {
        "objects": len(gc.get_objects()),
        "traced": tracemalloc.get_traced_memory()[0],
        "resident": int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES,
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "threads": len(list(Path("/proc/self/task").iterdir())),
        "tasks": len(asyncio.all_tasks()),
        "references": [sys.getrefcount(each) for each in (*watched, *kernels)],
    }


async def main(launches):
    readings = []
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        for number in range(launches):
            if number == launches // 5:
                readings.append(held(runtime))
            await use(runtime, number)
        readings.append(held(runtime))
    print(json.dumps(readings))


if "traced" in sys.argv:
    tracemalloc.start()
asyncio.run(main(int(sys.argv[1])))
