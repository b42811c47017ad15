"""What telemetry costs: in instructions, which repeat exactly, and in time beside them."""

import shutil
import statistics

from counting import count_all
from echoes import ring
from loads import of, round_trips, windows
from measure import Measurement, Missing, Target, ratio_of
from turns import run_on, take_turns

NUMBER = "P5"
METHOD = (
    "telemetry / off: instructions a message under callgrind, in an environment that is always the "
    "same, of the default as many messages timed as at a message a microsecond; time of the same "
    "programs in turns"
)
LOADS = {"round trip": round_trips, "windows": windows}
MUST = {"counts only": (1.005, 1.002), "default": (1.015, 1.01)}
COUNTED = {**MUST, "all timed": ()}
TARGETS = (
    *(
        Target(f"{load}, {telemetry} / off, instructions", "ratio", *COUNTED[telemetry])
        for load in LOADS
        for telemetry in COUNTED
    ),
    *(Target(f"{load}, {telemetry} / off, time", "ratio") for load in LOADS for telemetry in MUST),
)


def run(effort):
    return [*_instructions(), *_times(effort)]


def _instructions():
    if shutil.which("valgrind") is None:
        return [Missing("valgrind is not installed")] * (len(LOADS) * len(COUNTED))
    counted = count_all()
    return [
        _exactly(counted[load][name], counted[load]["off"]) for load in LOADS for name in COUNTED
    ]


def _exactly(count, off):
    ratio = count / off
    return Measurement(ratio, ratio, ratio, {"instructions": count, "off_instructions": off})


def _times(effort):
    for load in LOADS.values():
        times = run_on("asyncio", _turns(load, effort))
        for name in MUST:
            beside = {"ns": statistics.median(times[name])}
            yield ratio_of(times[name], times["off"], **beside)


async def _turns(load, effort):
    contestants = {
        "off": ring(telemetry=False),
        "counts only": ring(latency=False),
        "default": ring(),
    }
    return await take_turns(contestants, of(load, effort.messages), effort.blocks)
