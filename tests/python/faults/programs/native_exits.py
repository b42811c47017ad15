"""End the program, or have a child, while native workers are at work or at rest."""

import asyncio
import os
import signal
import sys

from native_for_tests import Pair, library, start

from pydotcompute import RingKernelRuntime

WAY = sys.argv[1]
LEFT = []  # what nobody closes


async def begin():
    handlers = library()
    runtime = RingKernelRuntime()
    LEFT.append((runtime, handlers))
    await start(runtime, handlers.kernel("held"), "busy")
    await start(runtime, handlers.kernel(), "idle")
    await runtime.send_batch("busy", [Pair(number=1)] * 3)
    await handlers.until_entered()
    assert (await runtime.send_and_receive("idle", Pair(number=2), timeout=5.0)).number == 4
    return runtime, handlers


async def in_child():
    handlers = library()
    async with RingKernelRuntime() as runtime:
        await start(runtime, handlers.kernel())
        return (await runtime.send_and_receive("k", Pair(number=2), timeout=5.0)).number


async def exit_in_loop():
    await begin()
    sys.exit(0)


async def fork():
    runtime, handlers = await begin()
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # a child that hangs is a failure, not a hanging test
        return None
    _, status = os.waitpid(child, 0)  # noqa: ASYNC222 - the loop has nothing else to do
    handlers.open_gate()
    numbers = [(await runtime.receive("busy", timeout=5.0)).number for _ in range(3)]
    await runtime.shutdown()
    return os.waitstatus_to_exitcode(status), numbers


if WAY == "return":
    asyncio.run(begin())
elif WAY == "exit":
    asyncio.run(exit_in_loop())
elif WAY == "fork":
    loop = asyncio.new_event_loop()
    seen = loop.run_until_complete(fork())
    if seen is None:  # the child
        assert asyncio.run(in_child()) == 4
        LEFT.clear()
    else:
        loop.close()
        print(seen)
