"""What lands is finished, and is about no one machine."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = ("src", "python", "tests", "benches", "examples", "docs", "scripts", ".ci")
SUFFIXES = {".rs", ".py", ".pyi", ".md", ".sh", ""}
AT_THE_TOP = ("*.md", "*.toml", "*.supp", "Makefile")

PUT_OFF = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b|\b(todo|unimplemented)!\(")
OF_ONE_MACHINE = re.compile(r"(?<![\w.~:/-])/(work|root|home|Users|mnt|opt)/")


def written_files() -> list[Path]:
    inside = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))
    files = {path for path in inside if path.is_file() and path.suffix in SUFFIXES}
    files.update(path for pattern in AT_THE_TOP for path in ROOT.glob(pattern))
    return sorted(files - {Path(__file__)})


def lines_with(pattern: re.Pattern[str], text: str) -> list[str]:
    return [line for line in text.splitlines() if pattern.search(line)]


def places_of(pattern: re.Pattern[str]) -> dict[str, list[str]]:
    found = {str(path): lines_with(pattern, path.read_text()) for path in written_files()}
    return {path: lines for path, lines in found.items() if lines}


def test_nothing_is_put_off() -> None:
    assert places_of(PUT_OFF) == {}


def test_no_path_of_one_machine_is_written_down() -> None:
    assert places_of(OF_ONE_MACHINE) == {}


@pytest.mark.parametrize(
    ("line", "is_refused"),
    [
        ("open('/home/someone/data')", True),
        ("see /root/notes", True),
        ("https://docs.rs/loom/latest/work/", False),
        ("tests/home/", False),
    ],
)
def test_a_path_counts_where_it_is_absolute(line: str, is_refused: bool) -> None:  # noqa: FBT001
    assert bool(lines_with(OF_ONE_MACHINE, line)) is is_refused
