"""The benchmarks compare as they say, and what they print is what they measured."""

import importlib
import json
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benches" / "figures"
FILES = sorted(
    path.stem for pattern in ("p[0-9]*_*.py", "peer_*.py") for path in FOLDER.glob(pattern)
)


@pytest.fixture
def load(monkeypatch):
    """Load a module of the benchmarks as they load each other."""
    monkeypatch.syspath_prepend(FOLDER)
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if (FOLDER / f"{name}.py").exists():
            del sys.modules[name]


@pytest.mark.parametrize("name", FILES)
def test_a_figure_says_what_it_measures_and_what_is_asked_of_it(name, load):
    figure = load(name)
    assert figure.NUMBER == "peer" or name.startswith(f"p{int(figure.NUMBER[1:]):02}_")
    assert len({target.name for target in figure.TARGETS}) == len(figure.TARGETS) > 0
    for target in figure.TARGETS:
        if target.must is not None:
            assert target.is_met(target.must)
            assert target.is_met(target.aim)
            assert not target.is_met(target.must * (0.99 if target.is_higher_better else 1.01))


def test_a_ratio_is_the_median_over_neighbours_and_not_the_ratio_of_medians(load):
    measured = load("measure").ratio_of([1.0, 30.0, 4.0], [2.0, 10.0, 8.0], ns=7.0)
    assert measured.value == 0.5
    assert (measured.low, measured.high) == (0.5, 1.75)
    assert measured.beside == {"ns": 7.0}


def test_contestants_take_turns_back_and_forth_after_one_to_warm_up(load):
    turns = load("turns")
    seen = []

    async def work(name):
        seen.append(name)
        return float(len(seen))

    contestants = {
        "a": nullcontext("a"),
        "b": nullcontext("b"),
    }
    figures = turns.run_on("asyncio", turns.take_turns(contestants, work, 2))
    assert seen == ["a", "b", "b", "a", "a", "b"]
    assert figures == {"a": [4.0, 5.0], "b": [3.0, 6.0]}


@pytest.mark.parametrize("workload", ["round_trips", "windows", "many_callers", "bystanding"])
def test_a_load_does_not_pass_where_replies_are_wrong(workload, load):
    loads, turns = load("loads"), load("turns")
    kept = []

    async def send(message):
        kept.append(message)

    async def receive():
        kept.pop()
        return -1

    with pytest.raises(AssertionError):
        turns.run_on("asyncio", getattr(loads, workload)((send, receive), 2_000))


def test_a_row_shows_a_missed_target_as_missed(load):
    measure, report = load("measure"), load("report")
    target = measure.Target("round trip", "ratio", 0.3, 0.15)
    good, bad = measure.Measurement(0.25, 0.2, 0.3), measure.Measurement(1.5, 1.4, 1.6, {"ns": 8.0})
    absent = measure.Missing("uvloop is not installed")
    rows = list(report.rows_of("P1", [target] * 3, [good, bad, absent]))
    assert rows[0] == ("P1", "round trip", "0.3", "0.15", "0.25", "0.2 to 0.3", "")
    assert rows[1][4:] == ("1.5, missed", "1.4 to 1.6", "ns 8")
    assert rows[2][4:] == ("uvloop is not installed", "", "")


def test_a_table_takes_its_place_on_the_page_and_no_other(load):
    report = load("report")
    page = "above\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nbelow\n"
    put = report.between_marks(page, r"new \1")
    assert put == page.replace("old", r"new \1")
    for broken in ("no place", page + page):
        with pytest.raises(ValueError, match="not one"):
            report.between_marks(broken, "new")


@pytest.mark.parametrize("page", ["docs/performance.md", "README.md"])
def test_a_page_has_a_place_for_its_table(page, load):
    assert "new" in load("report").between_marks((ROOT / page).read_text(), "new")


def test_the_readme_shows_figures_that_are_taken(load):
    taken = {target.name for name in FILES for target in load(name).TARGETS}
    assert taken >= load("report").HEADLINES


RING = """\
ring chunks of 64: ring, with notify: 5.0 ns each, time / ring's 1.000 (1.000 to 1.000)
ring chunks of 64: rtrb: 6.0 ns each, time / ring's 1.200 (1.100 to 1.300)
ring one by one: ring: 50.0 ns each, time / ring's 1.000 (1.000 to 1.000)
ring one by one: rtrb: 25.0 ns each, time / ring's 0.500 (0.400 to 0.600)
ring ping-pong: ring: 400.0 ns each, time / ring's 1.000 (1.000 to 1.000)
ring ping-pong: rtrb: 500.0 ns each, time / ring's 1.250 (1.200 to 1.300)
ring ping-pong: ringbuf: 320.0 ns each, time / ring's 0.800 (0.500 to 1.000)
"""


def test_rings_are_compared_with_the_rival_that_is_named_or_the_best(load):
    chunks, ping_pong, one_by_one = load("p06_ring").outcomes_of(RING)
    assert (chunks.value, chunks.low, chunks.high) == (1.2, 1.1, 1.3)
    assert chunks.beside == {"ring_ns": 5.0, "rtrb_ns": 6.0}
    assert (ping_pong.value, ping_pong.low, ping_pong.high) == (1.25, 1.0, 2.0)
    assert one_by_one.value == 0.5


# Instructions.

COMMITTED = {"round trip": {"off": 1000.0, "default": 1010.0}}


@pytest.mark.parametrize(
    ("counts", "is_same", "is_fine"),
    [
        ({"off": 1000.0, "default": 1010.0}, True, True),
        ({"off": 1000.0, "default": 1001.0}, True, True),
        ({"off": 1000.0, "default": 1013.0}, True, False),  # 0.3 % dearer than committed
        ({"off": 1000.0, "default": 1000.0}, True, False),  # counts nothing
        ({"off": 1040.0, "default": 1050.0}, True, False),  # another count, the same toolchain
        ({"off": 960.0, "default": 969.0}, True, False),
        ({"off": 1040.0, "default": 1050.0}, False, True),
        ({"off": 1040.0, "default": 1055.0}, False, False),
    ],
)
def test_counts_are_held_to_the_committed_ones(counts, is_same, is_fine, load):
    complaints = load("counting").complaints
    found = complaints({"round trip": counts}, COMMITTED, is_same_toolchain=is_same)
    assert (found == []) is is_fine


def test_committed_counts_say_that_telemetry_costs_something_and_little(load):
    counting = load("counting")
    committed = json.loads(counting.COMMITTED.read_text())["instructions"]
    for workload in counting.WORKLOADS:  # what it must cost is the page's to say
        off, *steps = (
            committed[workload][name] for name in ("off", "counts only", "default", "all timed")
        )
        assert off < steps[0] < steps[1] < steps[2] < 1.05 * off
