"""Takes the figures of docs/performance.md and prints them beside what they must be and aim at.

Usage: python benches/figures [FIGURE ...]

    FIGURE          P1, P3, peer, ...; every figure where none is named
    BENCH_QUICK=1   a few turns of each, to see that they run: the numbers mean little

What was measured lies in build/bench/figures.json afterwards. A run of every figure that is not
quick also rewrites the tables of docs/performance.md and README.md and the plots in docs/images.
"""

import importlib
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import machine
import report
from measure import FULL, QUICK, Measurement

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = ROOT / "build" / "bench" / "figures.json"
PAGE = ROOT / "docs" / "performance.md"
README = ROOT / "README.md"
IMAGES = ROOT / "docs" / "images"


def figures():
    """Find every figure: a file of its own beside this one."""
    files = sorted([*HERE.glob("p[0-9]*_*.py"), *HERE.glob("peer_*.py")])
    return [importlib.import_module(file.stem) for file in files]


def chosen(wanted):
    """Find the figures of these numbers, or all."""
    found = figures()
    unknown = set(wanted) - {figure.NUMBER for figure in found}
    if unknown:
        known = ", ".join(dict.fromkeys(figure.NUMBER for figure in found))
        sys.exit(f"there is no figure {', '.join(sorted(unknown))}; there are {known}")
    return [figure for figure in found if not wanted or figure.NUMBER in wanted]


def take(figure, effort):
    """Take a figure in an interpreter of its own, where no other has left anything behind."""
    print(f"{figure.NUMBER}: {figure.METHOD}", file=sys.stderr, flush=True)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(figure.run, effort).result()


def show(results, caption):
    """Print the table."""
    rows = rows_by(report.rows_of, results)
    print(f"{report.as_text(rows)}\n\n{caption}")
    return rows


def rows_by(write, results):
    """Let a function write the rows of each figure."""
    return [
        row for number, _, targets, outcomes in results for row in write(number, targets, outcomes)
    ]


def publish(results, rows, caption):
    """Rewrite the tables of the pages and the plots."""
    import plots  # noqa: PLC0415 - matplotlib, of the bench group

    headlines = rows_by(report.headlines_of, results)
    tables = {
        PAGE: report.as_markdown(rows),
        README: report.as_markdown(headlines, report.SHORT_HEADINGS),
    }
    for page, table in tables.items():
        text = f"{table}\n\n{caption}"
        page.write_text(report.between_marks(page.read_text(), text))
    beside = {
        target.name: outcome.beside
        for number, _, targets, outcomes in results
        if number != "P2"  # which has the names of P1 again
        for target, outcome in zip(targets, outcomes, strict=True)
        if isinstance(outcome, Measurement)
    }
    plots.draw_all(IMAGES, beside, caption)


def main(wanted):
    """Measure, print, write."""
    is_quick = os.environ.get("BENCH_QUICK") == "1"
    effort = QUICK if is_quick else FULL
    before = machine.load()
    results = [
        (figure.NUMBER, figure.METHOD, figure.TARGETS, list(take(figure, effort)))
        for figure in chosen(wanted)
    ]
    after, where = machine.load(), machine.describe()
    caption = report.caption(where, before, after, effort)
    rows = show(results, caption)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    rest = {"machine": where, "load_before": before, "load_after": after, "quick": is_quick}
    RESULTS.write_text(report.as_json(results, **rest))
    if not wanted and not is_quick:
        publish(results, rows, caption)


if __name__ == "__main__":
    main(sys.argv[1:])
