"""The demo does real work, and its report adds up."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pydotcompute import __version__
from pydotcompute.tools.demo import exit_status
from pydotcompute.tools.demo_files import find_in, find_installed
from pydotcompute.tools.demo_report import print_report
from pydotcompute.tools.demo_run import KERNEL_IDS, Outcome, run_demo
from pydotcompute.tools.demo_worker import describe
from pydotcompute.tools.text import make_console, shown

COMMAND = (sys.executable, "-m", "pydotcompute")
STANDARD_LIBRARY = Path(os.__file__).parent

REFUSED = {
    "open.py": (b"f(\n", "TokenError"),
    "indented.py": (b"if x:\n    a\n  b\n", "IndentationError"),
    "unknown.py": (b"# coding: uft-8\n", "SyntaxError: unknown encoding: uft-8"),
    "undecodable.py": (b"x = '\xff'\n", "SyntaxError: invalid or missing encoding declaration"),
    "binary.py": (b"# coding: rot13\nk = 1\n", "LookupError"),
}


class Quiet:
    """Looks at nothing."""

    def show_start(self) -> None: ...

    def show(self, received: int, summary: dict[str, Any]) -> None: ...

    def show_interrupt(self, unfinished: int) -> None: ...


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a pipe be a pipe, whatever the tests' own output is made to look like."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make ten good files, and one for each way to be refused."""
    root = tmp_path / "tree"
    (root / "package").mkdir(parents=True)
    for number in range(10):
        (root / "package" / f"good_{number}.py").write_text(f"x = {number}\n" * (number + 1))
    for name, (content, _) in REFUSED.items():
        (root / name).write_bytes(content)
    (root / "notes.txt").write_text("not Python")
    return root


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def interrupt(*arguments: object) -> tuple[int, str]:
    """Press Ctrl-C once the demo has said that it begins."""
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        try:
            first = demo.stdout.readline()
            demo.send_signal(signal.SIGINT)
            rest, _ = demo.communicate(timeout=60)
        finally:
            demo.kill()  # if it did not heed the signal, it may never end
        return demo.returncode, first + rest


def term(report: str, name: str) -> int:
    """Find a number of the audit by its name."""
    found = re.search(rf"^ +[=+ ] +([\d,]+) {name} \(\w+\)$", report, re.MULTILINE)
    assert found, f"no {name} in {report}"
    return int(found[1].replace(",", ""))


def tokenize_all(files: Iterable[Path]) -> Outcome:
    return asyncio.run(run_demo(tuple(files), repeat=False, view=Quiet()))


def print_and_read(outcome: Outcome, capsys: pytest.CaptureFixture[str]) -> str:
    print_report(make_console(), outcome, ())
    return capsys.readouterr().out


# The command.


def test_the_command_says_its_version() -> None:
    asked = run("--version")
    assert (asked.returncode, asked.stdout) == (0, f"pydotcompute, version {__version__}\n")


def test_help_calls_the_program_as_it_was_called() -> None:
    assert run("--help").stdout.startswith("Usage: python -m pydotcompute ")


def test_the_report_accounts_for_every_file(tree: Path) -> None:
    ran = run("demo", tree)
    assert (ran.returncode, ran.stderr) == (0, "")
    files = 10 + len(REFUSED)
    assert term(ran.stdout, "accepted") == term(ran.stdout, "received") == files
    assert term(ran.stdout, "processed") == 10
    assert term(ran.stdout, "errored") == len(REFUSED)
    assert term(ran.stdout, "sent") == term(ran.stdout, "received by callers") == files
    assert ran.stdout.count("\n    holds\n") == 3
    assert ran.stdout.endswith("The books balance: all 3 equations hold.\n")


def test_every_term_of_the_conservation_equation_stands_in_the_report(tree: Path) -> None:
    report = run("demo", tree).stdout
    zero = ("unanswered", "dropped", "discarded", "queue_depth", "in_flight")
    assert [term(report, name) for name in zero] == [0] * len(zero)
    assert [term(report, name) for name in ("error_replies", "output_depth")] == [0, 0]


def test_a_pipe_gets_plain_lines(tree: Path) -> None:
    ran = run("demo", tree)
    text = ran.stdout.replace("\n", "")
    assert [letter for letter in text if not letter.isprintable()] == []


def test_one_file_stands_for_itself(tree: Path) -> None:
    ran = run("demo", tree / "package" / "good_3.py")
    assert ran.returncode == 0
    assert term(ran.stdout, "processed") == 1


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    ran = run("demo", tmp_path / "nowhere")
    assert ran.returncode == 2
    assert "nowhere" in ran.stderr


def test_a_path_without_python_files_is_named_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ran = run("demo", tmp_path / "empty")
    assert ran.returncode == 2
    words = " ".join(ran.stderr.split())
    assert str(tmp_path / "empty") in words
    assert "leave PATH out" in words


