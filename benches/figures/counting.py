"""What telemetry costs in instructions: programs under callgrind, which counts them all.

Each program runs with some messages and with twice as many, always in the same small environment;
the difference is those messages alone, because start-up cancels out.

How many messages are timed depends on how much time passes between them, and callgrind slows time
down some fifty times: by the system's clock each message would be a rare one, and timed. So what
latency adds to the counts is counted on a clock that lets half a microsecond pass at each reading,
of which a message takes two; `all timed` is the most that it can be. What callgrind cannot see is
the reading of clocks inside the kernel's vDSO.

Usage: python benches/figures/counting.py [--check | --write] [--short]

    --check   compare with counts.json, exit with 1 where a count is out of its bounds
    --write   make what was counted the new counts.json
    --short   only off and all timed

docs/performance.md says what is compared, and why.
"""

import asyncio
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from echoes import ring
from loads import WINDOW, windows

from pydotcompute._core import set_turn_budget
from pydotcompute.testing import MockClock

COMMITTED = Path(__file__).with_name("counts.json")
RATIO_TOLERANCE = 0.002
"""How far above the committed one a ratio may lie, on any build of CPython. On one build the counts
of two runs differ by less than a ten-thousandth of this."""
COUNT_TOLERANCE = 0.03
"""How far from the committed one a count may lie, where toolchain and interpreter are the same."""


async def round_trips(ends, count):
    """Send one message at a time; that of loads.py takes times, whose sorting differs each run."""
    send, receive = ends
    for number in range(count):
        await send(number)
        assert await receive() == number


WORKLOADS = {"round trip": round_trips, "windows": windows}
READING_SECONDS = 0.5e-6
PROGRAMS = {
    "off": {"telemetry": False},
    "counts only": {"latency": False},
    "all timed": {},
    "counts only, at full speed": {"latency": False, "at_full_speed": True},
    "default, at full speed": {"at_full_speed": True},
}
VALGRIND = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")


async def be_the_program(workload, name, messages):
    set_turn_budget(128, 3600)  # by steps alone: how slow callgrind is must not decide
    options = dict(PROGRAMS[name])
    if options.pop("at_full_speed", False):
        options["clock"] = MockClock(auto_tick_seconds=READING_SECONDS)
    async with ring(**options) as ends:
        await WORKLOADS[workload](ends, messages)


def instructions(workload, name, messages):
    """Count the instructions of one program."""
    program = (sys.executable, "-B", __file__, "--run", workload, name, str(messages))
    environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0"}
    counted = subprocess.run(
        (*VALGRIND, *program), env=environment, capture_output=True, text=True, check=True
    )
    collected = re.search(r"Collected : (\d+)", counted.stderr)
    assert collected is not None
    return int(collected[1])


def instructions_a_message(workload, name):
    """Count the instructions of a message."""
    once, twice = (instructions(workload, name, many * WINDOW) for many in (1, 2))
    return (twice - once) / WINDOW


def count_all(*, short=False):
    """Count the instructions of a message, by workload and by what telemetry does."""
    names = ("off", "all timed") if short else PROGRAMS
    counted = {
        workload: {name: instructions_a_message(workload, name) for name in names}
        for workload in WORKLOADS
    }
    return counted if short else {load: _summed(counts) for load, counts in counted.items()}


def _summed(counts):
    latency = counts.pop("default, at full speed") - counts.pop("counts only, at full speed")
    return {**counts, "default": counts["counts only"] + latency}


def toolchain():
    """Name what absolute counts depend on: they differ between builds of the same Python."""
    rustc = subprocess.check_output(("rustc", "--version"), text=True).strip()
    valgrind = subprocess.check_output(("valgrind", "--version"), text=True).strip()
    return {
        "python": sys.version,
        "libc": " ".join(platform.libc_ver()),
        "machine": platform.machine(),
        "rustc": rustc,
        "valgrind": valgrind,
    }


def complaints(counted, committed, *, is_same_toolchain):
    """List what is out of its bounds.

    Ratios may be better than the committed ones, not worse; telemetry that costs nothing counts
    nothing. Absolute counts are compared on the same toolchain only, in both directions: a count
    that fell is to be committed, or it could rise again unseen.
    """
    found = []
    for workload, counts in counted.items():
        expected = committed[workload]
        for telemetry, count in counts.items():
            name = f"{workload}, {telemetry}"
            change = count / expected[telemetry] - 1
            if is_same_toolchain and abs(change) > COUNT_TOLERANCE:
                found.append(f"{name}: {count:,.0f} instructions a message, {change:+.1%}")
            if telemetry == "off":
                continue
            ratio = count / counts["off"]
            most = expected[telemetry] / expected["off"] + RATIO_TOLERANCE
            if not 1 < ratio <= most:
                found.append(f"{name}: {ratio:.4f} of what off takes, not 1 to {most:.4f}")
    return found


def show(counted):
    for workload, counts in counted.items():
        for telemetry, count in counts.items():
            ratio = count / counts["off"]
            print(f"{workload:12} {telemetry:12} {count:10,.1f} a message  {ratio:.4f} of off")


def check(counted):
    """Compare with what is committed; the exit status."""
    committed = json.loads(COMMITTED.read_text())
    is_same = committed["toolchain"] == toolchain()
    found = complaints(counted, committed["instructions"], is_same_toolchain=is_same)
    print("\n".join(found) or "all within bounds", end="")
    print("" if is_same else "; another toolchain than the committed counts: ratios alone")
    return 1 if found else 0


def write(counted):
    """Make what was counted the committed counts."""
    text = json.dumps({"toolchain": toolchain(), "instructions": counted}, indent=2)
    COMMITTED.write_text(text + "\n")


def main(arguments):
    """Count, show, and compare or write."""
    counted = count_all(short="--short" in arguments)
    show(counted)
    if "--write" in arguments:
        write(counted)
    return check(counted) if "--check" in arguments else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        asyncio.run(be_the_program(sys.argv[2], sys.argv[3], int(sys.argv[4])))
    else:
        sys.exit(main(sys.argv[1:]))
