"""The event loop that tests run on, whether kernels are handed off, and the programs they start."""

import asyncio
import os

from pydotcompute import RingKernelRuntime

LOOPS = ("asyncio", "uvloop")
HAND_OFF = ("on", "off")
LOOP_VARIABLE = "PYDOTCOMPUTE_TESTS_LOOP"
HAND_OFF_VARIABLE = "PYDOTCOMPUTE_TESTS_HAND_OFF"


def choose_loop(name):
    """Make every new loop of this kind: in this process, and in programs that follow it."""
    os.environ[LOOP_VARIABLE] = name
    if name == "uvloop":
        import uvloop  # noqa: PLC0415 - only where it is asked for

        asyncio.new_event_loop = asyncio.events.new_event_loop = uvloop.new_event_loop


def choose_hand_off(name):
    """Let every runtime that says nothing else hand off, or not: here and in programs as above."""
    os.environ[HAND_OFF_VARIABLE] = name
    RingKernelRuntime.__init__.__kwdefaults__["hand_off"] = name == "on"


def follow_tests():
    """Choose what the tests chose which started this program, if any did."""
    choose_loop(os.environ.get(LOOP_VARIABLE, LOOPS[0]))
    choose_hand_off(os.environ.get(HAND_OFF_VARIABLE, HAND_OFF[0]))
