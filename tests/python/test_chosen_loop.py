"""Tests run on the event loop that `--loop` names."""

import asyncio
import subprocess
import sys

import pytest
from faults_for_tests import environment

PROGRAM = """
import asyncio
from loops_for_tests import follow_tests

follow_tests()
with asyncio.Runner() as runner:
    print(type(runner.get_loop()).__module__.partition(".")[0])
"""


@pytest.fixture
def chosen(pytestconfig):
    """Give the name of the package whose loop was chosen."""
    return pytestconfig.getoption("loop")


async def running_loop():
    """Name the package that the running loop comes from."""
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]


async def test_an_async_test_runs_on_the_chosen_loop(chosen):
    assert await running_loop() == chosen


def test_a_loop_that_a_test_begins_is_of_the_chosen_kind(chosen):
    assert asyncio.run(running_loop()) == chosen
    with asyncio.Runner() as runner:
        assert runner.run(running_loop()) == chosen


def test_a_program_that_a_test_starts_runs_on_the_chosen_loop(chosen):
    command = [sys.executable, "-c", PROGRAM]
    ran = subprocess.run(command, env=environment(), check=True, capture_output=True, text=True)
    assert ran.stdout == f"{chosen}\n"
