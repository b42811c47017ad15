"""An interpreter that exits while kernels are busy exits at once, with code 0 and no traceback."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from faults_for_tests import run_program

MOMENTS = range(20)
AT_ONCE = 2  # programs
EXIT_SECONDS = 2.0

WAYS_THAT_RUN_THE_LOOP = (
    "by_return",
    "by_sys_exit",
    "by_sys_exit_in_a_task",
    "by_sys_exit_in_a_callback",
    "by_a_forked_child",
    "by_reading_at_exit",
)
WAYS_THAT_DO_NOT = (
    "by_os_exit",
    "by_stopping_the_loop",
    "by_closing_the_loop",
    "by_leaving_a_thread_behind",
)

OUR_WARNINGS = r"kernel 'k\d' (was cancelled, not by its runtime|ended and discarded \d+ messages?)"
# This is said of any task whose loop was dropped before it ended, or began.
DROPPED_TASKS = (
    r"Task was destroyed but it is pending!|task: <Task .*>"
    r"|(sys:1|<sys>:0): RuntimeWarning: coroutine '.*' was never awaited"
)


def leave(way, moment):
    """Run a program that leaves in this way; how long leaving took, and what it complained of."""
    ran = run_program("exits", way, moment)
    took = time.monotonic() - float(ran.stdout)
    expected = OUR_WARNINGS if way in WAYS_THAT_RUN_THE_LOOP else f"{OUR_WARNINGS}|{DROPPED_TASKS}"
    rest = [line for line in ran.stderr.splitlines() if not re.fullmatch(expected, line)]
    return ran.returncode, rest, took


@pytest.mark.parametrize("way", WAYS_THAT_RUN_THE_LOOP + WAYS_THAT_DO_NOT)
def test_twenty_exits_with_busy_kernels_are_quick_and_quiet(way):
    with ThreadPoolExecutor(AT_ONCE) as pool:
        exits = list(pool.map(lambda moment: leave(way, moment), MOMENTS))
    assert [(code, rest) for code, rest, _ in exits] == [(0, [])] * len(MOMENTS)
    assert max(took for _, _, took in exits) < EXIT_SECONDS
