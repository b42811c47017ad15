"""An echo there and back, one message at a time."""

import statistics

from echoes import (
    CALLER_TIMEOUT,
    PlainRequest,
    Request,
    answer_plainly,
    answering,
    documented_echo,
    forward_in_time,
    queues,
    ring,
)
from loads import of, round_trips
from measure import Target, ratio_of
from turns import run_on, take_turns

NUMBER = "P1"
METHOD = (
    "p50 of single round trips of ints, coroutine kernel with telemetry / a pair of asyncio.Queue "
    "and an echo task, in turns on one event loop; with timeouts the queues use asyncio.timeout()"
)
MUST, AIM = 0.30, 0.15
TIMED, LOOP, MESSAGES = "receive(timeout=1.0)", "documented loop", "messages made anew"
TARGETS = (
    Target("round trip / queues", "ratio", MUST, AIM),
    Target(f"{TIMED} / queues with asyncio.timeout", "ratio", MUST, AIM),
    Target(f"{TIMED} / plain queues", "ratio"),
    Target(f"{LOOP} / queues with asyncio.timeout", "ratio", MUST, AIM),
    Target(f"{LOOP} / plain queues", "ratio"),
    Target(f"{MESSAGES}, two @message an echo / two frozen dataclasses in queues", "ratio"),
)


def run(effort, loop="asyncio"):
    times = run_on(loop, _turns(effort))
    pairs = (
        ("kernel", "queues"),
        (TIMED, f"queues, {TIMED}"),
        (TIMED, "queues"),
        (LOOP, f"queues, {LOOP}"),
        (LOOP, "queues"),
        (MESSAGES, f"queues, {MESSAGES}"),
    )
    return [
        ratio_of(times[ours], times[theirs], **_microseconds(times, ours, theirs))
        for ours, theirs in pairs
    ]


async def _turns(effort):
    ints = of(round_trips, effort.messages)
    contestants = {
        "kernel": ring(),
        "queues": queues(),
        TIMED: ring(timeout=CALLER_TIMEOUT),
        f"queues, {TIMED}": queues(timeout=CALLER_TIMEOUT),
        LOOP: ring(documented_echo),
        f"queues, {LOOP}": queues(forward_in_time),
        MESSAGES: ring(answering),
        f"queues, {MESSAGES}": queues(answer_plainly),
    }
    work = dict.fromkeys(contestants, ints)
    work[MESSAGES] = of(round_trips, effort.messages, make=_request)
    work[f"queues, {MESSAGES}"] = of(round_trips, effort.messages, make=PlainRequest)
    return await take_turns(contestants, work, effort.blocks)


def _request(number):
    return Request(value=number)


def _microseconds(times, ours, theirs):
    names = {"kernel_us": ours, "queues_us": theirs}
    return {name: statistics.median(times[key]) / 1e3 for name, key in names.items()}
