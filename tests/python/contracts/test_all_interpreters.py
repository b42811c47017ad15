"""`make test-all` finds the interpreters that are there, and fails where one of them does."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load the script as a module."""
    path = ROOT / "scripts" / "test_all.py"
    spec = importlib.util.spec_from_file_location("test_all", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "test_all", module)
    spec.loader.exec_module(module)
    return module


def interpreter(folder: Path, name: str, script: str) -> Path:
    """Make something that stands in for an interpreter."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Path, Path]:
    """Make a machine with nothing but a folder on PATH and one of pyenv's versions."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return tmp_path / "bin", tmp_path / "pyenv" / "versions" / "some" / "bin"


def test_newer_interpreters_are_found_on_the_path_and_among_those_of_pyenv(
    script: ModuleType, folders: tuple[Path, Path]
) -> None:
    on_path, of_pyenv = folders
    interpreter(on_path, "python3.11", "echo 3 11 9")
    interpreter(on_path, "python3.12", "echo 3 12 1")
    later = interpreter(of_pyenv, "python3.12", "echo 3 12 11")
    only = interpreter(of_pyenv, "python3.14", "echo 3 14 0")
    found = script.newer_interpreters(script.Version(3, 11, 2))
    assert found == {script.Version(3, 12, 11): later, script.Version(3, 14, 0): only}


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("python3.12", "echo pyenv: python3.12: command not found >&2; exit 127"),
        ("python3.12", "exit 0"),  # says no version: not released, or without interpreter lock
        ("python3.12-config", "echo 3 12 1"),
        ("python3.12t", "echo 3 12 1"),
    ],
)
def test_what_is_no_interpreter_to_test_on_is_passed_over(
    name: str, answer: str, script: ModuleType, folders: tuple[Path, Path]
) -> None:
    on_path, of_pyenv = folders
    interpreter(on_path, name, answer)
    good = interpreter(of_pyenv, "python3.13", "echo 3 13 0")
    found = script.newer_interpreters(script.Version(3, 11, 2))
    assert found == {script.Version(3, 13, 0): good}


@pytest.mark.parametrize("status", [0, 1])
@pytest.mark.usefixtures("folders")
def test_each_combination_has_a_line_and_one_that_fails_fails_all(
    status: int,
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(version: object, inside: object, loop: str, arguments: object) -> object:
        return script.Result(version, loop, status if loop == "uvloop" else 0, 1.0)

    monkeypatch.setattr(script, "make_environment", lambda _version, python: python)
    monkeypatch.setattr(script, "run_tests", run)
    assert script.main([]) == status
    first, second, third = capsys.readouterr().out.strip().splitlines()
    assert first.split()[2:4] == ["asyncio", "passed"]
    assert second.split()[2:4] == ["uvloop", "failed" if status else "passed"]
    assert third.split()[2:5] == ["no", "hand-off", "passed"]


def test_an_interpreter_without_an_environment_has_failed_on_both_loops(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, folders: tuple[Path, Path]
) -> None:
    broken = interpreter(folders[0], "python3.12", "exit 3")
    monkeypatch.setattr(script, "version_of", lambda _python: None)
    results = script.run_on(script.Version(3, 12, 1), broken, script.LOOPS, [])
    assert [(result.loop, result.status) for result in results] == [("asyncio", 3), ("uvloop", 3)]
