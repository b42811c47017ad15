"""A child process neither hangs on its parent's runtime nor moves or counts anything in it."""

import copy
import pickle

import pytest
from faults_for_tests import report_of, run_program
from kernels_for_tests import echo, start

from pydotcompute.exceptions import InvalidTypeError

CANCELLED = "kernel 'k' was cancelled, not by its runtime"  # said by a child that leaves the loop
FORKING = ("os.fork and os._exit", "os.fork and sys.exit", "fork")


def child_of(way, where):
    """Run a parent that has a child; what the child saw, once both ended well."""
    ran = run_program("forks", way, where, flags=("-W", "error"))
    code, seen, replies = report_of(ran)
    assert (ran.returncode, set(ran.stderr.splitlines()) - {CANCELLED}) == (0, set())
    assert replies == [7, 8, 9, "after the child"]
    assert (code, seen["own runtime works"]) == (0, True)
    return seen


@pytest.mark.parametrize("where", ["in a loop", "beside a loop"])
@pytest.mark.parametrize("way", FORKING)
def test_a_forked_child_reads_the_parents_runtime_and_is_refused_everything_else(way, where):
    seen = child_of(way, where)
    assert seen["refusals"] == ["WrongLoopError"] * 4
    assert (seen["received"], seen["total"]) == (10, 10)


@pytest.mark.parametrize("where", ["in a loop", "beside a loop"])
def test_a_spawned_child_gets_counts_and_makes_a_runtime_of_its_own(where):
    assert child_of("spawn", where)["received"] == 10


def test_a_child_forked_while_a_thread_reads_can_read():
    ran = run_program("forks_while_read", flags=("-W", "ignore::DeprecationWarning"))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"{[0] * 10}\n", "")


@pytest.mark.parametrize("sent", [copy.copy, copy.deepcopy, pickle.dumps])
async def test_a_runtime_is_not_copied_nor_sent_to_another_process(runtime, sent):
    await start(runtime, "k", echo)
    with pytest.raises(InvalidTypeError, match="make one there"):
        sent(runtime)
