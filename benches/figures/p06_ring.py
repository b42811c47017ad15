"""The ring of records beside other rings, as `benches/ring.rs` measures them."""

import re
import shutil
import subprocess
from pathlib import Path

from measure import Measurement, Missing, Target

NUMBER = "P6"
METHOD = (
    "records of 64 bytes between two threads, each on a core of its own; chunks of 64, ours "
    "notifying its other side, messages a second / rtrb; ping-pong, time / the quickest peer's"
)
TARGETS = (
    Target("ring, chunks of 64 / rtrb", "x", 1.0, 1.2, is_higher_better=True),
    Target("ring, ping-pong / the best peer", "ratio", 1.2, 1.0),
    Target("ring, one by one / rtrb", "x", is_higher_better=True),
)
NO_CRITERION = "only the turns"
"""A name that none of criterion's benchmarks has."""
LINE = re.compile(
    r"ring (?P<load>[\w -]+): (?P<name>[\w ,]+): (?P<ns>[\d.]+) ns each, "
    r"time / ring's (?P<median>[\d.]+) \((?P<low>[\d.]+) to (?P<high>[\d.]+)\)"
)


def run(effort):  # noqa: ARG001 - the turns are those of the benchmark, and few
    if shutil.which("cargo") is None:
        return [Missing("cargo is not installed")] * len(TARGETS)
    shown = subprocess.run(
        ("cargo", "bench", "--bench", "ring", "--", NO_CRITERION),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return outcomes_of(shown.stdout)


def outcomes_of(shown):
    """Read what the benchmark printed."""
    loads = {}
    for line in LINE.finditer(shown):
        ratios = tuple(float(line[name]) for name in ("median", "low", "high"))
        loads.setdefault(line["load"], {})[line["name"]] = (float(line["ns"]), ratios)
    return [
        _faster(loads["chunks of 64"], "rtrb"),
        _slower_than_the_best(loads["ping-pong"]),
        _faster(loads["one by one"], "rtrb"),
    ]


def _faster(contestants, rival):
    """Say how much faster the first contestant is: their time / ours."""
    return Measurement(*contestants[rival][1], _beside(contestants))


def _slower_than_the_best(contestants):
    _, *peers = contestants
    best = min(peers, key=lambda name: contestants[name][0])
    median, low, high = contestants[best][1]
    return Measurement(1 / median, 1 / high, 1 / low, _beside(contestants))


def _beside(contestants):
    return {f"{name.split(',')[0]}_ns": times for name, (times, _) in contestants.items()}
