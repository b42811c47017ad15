"""Kernels of the named form are busy until somebody interrupts; then says whether counts agree."""

import asyncio
import sys

from programs_for_tests import FORMS, Callers

from pydotcompute import RingKernelRuntime


async def work(runtime, callers, kernel_id):
    while True:
        await callers.send([1], kernel_id)
        await callers.receive(kernel_id)
        if runtime.get_telemetry(kernel_id).messages_processed == 1000:
            print("busy", flush=True)


async def main(form):
    kernel, options = FORMS[form]
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        callers = Callers(runtime)
        for kernel_id in ("a", "b"):
            await runtime.launch(kernel_id, kernel, **options)
            await runtime.activate(kernel_id)
        await callers.send(range(500), "b")
        try:
            await work(runtime, callers, "a")
        finally:
            await runtime.terminate_all(timeout=5.0)
            callers.check()
            print("balanced", flush=True)


asyncio.run(main(sys.argv[1]))
