"""The event loop that tests run on, and the programs that they start."""

import asyncio
import os

LOOPS = ("asyncio", "uvloop")
VARIABLE = "PYDOTCOMPUTE_TESTS_LOOP"


def choose_loop(name):
    """Make every new loop of this kind: in this process, and in programs that follow it."""
    os.environ[VARIABLE] = name
    if name == "uvloop":
        import uvloop  # noqa: PLC0415 - only where it is asked for

        asyncio.new_event_loop = asyncio.events.new_event_loop = uvloop.new_event_loop


def follow_tests():
    """Choose the loop that the tests chose which started this program, if any did."""
    choose_loop(os.environ.get(VARIABLE, LOOPS[0]))
