"""Importing the package does nothing but define names."""

import json
import subprocess
import sys

import pytest

# Runs in an interpreter of its own: state before, import, state after, as JSON.
PROBE = """
import asyncio, json, os, signal, sys, threading

def state():
    with open("/proc/self/status") as status:
        caught = [line for line in status if line.startswith("SigCgt")]
    return {
        "threads": sorted(os.listdir("/proc/self/task")),
        "python threads": threading.active_count(),
        "open files": sorted(os.listdir("/proc/self/fd")),
        "environment": dict(os.environ),
        "loop policy": repr(asyncio.events._event_loop_policy),
        "signal handlers": {int(s): repr(signal.getsignal(s)) for s in signal.valid_signals()},
        "caught signals": caught,
        "working directory": os.getcwd(),
        "excepthook": repr(sys.excepthook),
        "switch interval": sys.getswitchinterval(),
    }

before = state()
import pydotcompute
print(json.dumps([before, state(), sorted(sys.modules)]))
"""

LATE = (
    "numpy",
    "msgspec",
    "rich",
    "click",
    "pydotcompute.execution.message_queue",
    "pydotcompute.execution.thread",
)


@pytest.fixture(scope="module")
def probe() -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", PROBE]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_importing_warns_of_nothing(probe: subprocess.CompletedProcess[str]) -> None:
    assert (probe.returncode, probe.stderr) == (0, "")


def test_importing_changes_nothing_in_the_process(probe: subprocess.CompletedProcess[str]) -> None:
    before, after, _ = json.loads(probe.stdout)
    assert after == before


@pytest.mark.parametrize("module", LATE)
def test_importing_leaves_what_not_everybody_needs_for_its_first_use(
    module: str, probe: subprocess.CompletedProcess[str]
) -> None:
    modules = json.loads(probe.stdout)[2]
    assert module not in modules


NAMES = """
import pydotcompute
names = set(pydotcompute.__all__)
assert names <= set(dir(pydotcompute)), names - set(dir(pydotcompute))
from pydotcompute import *
assert names <= set(globals()), names - set(globals())
assert all(globals()[name] is getattr(pydotcompute, name) for name in names)
"""


def test_names_that_are_loaded_late_are_listed_and_imported_like_the_others() -> None:
    command = [sys.executable, "-W", "error", "-c", NAMES]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
