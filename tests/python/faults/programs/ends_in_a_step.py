"""A kernel raises what ends the program while its caller waits for a reply; says who sees what."""

import asyncio
import builtins
import sys

from programs_for_tests import follow_tests

from pydotcompute import RingKernelRuntime

follow_tests()
KIND = getattr(builtins, sys.argv[1])


async def ending(ctx):
    await ctx.send(await ctx.receive())
    await ctx.receive()
    raise KIND


async def main():
    runtime = RingKernelRuntime()
    await runtime.launch("k", ending)
    await runtime.activate("k")
    await runtime.send("k", 1)
    await runtime.receive("k")
    await asyncio.sleep(0)
    await runtime.send("k", 2)
    try:
        await runtime.receive("k")
    except BaseException as error:
        print(type(error).__name__, flush=True)
        raise


try:
    asyncio.run(main())
except BaseException as error:  # noqa: BLE001 - to be told
    print(type(error).__name__, flush=True)
