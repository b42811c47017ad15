"""Figures as a table for people and as JSON for programs."""

import json
import re
from dataclasses import asdict

from measure import Missing

HEADINGS = ("", "figure", "must", "aim", "measured", "spread", "in the same run")
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


def as_text(rows):
    """Align rows for a terminal."""
    lines = [HEADINGS, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def as_markdown(rows):
    """Make rows a table of a page."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *rows]
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
