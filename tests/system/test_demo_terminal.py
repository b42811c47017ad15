"""The demo in a real terminal: the bar moves, and Ctrl-C ends in the report."""

import os
import re
import select
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENCE_SECONDS = 60.0
LIBRARY = Path(os.__file__).parent
BALANCED = r"The books balance: all 3 equations hold\."
BAR = re.compile(r"^(?:files|round [\d,]+) +[━╸╺ ]+ ([\d,]+)/[\d,]+ [\d,]+ msg/s ", re.MULTILINE)


class Terminal:
    """A tmux terminal of 80 columns; what its program writes is read as it comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written = ""
        pipe = folder / "written"
        os.mkfifo(pipe)
        self._tmux("-f", os.devnull, "new-session", "-d", "-x", "80", "-y", "50", "sh")
        self._pipe = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self._tmux("pipe-pane", f"exec cat >{shlex.quote(str(pipe))}")

    def close(self) -> None:
        self._tmux("kill-server")
        os.close(self._pipe)

    def type(self, line: str) -> None:
        self._tmux("send-keys", "-l", line)
        self.press("Enter")

    def press(self, key: str) -> None:
        self._tmux("send-keys", key)

    def read_until(self, pattern: str) -> re.Match[str]:
        """Read what is written until it holds the pattern, and forget it up to there."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := re.search(pattern, self._written)) is None:
            left = deadline - time.monotonic()
            assert left > 0, f"{pattern!r} never came: {self._written[-2000:]!r}"
            if select.select([self._pipe], [], [], left)[0]:
                self._written += os.read(self._pipe, 65536).decode(errors="replace")
        self._written = self._written[found.end() :]
        return found

    def status(self) -> int:
        """Ask the shell how the last program ended; it answers once that has."""
        self.type("echo status=$?")
        return int(self.read_until(r"status=(\d+)")[1])

    def screen(self) -> str:
        """Give what stands on the screen and what has scrolled off it."""
        return self._tmux("capture-pane", "-p", "-S", "-")

    def _tmux(self, *arguments: str) -> str:
        # The socket's name is relative, because a socket's path may have only 107 bytes.
        ran = subprocess.run(
            ["tmux", "-u", "-S", "socket", *arguments],
            cwd=self._folder,
            check=True,
            capture_output=True,
            encoding="utf-8",
            timeout=30,
        )
        return ran.stdout


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.close()


def start_demo(terminal: Terminal, *arguments: str) -> None:
    terminal.type(shlex.join([sys.executable, "-m", "pydotcompute", "demo", *arguments]))


def count_on_bar(terminal: Terminal) -> int:
    (*_, count) = BAR.findall(terminal.screen())
    return int(count.replace(",", ""))


def test_the_bar_moves(terminal: Terminal) -> None:
    start_demo(terminal, str(LIBRARY))
    terminal.read_until(r" [1-9][\d,]*/[\d,]+")
    before = count_on_bar(terminal)
    for _ in range(5):
        terminal.read_until(r" [\d,]+/[\d,]+")
    assert count_on_bar(terminal) > before > 0


def test_repeat_goes_on_until_ctrl_c_and_then_reports(terminal: Terminal, tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"{number}.py").write_text("f(1)\n" * 100)
    start_demo(terminal, str(tmp_path), "--repeat")
    terminal.read_until(r"round 2 ")
    terminal.press("C-c")
    terminal.read_until(BALANCED)
    assert terminal.status() == 0
    screen = terminal.screen()
    assert "Ctrl-C: feeding no more." in screen
    assert re.search(r"^Stopped by Ctrl-C after [\d.]+ rounds of 50 files\.$", screen, re.MULTILINE)


def test_ctrl_c_ends_one_pass_with_the_report_and_its_own_status(terminal: Terminal) -> None:
    start_demo(terminal, str(LIBRARY))
    terminal.read_until(r" [1-9][\d,]*/[\d,]+")
    terminal.press("C-c")
    terminal.read_until(BALANCED)
    assert terminal.status() == 130


def test_a_second_ctrl_c_quits_at_once(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("f(1)\n" * 2_000_000)
    start_demo(terminal, str(tmp_path))
    terminal.read_until("files ")
    terminal.press("C-c")
    terminal.read_until("Ctrl-C again quits at once")
    terminal.press("C-c")
    assert terminal.status() == 130
    assert "equations" not in terminal.screen()


def test_the_report_fits_into_80_columns(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("f(1)\n")
    start_demo(terminal, str(tmp_path))
    terminal.read_until(BALANCED)
    lines = terminal.screen().splitlines()
    (header,) = [line for line in lines if line.startswith("kernel  ")]
    assert header.split()[-2:] == ["msg/s", "state"]
    (row,) = [line for line in lines if line.startswith("worker_0")]
    assert row.split() == ["worker_0", "1", "1", "0", "0", "1", row.split()[-2], "active"]
