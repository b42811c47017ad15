"""What telemetry costs in instructions: the echo programs of echo.py under callgrind.

Each program runs with one block of messages and with two, in an environment of its own that is
always the same; the difference is the block alone, because start-up cancels out. Callgrind slows
time down so far that every message counts as rare and is timed, so what is shown for `all` is the
most that latency can cost; what it cannot see are the readings of the clock themselves.

Usage: python benches/instructions.py       needs valgrind; half a minute a program
"""

import asyncio
import os
import re
import subprocess
import sys

from echo import ROUNDS, ring_kernel, round_trips, windows

MEASURES = {"round trip": round_trips, "windows of 1000": windows}
CONTESTANTS = {
    "off": {"telemetry": False},
    "counts": {"telemetry": True, "latency": False},
    "all": {"telemetry": True},
}
VALGRIND = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")


async def run(measure: str, contestant: str, blocks: int) -> None:
    """Be one program."""
    async with ring_kernel(**CONTESTANTS[contestant]) as (send, receive):
        for _ in range(blocks):
            await MEASURES[measure](send, receive)


def instructions(measure: str, contestant: str, blocks: int) -> int:
    """Count the instructions of one program."""
    program = (sys.executable, "-B", __file__, measure, contestant, str(blocks))
    path = os.environ["PATH"]
    environment = {"PATH": path, "PYTHONHASHSEED": "0"}
    counted = subprocess.run(
        (*VALGRIND, *program), env=environment, capture_output=True, text=True, check=True
    )
    collected = re.search(r"Collected : (\d+)", counted.stderr)
    assert collected is not None
    return int(collected[1])


def main() -> None:
    """Print instructions a message and their ratios."""
    for measure in MEASURES:
        cost = {
            name: (instructions(measure, name, 2) - instructions(measure, name, 1)) / ROUNDS
            for name in CONTESTANTS
        }
        print(f"{measure:16}", *(f"{name} {value:,.0f}" for name, value in cost.items()), sep="   ")
        ratios = (f"{name}/off {value / cost['off']:.4f}" for name, value in cost.items())
        print(f"{'':16}", *ratios, sep="   ")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    else:
        main()
