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
from pydotcompute.telemetry.audit import Equation, Term
from pydotcompute.tools.demo_run import FINISH_SECONDS, Outcome
from pydotcompute.tools.text import shown, write

_SHOWN_FILES: Final = 3

_COLUMNS: Final = {
    "kernel": "{0.kernel_id}",
    "received": "{0.messages_received:,}",
    "processed": "{0.messages_processed:,}",
    "errored": "{0.messages_errored:,}",
    "unanswered": "{0.messages_unanswered:,}",
    "peak depth": "{0.queue_depth_peak:,}",
    "msg/s": "{0.throughput:,.1f}",
    "state": "{0.state}",
}


def print_report(console: Console, outcome: Outcome, unreadable: Iterable[OSError]) -> None:
    """Print every section of the report; the verdict comes last."""
    write(console, "")
    for line in _headlines(outcome):
        write(console, line)
    console.print(_summary(outcome))
    console.print(_kernels(outcome.kernels))
    for line in (*_problems(outcome), *_unreadable(unreadable)):
        write(console, line)
    for line in _audit(outcome.audit):
        write(console, line)
    if outcome.audit.is_balanced:
        write(console, "The books balance.", style="bold green")
    else:
        write(console, _alarm(outcome.audit), style="bold red")


def _headlines(outcome: Outcome) -> Iterator[str]:
    accepted, received = outcome.tally.accepted, outcome.tally.received
    if outcome.interrupted and not outcome.repeat:
        yield f"Stopped by Ctrl-C after {accepted:,} of {outcome.file_count:,} files."
    elif outcome.interrupted:
        rounds = accepted / outcome.file_count
        yield f"Stopped by Ctrl-C after {rounds:,.1f} rounds of {outcome.file_count:,} files."
    if received < accepted:
        unfinished = accepted - received
        yield f"{unfinished:,} accepted files were not finished within {FINISH_SECONDS:.0f} s."


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
    table = Table(*names, box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
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
    yield ""


def _files(files: Counter[Path]) -> Iterator[str]:
    first = list(files)[:_SHOWN_FILES]
    yield from (f"      {shown(path)}" for path in first)
    if len(files) > len(first):
        yield f"      and {len(files) - len(first):,} more files"


def _unreadable(errors: Iterable[OSError]) -> Iterator[str]:
    for error in errors:
        yield f"Folder left out: {shown(str(error))}"


def _audit(audit: Audit) -> Iterator[str]:
    yield "Audit: what the kernels' records, their queues and the caller say, summed over kernels"
    for equation in audit.equations:
        yield from _equation(equation)
        yield ""


def _equation(equation: Equation) -> Iterator[str]:
    first, *others = equation.left
    yield _term(" ", first)
    yield from (_term("+", term) for term in others)
    second, *others = equation.right
    yield _term("=", second)
    yield from (_term("+", term) for term in others)
    verdict = "holds" if equation.difference == 0 else f"IS OFF BY {equation.difference:+,}"
    yield f"    {verdict}"


def _term(sign: str, term: Term) -> str:
    return f"  {sign} {term.value:>12,} {term.name} ({term.source})"


def _alarm(audit: Audit) -> str:
    wrong = sum(equation.difference != 0 for equation in audit.equations)
    return f"THE BOOKS DO NOT BALANCE: {wrong} of {len(audit.equations)} equations are off."
