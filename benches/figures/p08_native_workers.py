"""From an event loop to a C function in a native thread, and back."""

import asyncio
import ctypes
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from echoes import ring, simple_queues
from loads import bystanding, of, round_trips
from measure import Target, ratio_of
from turns import run_on, take_turns

from pydotcompute import message, native_kernel

NUMBER = "P8"
METHOD = (
    "p50 of round trips of messages of 8 bytes, made anew, from an event loop to a native kernel / "
    "of ints between two threads by queue.SimpleQueue; parked: a millisecond of rest before each, "
    "in which both threads of either side fall asleep; CPU time is the process's, a round trip and "
    "its rest, and beside it that of a rest alone; the bystander's turn is a p99"
)
TARGETS = (
    Target("native kernel, worker spins / SimpleQueue", "ratio", 0.15, 0.08),
    Target("native kernel, both parked / SimpleQueue", "ratio", 1.5, 1.2),
)
ECHO = """
#include <stdint.h>
int32_t echo(const void *input, void *output) {
    *(int64_t *)output = *(const int64_t *)input;
    return 0;
}
"""
REST_SECONDS = 0.001
RESTS_FOR_MESSAGES = 20  # a round trip after a rest takes as long as many others


@message
class Number:
    value: int


def run(effort):
    busy, parked, bystander, rests = run_on("asyncio", _turns(effort))
    return [
        _outcome(busy, "spins", **bystander),
        _outcome(parked, "parked", **rests),
    ]


def _outcome(figures, name, **beside):
    native, queues = ([one[0] for one in figures[side]] for side in ("native", "queues"))
    cpu = {
        f"{side}_cpu_us": statistics.median(one[1] for one in figures[side]) / 1e3
        for side in ("native", "queues")
    }
    times = {
        f"native_{name}_us": statistics.median(native) / 1e3,
        "queues_us": statistics.median(queues) / 1e3,
    }
    return ratio_of(native, queues, **times, **cpu, **beside)


async def _turns(effort):
    with tempfile.TemporaryDirectory() as folder:
        kernel = native_kernel(_compiled(folder), input_type=Number, output_type=Number)
        resting = max(10, effort.messages // RESTS_FOR_MESSAGES)

        def contestants():
            return {"native": ring(kernel), "queues": simple_queues()}

        async def turn(loads):
            return await take_turns(contestants(), loads, effort.blocks)

        busy = await turn(_with_cpu(effort.messages, round_trips, _asking))
        parked = await turn(_with_cpu(resting, _rested, _asking_rested))
        bystander = of(bystanding_numbers, effort.messages)
        waits = await take_turns({"native": ring(kernel)}, bystander, effort.blocks)
        rests = await _rests_alone(resting)
    return busy, parked, {"bystander_p99_us": statistics.median(waits["native"]) / 1e3}, rests


def _compiled(folder):
    source, built = Path(folder) / "echo.c", Path(folder) / "echo.so"
    source.write_text(ECHO)
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", built, source], check=True)
    return ctypes.CDLL(str(built)).echo


def _with_cpu(count, asked, asking):
    """Let each side do its load; the figure of a turn is time and CPU time of a round trip."""

    async def native(ends):
        return await asked(ends, count, make=_number)

    async def queues(ask):
        return asking(ask, count)

    def measured(work):
        async def turn(ends):
            begin = time.process_time_ns()
            spent = await work(ends)
            return spent, (time.process_time_ns() - begin) / count

        return turn

    return {"native": measured(native), "queues": measured(queues)}


def _number(number):
    return Number(value=number)


async def bystanding_numbers(ends, count):
    """Let a task yield beside round trips of messages."""
    send, receive = ends

    async def send_number(number):
        await send(_number(number))

    return await bystanding((send_number, receive), count)


async def _rested(ends, count, *, make):
    """Send after a rest in which both sides fall asleep; the median nanoseconds."""
    send, receive = ends
    times = []
    for number in range(count):
        await asyncio.sleep(REST_SECONDS)
        begin = time.perf_counter_ns()
        await send(make(number))
        reply = await receive()
        times.append(time.perf_counter_ns() - begin)
        assert reply.value == number
    return statistics.median(times)


async def _rests_alone(count):
    """Rest as each side does before a round trip; the process's CPU time a rest."""
    begin = time.process_time_ns()
    for _ in range(count):
        await asyncio.sleep(REST_SECONDS)
    between = time.process_time_ns()
    _rest_blocked(count)
    end = time.process_time_ns()
    return {
        "native_rest_cpu_us": (between - begin) / count / 1e3,
        "queues_rest_cpu_us": (end - between) / count / 1e3,
    }


def _rest_blocked(count):
    for _ in range(count):
        time.sleep(REST_SECONDS)


def _asking(ask, count, rest=None):
    times = []
    for number in range(count):
        if rest is not None:
            time.sleep(rest)
        begin = time.perf_counter_ns()
        reply = ask(number)
        times.append(time.perf_counter_ns() - begin)
        assert reply == number
    return statistics.median(times)


def _asking_rested(ask, count):
    return _asking(ask, count, REST_SECONDS)
