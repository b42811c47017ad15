"""Figures as a table for people and as JSON for programs."""

import json
import re
from dataclasses import asdict

from measure import Missing

HEADINGS = ("", "figure", "must", "aim", "measured", "spread", "in the same run")
SHORT_HEADINGS = ("figure", "unit", "measured", "spread")
HEADLINES = {
    "round trip / queues",
    "receive(timeout=1.0) / queues with asyncio.timeout",
    "windows of 1,000 / queues",
    "batches / queues one by one",
    "64 callers at once / queues",
    "bystander's turn, p99",
    "ring, chunks of 64 / rtrb",
    "native kernel, worker spins / SimpleQueue",
    "native kernel, both parked / SimpleQueue",
    "round trip, counts only / off, instructions",
    "round trip, default / off, instructions",
    "windows, counts only / off, instructions",
    "windows, default / off, instructions",
    "10,000 kernels, launch to end",
    "10,000 kernels, memory of the process",
    "telemetry of one kernel, histograms of 200 messages",
    "summary of 10,000 kernels",
    "import pydotcompute",
}
"""What README.md shows."""
MARKS = ("<!-- figures: begin -->", "<!-- figures: end -->")


def rows_of(number, targets, outcomes):
    """Write a figure's rows."""
    for target, outcome in zip(targets, outcomes, strict=True):
        limits = [_limit(limit, target) for limit in (target.must, target.aim)]
        if isinstance(outcome, Missing):
            yield (number, target.name, *limits, outcome.reason, "", "")
            continue
        value = f"{_number(outcome.value)}{_suffix(target)}"
        if not target.is_met(outcome.value):
            value += ", missed"
        spread = f"{_number(outcome.low)} to {_number(outcome.high)}"
        yield (number, target.name, *limits, value, spread, _beside(outcome.beside))


def headlines_of(number, targets, outcomes):
    """Write those of a figure's rows that README.md shows; P2 has the names of P1 again."""
    for target, outcome in zip(targets, outcomes, strict=True):
        if number != "P2" and target.name in HEADLINES and not isinstance(outcome, Missing):
            spread = f"{_number(outcome.low)} to {_number(outcome.high)}"
            yield (target.name, target.unit, _number(outcome.value), spread)


def as_text(rows):
    """Align rows for a terminal."""
    lines = [HEADINGS, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def as_markdown(rows, headings=HEADINGS):
    """Make rows a table of a page."""
    lines = [headings, ("---",) * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def between_marks(page, text):
    """Put text in the place that a page keeps for it."""
    begin, end = map(re.escape, MARKS)
    put, count = re.subn(
        f"{begin}.*?{end}", lambda _: "\n".join((MARKS[0], text, MARKS[1])), page, flags=re.DOTALL
    )
    if count != 1:
        message = f"the page has {count} places between {MARKS[0]} and {MARKS[1]}, not one"
        raise ValueError(message)
    return put


def caption(machine, before, after, effort):
    """Say where and how the figures of a table were taken."""
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return (
        f"{machine['processor']}, {machine['cpus']} CPUs, Linux {machine['kernel']}; "
        f"{machine['python']}, {machine['rust']}; {packages}.\n"
        f"{effort.blocks} turns of {effort.messages:,} messages; load average "
        f"{before[0]:.1f} before and {after[0]:.1f} after."
    )


def as_json(results, **rest):
    """Give everything that was measured."""
    figures = [
        {
            "number": number,
            "method": method,
            "targets": [asdict(target) for target in targets],
            "outcomes": [asdict(outcome) for outcome in outcomes],
        }
        for number, method, targets, outcomes in results
    ]
    return json.dumps({**rest, "figures": figures}, indent=2) + "\n"


def _limit(limit, target):
    return "" if limit is None else f"{_number(limit)}{_suffix(target)}"


def _suffix(target):
    return {"ratio": "", "x": " x"}.get(target.unit, f" {target.unit}")


def _number(value):
    """Write about three digits, and four where a ratio lies near 1."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if 0.9 < abs(value) < 1.1:
        return f"{value:.3f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def _beside(beside):
    return ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in beside.items())
