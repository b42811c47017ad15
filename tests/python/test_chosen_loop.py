"""Tests run on the event loop that `--loop` names, with or without hand-off as they are told."""

import asyncio
import subprocess
import sys

import pytest
from faults_for_tests import environment
from kernels_for_tests import echo, start

from pydotcompute import RingKernelRuntime

PROGRAM = """
import asyncio
from loops_for_tests import follow_tests

follow_tests()
with asyncio.Runner() as runner:
    print(type(runner.get_loop()).__module__.partition(".")[0])
"""

HAND_OFF_PROGRAM = """
import asyncio
from loops_for_tests import follow_tests

follow_tests()
from test_chosen_loop import hands_off

print(asyncio.run(hands_off()))
"""


async def hands_off():
    """Say whether a caller gets its reply before anybody else has run."""
    async with RingKernelRuntime() as runtime:
        await start(runtime, "k", echo)
        await runtime.send("k", 1)
        assert await runtime.receive("k") == 1
        await runtime.send("k", 2)
        turned = []
        asyncio.get_running_loop().call_soon(turned.append, 1)
        assert await runtime.receive("k") == 2
        return not turned


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


async def test_kernels_are_handed_off_where_that_was_chosen(pytestconfig):
    assert await hands_off() is (pytestconfig.getoption("hand_off") == "on")


def test_a_program_that_a_test_starts_hands_off_where_the_tests_do(pytestconfig):
    command = [sys.executable, "-c", HAND_OFF_PROGRAM]
    ran = subprocess.run(command, env=environment(), check=True, capture_output=True, text=True)
    assert ran.stdout == f"{pytestconfig.getoption('hand_off') == 'on'}\n"
