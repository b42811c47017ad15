"""Telemetry costs the instructions that it is said to cost."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_telemetry_costs_no_more_instructions_than_committed():
    counting = ROOT / "benches" / "figures" / "counting.py"
    command = [sys.executable, counting, "--check", "--short"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all within bounds" in done.stdout
