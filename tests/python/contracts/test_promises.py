"""Each promise of docs/contract.md names tests that show it, and they exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PYTHON, RUST = ROOT / "tests" / "python", ROOT / "tests" / "rust"
PAGE = ROOT / "docs" / "contract.md"

HEAD = ["promise", "shown by"]
TEST = re.compile(r"`([\w/]+\.(?:py|rs))::(\w+)`")
RUST_TEST = re.compile(r"#\[test\]\s+(?:(?:#\[|//).*\s+)*fn (\w+)\(")


def rows_of(page: str) -> list[list[str]]:
    """Give the cells of every row of every table, heads included and rulers left out."""
    lines = [line.strip() for line in page.splitlines() if line.startswith("|")]
    rows = [line for line in lines if not re.fullmatch(r"[|:-]+", line)]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def is_test(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")


def python_tests(source: str) -> set[str]:
    """Name what pytest collects from a module: functions, and test cases bound to a name."""
    body = ast.parse(source).body
    functions = {node.name for node in body if is_test(node)}  # type: ignore[attr-defined]
    targets = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    named = {target.id for target in targets if isinstance(target, ast.Name)}
    return functions | {name for name in named if name.startswith("Test")}


def names_in(file: str) -> set[str]:
    path = (RUST if file.endswith(".rs") else PYTHON) / file
    if not path.is_file() or not (file.endswith(".rs") or path.name.startswith("test_")):
        return set()
    source = path.read_text()
    return set(RUST_TEST.findall(source)) if file.endswith(".rs") else python_tests(source)


def faults_of(page: str) -> Iterator[str]:
    """Tell what is wrong with a page of promises."""
    seen = set()
    for row in rows_of(page):
        if row == HEAD:
            continue
        promise, shown = row[0], row[1] if len(row) == len(HEAD) else ""
        words = " ".join(re.findall(r"\w+", promise.lower()))
        if not words:
            yield f"a row without a promise: {row}"
        if words in seen:
            yield f"promised twice: {promise}"
        seen.add(words)
        named = TEST.findall(shown)
        if not named or TEST.sub("", shown).strip(", "):
            yield f"shown by no test, or by something else as well: {promise}"
        if len(named) > len(set(named)):
            yield f"the same test twice: {promise}"
        yield from (f"no test {f}::{n}: {promise}" for f, n in named if n not in names_in(f))


def test_every_promise_is_shown_by_tests_that_exist() -> None:
    assert list(faults_of(PAGE.read_text())) == []


def test_the_page_holds_promises_and_its_tables_have_one_form() -> None:
    rows = rows_of(PAGE.read_text())
    heads = rows.count(HEAD)
    sections = re.findall(r"^## ", PAGE.read_text(), re.MULTILINE)
    assert heads == len(sections)
    assert len(rows) - heads > 100


GOOD = "| promise | shown by |\n|---|---|\n"
HERE = "contracts/test_promises.py"
FOUND = f"`{HERE}::test_every_promise_is_shown_by_tests_that_exist`"


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (f"| kept | {FOUND} |", None),
        (f"| kept | {FOUND}, `queue.rs::equal_priorities_keep_their_order` |", None),
        ("| kept | `test_conservation.py::TestConservation` |", None),
        ("| kept | |", "shown by no test"),
        ("| kept |", "shown by no test"),
        ("| kept | trust us |", "shown by no test"),
        (f"| kept | {FOUND} and more |", "something else as well"),
        (f"| | {FOUND} |", "without a promise"),
        (f"| Kept! | {FOUND} |\n| kept | {FOUND} |", "promised twice"),
        (f"| kept | {FOUND}, {FOUND} |", "the same test twice"),
        (f"| kept | `{HERE}::test_that_nobody_wrote` |", "no test"),
        (f"| kept | `{HERE}::faults_of` |", "no test"),
        (f"| kept | `{HERE}::GOOD` |", "no test"),
        ("| kept | `test_nothing.py::test_x` |", "no test"),
        ("| kept | `conftest.py::runtime` |", "no test"),
        ("| kept | `queue.rs::full_of` |", "no test"),
    ],
)
def test_what_is_wrong_with_a_page_is_found(row: str, fault: str | None) -> None:
    faults = list(faults_of(GOOD + row + "\n"))
    assert (faults == []) is (fault is None)
    assert fault is None or fault in faults[0]
