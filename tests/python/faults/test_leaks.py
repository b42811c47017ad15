"""Ten thousand launches leave nothing behind: no task, file, thread, reference or memory."""

import pytest
from faults_for_tests import report_of, run_program

KIB = 1024


@pytest.fixture(scope="module")
def ran():
    return run_program("launches", 10_000, flags=("-W", "error"))


@pytest.fixture(scope="module")
def held(ran):
    """Give what was held after two thousand launches and after ten thousand."""
    assert (ran.returncode, ran.stderr) == (0, "")
    return report_of(ran)


def growth(held, name):
    early, late = held
    return late[name] - early[name]


def test_launches_warn_of_nothing_they_leave_open(ran):
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("name", ["tasks", "files", "threads"])
def test_launches_leave_no_task_file_or_thread(held, name):
    assert growth(held, name) == 0


def test_launches_leave_no_python_object(held):
    assert growth(held, "objects") < 100  # of eight thousand launches


def test_launches_leave_no_reference_to_what_they_were_given(held):
    early, late = (reading["references"] for reading in held)
    assert all(abs(after - before) < 20 for before, after in zip(early, late, strict=True))


def test_launches_leave_no_memory_of_the_core(held):
    assert growth(held, "resident") < 2048 * KIB  # a record and its queues are above one KiB


def test_launches_leave_no_memory_of_python():
    ran = run_program("launches", 3_000, "traced")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert growth(report_of(ran), "traced") < 64 * KIB  # 27 bytes a launch
