"""What others on the loop notice of one caller, and many callers at one kernel."""

import statistics

from echoes import queues, ring
from loads import bystanding, many_callers, of
from measure import Target, median_of, ratio_of
from turns import run_on, take_turns

NUMBER = "P13"
METHOD = (
    "p99 of a bystander's sleep(0) while one caller plays ping-pong with a kernel; 64 tasks that "
    "send and receive at once, time a message / asyncio.Queue"
)
TARGETS = (
    Target("bystander's turn, p99", "us", 500.0, 200.0),
    Target("64 callers at once / queues", "ratio", 0.35, 0.22),
)


def run(effort):
    turns = run_on("asyncio", _turns(bystanding, effort))
    calls = run_on("asyncio", _turns(many_callers, effort))
    waits = [nanoseconds / 1e3 for nanoseconds in turns["kernel"]]
    return [
        median_of(waits, queues_us=statistics.median(turns["queues"]) / 1e3),
        ratio_of(
            calls["kernel"],
            calls["queues"],
            kernel_us=statistics.median(calls["kernel"]) / 1e3,
            queues_us=statistics.median(calls["queues"]) / 1e3,
        ),
    ]


async def _turns(load, effort):
    contestants = {"kernel": ring(), "queues": queues()}
    return await take_turns(contestants, of(load, effort.messages), effort.blocks)
