"""A kernel of the named form lets the named exception out; its counts are the last line."""

import asyncio
import json
import sys

from programs_for_tests import FORMS, counted

from pydotcompute import RingKernelRuntime

KINDS = {"SystemExit": SystemExit, "KeyboardInterrupt": KeyboardInterrupt}


async def main(form, kind):
    kernel, options = FORMS[form]
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", kernel, **options)
        await runtime.send_batch("k", ["a", KINDS[kind](3), "b", "c"])
        await runtime.activate("k")
        try:
            await asyncio.Event().wait()
        finally:
            print(json.dumps(counted(runtime)), flush=True)


asyncio.run(main(*sys.argv[1:]))
