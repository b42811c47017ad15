"""Which files the demo works on."""

import os
import stat
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_INSTALLED: Final = frozenset(("site-packages", "dist-packages"))
_NOTHING: Final = frozenset[str]()


@dataclass(frozen=True, slots=True)
class Tree:
    """The Python files below some folders."""

    files: tuple[Path, ...]
    """Every file called *.py, once, sorted folder by folder."""
    unreadable: tuple[OSError, ...] = ()
    """Why folders could not be listed; their files are missing above."""


def find_in(path: Path) -> Tree:
    """Find the Python files below a folder; a file stands for itself, whatever its name."""
    if path.is_file():
        return Tree((path,))
    return _find({path: _NOTHING})


def find_installed() -> Tree:
    """Find the files of the standard library and of the packages in this environment.

    Packages that lie inside the standard library's folder count where they belong to this
    environment, and once.
    """
    library, *packages = (
        Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")
    )
    return _find({library: _INSTALLED, **dict.fromkeys(packages, _NOTHING)})


def _find(skipped: dict[Path, frozenset[str]]) -> Tree:
    unreadable: list[OSError] = []
    files = [file for root, names in skipped.items() for file in _walk(root, names, unreadable)]
    return Tree(tuple(files), tuple(unreadable))


def _walk(root: Path, skipped: frozenset[str], unreadable: list[OSError]) -> Iterator[Path]:
    for folder, subfolders, names in os.walk(root, onerror=unreadable.append):
        subfolders[:] = sorted(set(subfolders) - skipped)
        candidates = (Path(folder, name) for name in sorted(names) if name.endswith(".py"))
        yield from filter(_is_to_be_read, candidates)


def _is_to_be_read(path: Path) -> bool:
    """Tell files from pipes and devices; what cannot be looked at is left for its reader."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True
