"""What tests of faults share: kernels that raise when told, callers that count, programs."""

import asyncio
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pydotcompute.exceptions import KernelExecutionError
from pydotcompute.telemetry import CallerLedger, audit

TESTS = Path(__file__).parent
PROGRAMS = TESTS / "faults" / "programs"


def obey(message):
    """Raise a message that is an exception, whatever its kind; give back any other."""
    if isinstance(message, BaseException):
        raise message
    return message


async def obey_in_loop(ctx):
    while True:
        await ctx.send(obey(await ctx.receive()))


async def obey_later(message):
    await asyncio.sleep(0)
    return obey(message)


FORMS = {
    "loop": (obey_in_loop, {}),
    "handler def": (obey, {}),
    "handler async def": (obey_later, {"form": "handler"}),
}
"""One kernel in each form, with the options that make it so."""

MODES = {"task": {}}
"""Where kernels run: options of launch() that every test of faults hands on."""

forms = pytest.mark.parametrize("form", FORMS)
modes = pytest.mark.parametrize("mode", MODES.values(), ids=MODES)


class Callers:
    """Everybody who calls the kernels of one runtime: they count for themselves."""

    def __init__(self, runtime):
        self.runtime = runtime
        self.accepted = self.received = 0

    async def send(self, messages, kernel_id="k", **timeout):
        """Send in a row; how many were accepted."""
        accepted = await self.runtime.send_batch(kernel_id, messages, **timeout)
        self.accepted += accepted
        return accepted

    async def receive(self, kernel_id="k", **timeout):
        """Get a reply, or the KernelExecutionError in its place."""
        try:
            reply = await self.runtime.receive(kernel_id, **timeout)
        except KernelExecutionError as error:
            reply = error
        self.received += 1
        return reply

    def check(self):
        """At rest, records, queues and these callers agree on every message and reply."""
        shown = self.runtime.get_all_telemetry().values()
        result = audit(shown, CallerLedger(self.accepted, self.received))
        assert result.is_balanced, str(result)


class LogCounter(logging.Filter):
    """Counts what a logger is told and hands none of it on, for records keep what they tell of."""

    def __init__(self):
        super().__init__()
        self.levels = {}
        self.tracebacks = 0

    def filter(self, record):
        self.levels[record.levelname] = self.levels.get(record.levelname, 0) + 1
        self.tracebacks += record.exc_info is not None
        return False


def command_of(name, *arguments, flags=()):
    """Give the command that runs one of the programs beside these tests."""
    return [sys.executable, *flags, PROGRAMS / f"{name}.py", *map(str, arguments)]


def environment(**more):
    """Give an environment in which programs find what tests share."""
    paths = [str(TESTS), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **more}


def run_program(name, *arguments, flags=(), timeout=60, **variables):
    """Run a program to its end, however it ends."""
    return subprocess.run(
        command_of(name, *arguments, flags=flags),
        env=environment(**variables),
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def report_of(ran):
    """Read what a program reported: its last line, as JSON."""
    assert ran.stdout, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def counted(runtime, kernel_id="k"):
    """Every number without a fraction and every text of a kernel's telemetry, to report as JSON."""
    telemetry = runtime.get_telemetry(kernel_id).to_dict()
    return {name: value for name, value in telemetry.items() if isinstance(value, int | str)}
