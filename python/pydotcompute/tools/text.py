"""Plain text for people: on a terminal, in a pipe, with names from any file system."""

import io
import sys
from pathlib import Path
from typing import Final

from rich.console import Console

_PIPE_WIDTH: Final = 100


def make_console() -> Console:
    """Make a console on standard output; what it prints is text, never markup.

    A character that the output's encoding lacks is written as an escape.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(width=width, markup=False, emoji=False, highlight=False)


def write(console: Console, line: str, style: str | None = None) -> None:
    """Write one line as it is; a terminal wraps it, a pipe gets it whole."""
    console.print(line, style=style, soft_wrap=True)


def shown(name: str | Path) -> str:
    """Write a name so that it cannot act on a terminal: what is not printable as an escape."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(name))
