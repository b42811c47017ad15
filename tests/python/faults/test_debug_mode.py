"""asyncio's debug mode, Python's development mode and strict warnings have nothing to tell."""

import pytest
from faults_for_tests import run_program


@pytest.mark.parametrize("flags", [("-X", "dev", "-W", "error"), ("-O",), ("-OO", "-bb")])
def test_everything_at_once_runs_without_a_warning(flags):
    ran = run_program("everything", flags=flags, PYTHONASYNCIODEBUG="1")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "balanced\n", "")
