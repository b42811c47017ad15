"""Keeps kernels under load and faults, and sees whether telemetry stays exact and memory flat.

Every second the traffic comes to rest, and each count of each kernel has to be what the kernels'
code and their callers counted in plain integers. A thread reads meanwhile: both conservation
equations hold at any moment. All counts start just below 2**32.

Prints a line every 10 seconds and a verdict; exit status 1 where a number was wrong or memory grew.

Usage: SOAK_SECONDS=600 SOAK_SEED=1 python benches/soak
"""

import asyncio
import os
import random
import sys
import time

from soaking import FIRST, Soak
from watching import Memory

SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
SEED = int(os.environ.get("SOAK_SEED") or random.randrange(10**6))  # noqa: S311 - no secret
WARM_UP_SHARE = 0.2
LINE_SECONDS = 10
MOST_SHOWN = 50


def line(soak, memory, passed):
    return (
        f"{passed:5.0f} s  {soak.messages:12,} messages  {soak.checks:5} checks  "
        f"{soak.launches:6,} launches  {memory.now_mb():6.1f} MB  {len(soak.faults)} faults"
    )


async def run():
    began = time.monotonic()
    memory = Memory()
    next_line = LINE_SECONDS
    async with Soak(SEED) as soak:
        while (passed := time.monotonic() - began) < SECONDS:
            await soak.one_round()
            if passed >= WARM_UP_SHARE * SECONDS:
                memory.look()
            if passed >= next_line:
                next_line += LINE_SECONDS
                print(line(soak, memory, passed), flush=True)
        memory.look()
    return soak, memory


def main():
    print(f"{SECONDS:.0f} s, seed {SEED}, counts start at {FIRST:,}", flush=True)
    soak, memory = asyncio.run(run())
    failures = [*soak.faults, *memory.faults()]
    if missing := soak.not_past_two_to_the_32nd():
        failures.append(f"not past 2**32 yet: {', '.join(missing)}")
    for failure in failures[:MOST_SHOWN]:
        print(failure)
    print(
        f"{soak.messages:,} messages, {soak.checks:,} checks, {soak.readings:,} readings by a "
        f"thread; memory {memory}: {'FAILED' if failures else 'every number was right'}"
    )
    return int(bool(failures))


sys.exit(main())
