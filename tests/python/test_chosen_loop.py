"""Tests run on the event loop that `--loop` names."""

import asyncio

import pytest


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
