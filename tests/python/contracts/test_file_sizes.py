"""A file is short enough to be read in one go."""

from pathlib import Path

ROOT = Path(__file__).parents[3]
MOST_LINES = 400
FOLDERS = ("src", "python", "tests", "benches", "examples", "scripts", ".ci")
# A stub holds one extension module, however large, so .pyi is not among them.
SUFFIXES = {".rs", ".py", ".sh", ""}


def source_files() -> list[Path]:
    inside = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))
    return sorted(path for path in inside if path.is_file() and path.suffix in SUFFIXES)


def test_a_source_file_is_at_most_400_lines_long() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in source_files()}
    assert [f"{path}: {length}" for path, length in lengths.items() if length > MOST_LINES] == []
