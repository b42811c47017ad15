"""A tool that this machine lacks is named in one sentence, with the way to get it."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def check(folder: Path, *tools: str) -> subprocess.CompletedProcess[str]:
    """Check for tools on a machine that has nothing but the programs in `folder`."""
    command = ["/bin/sh", ROOT / "scripts" / "check_tools.sh", *tools]
    return subprocess.run(
        command, env={"PATH": str(folder)}, check=False, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("programs", "tool", "words"),
    [
        ({}, "rust", "cargo is missing"),
        ({"cargo": "echo broken; exit 1"}, "rust", "cargo does not start here (broken)"),
        ({"cargo": "echo 'cargo 1.63.0 (x)'"}, "rust", "cargo 1.63.0 (x) is too old"),
        ({"cargo": "echo 'cargo 1.95.0 (x)'"}, "rust", "a C compiler (cc) is missing"),
        ({}, "python", "python3 is missing"),
        ({"python3": "echo broken; exit 1"}, "python", "python3 does not start (broken)"),
        (
            {"python3": 'case "$2" in *info*) exit 1;; esac; echo 3.9.2'},
            "python",
            "python3 is Python 3.9.2",
        ),
        (
            {"python3": 'case "$2" in *venv*) exit 1;; esac; echo 3.11.2'},
            "python",
            "python3 cannot make a virtual environment",
        ),
    ],
)
def test_a_missing_tool_is_named_in_one_sentence(
    programs: dict[str, str], tool: str, words: str, tmp_path: Path
) -> None:
    for name, script in programs.items():
        program(tmp_path, name, script)
    checked = check(tmp_path, tool)
    assert checked.returncode == 2
    assert checked.stderr.startswith(f"pydotcompute: {words}")
    assert checked.stderr.count("\n") == 1


def test_a_complete_machine_is_not_commented_on(tmp_path: Path) -> None:
    program(tmp_path, "cargo", "echo 'cargo 1.95.0 (x)'")
    program(tmp_path, "cc", "")
    program(tmp_path, "python3", 'case "$2" in *platform*) echo 3.11.2;; esac')
    checked = check(tmp_path, "rust", "python")
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_make_alone_lists_its_targets() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True)
    names = {line.split()[0] for line in listed.stdout.splitlines()}
    assert {"build", "demo", "test", "lint", "wheel", "clean"} <= names
