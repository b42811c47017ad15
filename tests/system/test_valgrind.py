"""Profilers that users reach for run the package."""

import subprocess
import sys

PROGRAM = """
import asyncio
from pydotcompute import RingKernelRuntime

async def echo(ctx):
    while True:
        await ctx.send(await ctx.receive())

async def main():
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("echo", echo)
        await runtime.activate("echo")
        for number in range(20):
            await runtime.send("echo", number)
            assert await runtime.receive("echo") == number
        print(runtime.get_telemetry("echo").messages_processed)

asyncio.run(main())
"""


def test_a_runtime_with_telemetry_runs_under_callgrind():
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable]
    done = subprocess.run([*command, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "20\n"
