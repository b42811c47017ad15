"""The demo's report: what telemetry says, what the caller says, and whether it adds up."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from pydotcompute import KernelTelemetry
from pydotcompute.telemetry import Audit
from pydotcompute.telemetry.auditing import Term
from pydotcompute.tools.demo_run import Outcome
from pydotcompute.tools.text import shown, write

_SHOWN_FILES: Final = 3

_COLUMNS: Final = {
    "kernel": "{0.kernel_id}",
    "received": "{0.messages_received:,}",
    "processed": "{0.messages_processed:,}",
    "errored": "{0.messages_errored:,}",
    "unanswered": "{0.messages_unanswered:,}",
    "peak\ndepth": "{0.queue_depth_peak:,}",
    "msg/s": "{0.throughput:,.1f}",
    "state": "{0.state}",
}


def print_report(console: Console, outcome: Outcome, unreadable: Iterable[OSError]) -> None:
    """Print every section of the report; the verdict comes last."""
    write(console, "")
    for line in _headlines(outcome):
        write(console, line)
    console.print(_summary(outcome), "", _kernels(outcome.kernels), "", sep="\n")
    lines = (*_problems(outcome), *_unreadable(unreadable), "", *_books(outcome.audit))
    for line in lines:
        write(console, line)
    write(console, *_verdict(outcome.audit))


def _headlines(outcome: Outcome) -> Iterator[str]:
    accepted, received = outcome.tally.accepted, outcome.tally.received
    if outcome.interrupted and not outcome.repeat:
        yield f"Stopped by Ctrl-C after {accepted:,} of {outcome.file_count:,} files."
    elif outcome.interrupted:
        rounds = accepted / outcome.file_count
        yield f"Stopped by Ctrl-C after {rounds:,.1f} rounds of {outcome.file_count:,} files."
    if received < accepted:
        yield f"Accepted and not answered when this was written: {accepted - received:,}."


def _summary(outcome: Outcome) -> Table:
    summary, tally = outcome.summary, outcome.tally
    table = _table("summary", "", "", "counted by")
    table.columns[1].justify = "right"
    rows = (
        ("kernels", f"{summary['kernel_count']:,}", "", "telemetry"),
        ("messages", f"{summary['total_messages']:,}", "processed", "telemetry"),
        ("errors", f"{summary['total_errors']:,}", "", "telemetry"),
        ("throughput", f"{summary['aggregate_throughput']:,.1f}", "messages/s", "telemetry"),
        ("files", f"{tally.received:,}", "answered", "caller"),
        ("lines", f"{tally.line_count:,}", "", "caller"),
        ("tokens", f"{tally.token_count:,}", "", "caller"),
        ("size", f"{tally.byte_count / 1e6:,.1f}", "MB", "caller"),
        ("elapsed", f"{outcome.elapsed_seconds:,.2f}", "s", "caller"),
    )
    for row in rows:
        table.add_row(*row)
    return table


def _kernels(kernels: Iterable[KernelTelemetry]) -> Table:
    table = _table(*_COLUMNS)
    for column in table.columns[1:-1]:
        column.justify = "right"
    for kernel in kernels:
        table.add_row(*(template.format(kernel) for template in _COLUMNS.values()))
    return table


def _table(*names: str) -> Table:
    table = Table(*names, box=SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for column in table.columns:
        column.no_wrap = True
    return table


def _problems(outcome: Outcome) -> Iterator[str]:
    problems = outcome.tally.problems
    total = sum(files.total() for files in problems.values())
    yield f"Errors: {len(problems):,} distinct, in {total:,} replies"
    for problem, files in sorted(problems.items(), key=lambda item: -item[1].total()):
        yield f"  {files.total():,} x {shown(str(problem))}"
        yield from _files(files)


def _files(files: Counter[Path]) -> Iterator[str]:
    first = list(files)[:_SHOWN_FILES]
    yield from (f"      {shown(path)}" for path in first)
    if len(files) > len(first):
        yield f"      and {len(files) - len(first):,} more"


def _unreadable(errors: Iterable[OSError]) -> Iterator[str]:
    for error in errors:
        yield f"  Folder left out: {shown(str(error))}"


def _books(audit: Audit) -> Iterator[str]:
    yield "Audit: kernels' records, their queues and the caller, summed over kernels"
    for equation in audit.equations:
        yield from _side(" ", equation.left)
        yield from _side("=", equation.right)
        yield "    holds" if equation.difference == 0 else f"    IS OFF BY {equation.difference:+,}"
        yield ""


def _side(sign: str, terms: Iterable[Term]) -> Iterator[str]:
    for term in terms:
        yield f"  {sign} {term.value:>12,} {term.name} ({term.source})"
        sign = "+"


def _verdict(audit: Audit) -> tuple[str, str]:
    count = len(audit.equations)
    wrong = sum(equation.difference != 0 for equation in audit.equations)
    if wrong:
        return f"THE BOOKS DO NOT BALANCE: {wrong} of {count} equations are off.", "bold red"
    return f"The books balance: all {count} equations hold.", "bold green"
