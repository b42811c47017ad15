"""A program ends, and forks, whatever its native workers are at."""

import pytest
from faults_for_tests import run_program


@pytest.mark.parametrize("way", ["return", "exit"])
def test_a_program_ends_well_while_a_native_worker_is_busy(way):
    ran = run_program("native_exits", way, flags=("-W", "error"), timeout=30)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_a_forked_child_ends_and_its_parents_kernels_go_on():
    ran = run_program("native_exits", "fork", flags=("-W", "ignore::DeprecationWarning"))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "(0, [2, 2, 2])\n", "")
