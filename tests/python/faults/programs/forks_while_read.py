"""Fork again and again while a thread reads a runtime's telemetry; each child reads it too."""

import asyncio
import os
import signal
import threading

from kernels_for_tests import echo, start
from loops_for_tests import follow_tests

from pydotcompute import RingKernelRuntime


def code_of_child(runtime):
    """Fork; in the child, read."""
    pid = os.fork()
    if pid != 0:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    signal.alarm(5)  # whoever waits for a lock of a thread that is not here dies of this
    runtime.get_summary()
    runtime.get_telemetry("k0")
    return os._exit(0)


async def main():
    done = threading.Event()

    def read():
        while not done.is_set():
            runtime.get_summary()

    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        for number in range(100):
            await start(runtime, f"k{number}", echo)
        runtime.get_summary()  # what the core makes at its first reading is there from here on
        reader = threading.Thread(target=read)
        reader.start()
        print([code_of_child(runtime) for _ in range(10)])
        done.set()
        reader.join()


follow_tests()
asyncio.run(main())
