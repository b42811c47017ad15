"""Interpreters that the extension would be unsound in are refused, in one sentence that says so."""

import os
import subprocess
from pathlib import Path

import pytest
from faults_for_tests import run_program

ROOT = Path(__file__).parents[3]

# What CPython itself says where each interpreter has a lock of its own.
REFUSALS = (
    "works in the main interpreter only",
    "pydotcompute._core does not support loading in subinterpreters",
)

# As the build finds it at an interpreter; that of a free-threaded one has the flag.
INTERPRETER = """\
implementation=CPython
version=3.14
shared=true
build_flags={flags}
suppress_build_script_link_lines=true
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_subinterpreter_is_refused_and_the_main_one_goes_on(when):
    ran = run_program("subinterpreter", when)
    assert (ran.returncode, ran.stderr) == (0, "")
    *refusals, answer = ran.stdout.splitlines()
    assert len(refusals) >= 2
    for refusal in refusals:
        assert "ImportError" in refusal
        assert any(text in refusal for text in REFUSALS)
    assert answer == "works here"


def build(folder, flags):
    """Check the extension for an interpreter with these build flags."""
    interpreter = folder / "interpreter.txt"
    interpreter.write_text(INTERPRETER.format(flags=flags))
    # What an outer make says to its children is not meant for this one.
    given = {k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "MAKELEVEL"}}
    target = str(ROOT / "target" / "refusal")
    own = {"PYO3_CONFIG_FILE": str(interpreter), "CARGO_TARGET_DIR": target}
    return subprocess.run(
        ["cargo", "check", "--quiet", "--locked", "--features", "python"],
        cwd=ROOT,
        env={**given, **own},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_building_for_a_free_threaded_python_is_refused(tmp_path):
    built = build(tmp_path, "Py_GIL_DISABLED")
    assert built.returncode != 0
    assert "is not built for a free-threaded CPython: build with the usual one" in built.stderr


def test_building_for_the_usual_python_is_not(tmp_path):
    built = build(tmp_path, "")
    assert (built.returncode, built.stderr) == (0, "")
