"""The `demo` command: real work for three kernels, and the books audited at the end."""

import asyncio
import sys
import warnings
from pathlib import Path

import click

from pydotcompute.tools.demo_files import Tree, find_in, find_installed
from pydotcompute.tools.demo_report import print_report
from pydotcompute.tools.demo_run import Outcome, run_demo
from pydotcompute.tools.demo_view import ProgressView
from pydotcompute.tools.text import make_console, shown

INTERRUPTED = 130
"""The exit status of a program that Ctrl-C ended."""


@click.command()
@click.argument("path", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--repeat", is_flag=True, help="Go on over the same files until Ctrl-C.")
def demo(path: Path | None, *, repeat: bool) -> None:
    """Tokenize every Python file below PATH with three ring kernels, and audit the telemetry.

    PATH is a folder or one file; without it, the standard library and this environment's packages.
    Ends with status 1 where the telemetry does not add up, and 130 after Ctrl-C without --repeat.
    """
    try:
        status = _demo(path, repeat=repeat)
    except KeyboardInterrupt:  # before the kernels ran, or after
        click.echo("stopped by Ctrl-C: no report", err=True)
        status = INTERRUPTED
    sys.exit(status)


def exit_status(outcome: Outcome) -> int:
    """Say how the command ends after a run."""
    if not outcome.audit.is_balanced:
        return 1
    return INTERRUPTED if outcome.interrupted and not outcome.repeat else 0


def _demo(path: Path | None, *, repeat: bool) -> int:
    tree = find_installed() if path is None else find_in(path)
    if not tree.files:
        raise click.UsageError(_nothing_to_do(path, tree))
    console = make_console()
    place = "the standard library and this environment" if path is None else shown(path)
    until = "\nAgain and again, until Ctrl-C" if repeat else ""
    start = f"Tokenizing the Python files of {place}: {len(tree.files):,}{until}"
    with ProgressView(console, start, len(tree.files), repeat=repeat) as view:
        outcome = _run(tree.files, view, repeat=repeat)
    print_report(console, outcome, tree.unreadable)
    return exit_status(outcome)


def _run(files: tuple[Path, ...], view: ProgressView, *, repeat: bool) -> Outcome:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tokenizers warn of what they find odd in a file
        return asyncio.run(run_demo(files, repeat=repeat, view=view))


def _nothing_to_do(path: Path | None, tree: Tree) -> str:
    if path is None:
        return "this Python came without its library's source files: give a folder of .py files"
    unreadable = "".join(f" ({shown(str(error))})" for error in tree.unreadable)
    return (
        f"there are no Python files (*.py) in {shown(path)}{unreadable}: give a folder that has"
        " some, or leave PATH out to work on the standard library"
    )
