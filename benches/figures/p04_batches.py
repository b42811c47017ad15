"""Batches of 256 by one call at each end."""

import statistics

from echoes import batch_echo, queues, runtime_with
from loads import BATCH, batches, batches_as_lists, batches_one_by_one, of
from measure import Target, ratio_of
from turns import run_on, take_turns

NUMBER = "P4"
METHOD = (
    "batches of 256: send_batch() and receive_batch() outside, ctx.receive_batch() and "
    "ctx.send_batch() inside; messages a second / asyncio.Queue"
)
TARGETS = (
    Target("batches / queues one by one", "x", 8.0, 15.0, is_higher_better=True),
    Target("batches / queues of lists of 256", "x", 0.4, 0.8, is_higher_better=True),
)


def run(effort):
    times = run_on("asyncio", _turns(effort))
    beside = {f"{name}_ns": statistics.median(values) for name, values in times.items()}
    return [
        ratio_of(times["queues"], times["kernel"], **beside),
        ratio_of(times["lists"], times["kernel"], **beside),
    ]


async def _turns(effort):
    contestants = {"kernel": runtime_with(batch_echo), "queues": queues(), "lists": queues()}
    count = max(effort.messages, 8 * BATCH)
    work = {
        "kernel": of(batches, count),
        "queues": of(batches_one_by_one, count),
        "lists": of(batches_as_lists, count),
    }
    return await take_turns(contestants, work, effort.blocks)
