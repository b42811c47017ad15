"""What tests of faults share: where kernels run, a log that counts, programs."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from programs_for_tests import FORMS

TESTS = Path(__file__).parent
PROGRAMS = TESTS / "faults" / "programs"

MODES = {"task": {}}
"""Where kernels run: options of launch() that every test of faults hands on."""

forms = pytest.mark.parametrize("form", FORMS)
modes = pytest.mark.parametrize("mode", MODES.values(), ids=MODES)


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