def test_repeat_ends_well_at_ctrl_c_and_nothing_is_lost(tree: Path) -> None:
    status, report = interrupt("demo", tree, "--repeat")
    assert status == 0
    assert "rounds of 15 files" in report
    assert term(report, "accepted") == term(report, "received by callers")
    assert report.endswith("The books balance: all 3 equations hold.\n")


def test_ctrl_c_ends_with_the_report_and_its_own_status() -> None:
    status, report = interrupt("demo", STANDARD_LIBRARY)
    assert status == 130
    assert "Stopped by Ctrl-C after" in report
    assert term(report, "accepted") == term(report, "received by callers")
    assert report.endswith("The books balance: all 3 equations hold.\n")


def test_the_package_does_not_load_what_only_tools_need() -> None:
    probe = "import sys, pydotcompute; print('rich' in sys.modules or 'click' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    assert ran.stdout == "False\n"


# The books.


def test_a_reply_that_the_caller_never_got_is_found(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = tokenize_all(find_in(tree).files)
    outcome.tally.received -= 1
    report = print_and_read(outcome, capsys)
    assert exit_status(outcome) == 1
    assert "IS OFF BY +1" in report
    assert report.endswith("THE BOOKS DO NOT BALANCE: 1 of 3 equations are off.\n")


def test_books_that_do_not_balance_outweigh_ctrl_c(tree: Path) -> None:
    outcome = replace(tokenize_all(find_in(tree).files), interrupted=True)
    assert exit_status(outcome) == 130
    outcome.tally.accepted += 1
    assert exit_status(outcome) == 1


def test_three_kernels_share_the_files(tree: Path) -> None:
    outcome = tokenize_all(find_in(tree / "package").files * 20)
    assert tuple(kernel.kernel_id for kernel in outcome.kernels) == KERNEL_IDS
    assert all(kernel.messages_processed > 0 for kernel in outcome.kernels)
    assert outcome.summary["total_messages"] == 200


def test_lines_bytes_and_tokens_are_those_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text("a = 1\nb\n")
    tally = tokenize_all(find_in(tmp_path).files).tally
    # Encoding, a, =, 1, end of line, b, end of line, end of file.
    assert (tally.token_count, tally.line_count, tally.byte_count) == (8, 2, 8)


# What cannot be tokenized.


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_tokenized_is_an_error_of_its_message(
    name: str, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = tokenize_all([tree / name])
    assert outcome.summary["total_errors"] == 1
    assert sum(kernel.messages_errored for kernel in outcome.kernels) == 1
    report = print_and_read(outcome, capsys)
    assert f"  1 x {REFUSED[name][1]}" in report
    assert f"\n      {tree / name}\n" in report


def test_a_file_that_vanished_is_an_error_of_its_message(tmp_path: Path) -> None:
    outcome = tokenize_all([tmp_path / "gone.py"])
    (problem,) = outcome.tally.problems
    assert str(problem) == "FileNotFoundError: No such file or directory"
    assert outcome.tally.received == 1


def test_equal_errors_are_shown_once_with_their_first_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = tokenize_all(tmp_path / f"{number}.py" for number in range(5))
    report = print_and_read(outcome, capsys)
    assert "Errors: 1 distinct, in 5 replies" in report
    assert "and 2 more\n" in report


def test_a_wrapped_syntax_error_is_described_as_itself() -> None:
    error = SystemError("returned a result with an exception set")
    error.__cause__ = SyntaxError("source code cannot contain null bytes", ("<string>", 4, 0, "x"))
    assert str(describe(error)) == "SyntaxError: source code cannot contain null bytes"


# Finding files.


def test_folders_links_and_pipes_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "folder.py" / "real.py").touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.py")
    assert find_in(tmp_path).files == (tmp_path / "folder.py" / "real.py",)


def test_a_link_that_leads_nowhere_is_an_error_of_its_message(tmp_path: Path) -> None:
    (tmp_path / "circle.py").symlink_to(tmp_path / "circle.py")
    (problem,) = tokenize_all(find_in(tmp_path).files).tally.problems
    assert problem.kind == "OSError"


def test_a_name_that_is_no_text_is_shown_as_an_escape(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = os.fsdecode(b"\xff\x1b[31m\n.py")
    (tmp_path / name).write_text("f(")
    report = print_and_read(tokenize_all(find_in(tmp_path).files), capsys)
    assert f"{tmp_path}/\\udcff\\x1b[31m\\n.py" in report


def test_a_printable_name_is_shown_as_it_is() -> None:
    assert shown("café [bold] ☕.py") == "café [bold] ☕.py"


def test_nothing_installed_is_counted_twice() -> None:
    files = find_installed().files
    assert len(files) == len({file.resolve() for file in files})
    assert STANDARD_LIBRARY.resolve() / "tokenize.py" in files
