"""A thousand messages sent before a thousand are received."""

import statistics

from echoes import queues, ring
from loads import of, windows
from measure import Target, ratio_of
from turns import run_on, take_turns

NUMBER = "P3"
METHOD = "windows of 1,000 by send() and receive() one by one; messages a second / asyncio.Queue"
TARGETS = (Target("windows of 1,000 / queues", "x", 1.8, 3.0, is_higher_better=True),)


def run(effort, loop="asyncio"):
    times = run_on(loop, _turns(effort))
    beside = {f"{name}_ns": statistics.median(values) for name, values in times.items()}
    return [ratio_of(times["queues"], times["kernel"], **beside)]


async def _turns(effort):
    contestants = {"kernel": ring(), "queues": queues()}
    return await take_turns(contestants, of(windows, effort.messages), effort.blocks)
