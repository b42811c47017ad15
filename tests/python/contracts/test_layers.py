"""Both trees are layered: what lies below knows nothing of what lies above it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "python" / "pydotcompute"
CRATE = ROOT / "src"

# From the ground up. A module or folder may import what stands before it, and itself.
LAYERS = (
    "exceptions",
    "priority",
    "wire",
    "message_codec",
    "serializable",
    "messages",
    "checks",
    "options",
    "kernels",
    "_core",
    "telemetry",
    "device",
    "execution",
    "runtime",
)
# Tools stand beside the layers: they read telemetry and use the package as anyone would.
PUBLIC_ONLY = {"tools", "__main__"}
# These hand on names and hold no code of their own.
RE_EXPORTS = {"__init__", "ring_kernels", "testing"}

MAY_USE = {
    "sync": set(),
    "clock": {"sync"},
    "queue": {"sync", "clock"},
    "record": {"sync", "clock"},
    "parker": {"sync"},
    "ring": {"sync", "parker"},
    "segment": {"sync", "ring"},
    "mailbox": {"sync", "clock", "queue", "record", "parker", "ring", "segment"},
    "worker": {"sync", "parker", "mailbox"},
    "gil": set(),
    "task": {"clock", "gil"},
    "python": {
        "sync",
        "clock",
        "queue",
        "record",
        "mailbox",
        "parker",
        "ring",
        "segment",
        "gil",
        "task",
        "worker",
    },
}


def unit_of(path: Path, top: Path) -> str:
    """Name the module or folder directly under `top` that `path` belongs to."""
    first = path.relative_to(top).parts[0]
    return first.split(".")[0]


def is_for_typing(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def run_time_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Walk everything that runs, function bodies included, type-checking-only branches not."""
    yield node
    children = node.orelse if is_for_typing(node) else ast.iter_child_nodes(node)
    for child in children:
        yield from run_time_nodes(child)


def imported_names(node: ast.AST, package: list[str]) -> list[str]:
    """Spell out absolutely what an import statement in `package` brings in."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = package[: len(package) - node.level + 1] if node.level else []
    origin = ".".join([*base, *([node.module] if node.module else [])])
    return [f"{origin}.{alias.name}" for alias in node.names]


def python_imports(source: str, path: Path, top: Path) -> set[str]:
    """List the units of the package that a module imports; the package itself is `__init__`."""
    package = ["pydotcompute", *path.relative_to(top).parts[:-1]]
    units = set()
    for node in run_time_nodes(ast.parse(source)):
        for name in imported_names(node, package):
            head, _, rest = name.partition(".")
            if head == "pydotcompute":
                unit = rest.split(".")[0]
                known = (top / unit).is_dir() or any(top.glob(f"{unit}.*"))
                units.add(unit if unit and known else "__init__")
    return units


def allowed_imports(unit: str) -> set[str]:
    if unit in PUBLIC_ONLY:
        return {"__init__", "telemetry", *PUBLIC_ONLY}
    if unit in RE_EXPORTS:
        return {*LAYERS, *RE_EXPORTS}
    return set(LAYERS[: LAYERS.index(unit) + 1])


def rust_uses(source: str) -> set[str]:
    """List the modules of the crate that a source file names, outside comments."""
    code = re.sub(r"//.*", "", source)
    found = set(re.findall(r"\bcrate::(\w+)", code))
    for group in re.findall(r"\bcrate::\{((?:[^{}]|\{[^{}]*\})*)\}", code):
        flat = re.sub(r"\{[^{}]*\}", "", group)
        found.update(part.split("::")[0].split()[0] for part in flat.split(",") if part.strip())
    return found


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT))
)
def test_no_python_import_goes_up(path: Path) -> None:
    unit = unit_of(path, PACKAGE)
    assert unit in {*LAYERS, *PUBLIC_ONLY, *RE_EXPORTS}, f"{unit} has no place in the layers yet"
    upward = python_imports(path.read_text(), path, PACKAGE) - allowed_imports(unit)
    assert not upward, f"{unit} may not import {sorted(upward)}"


@pytest.mark.parametrize(
    "path", sorted(CRATE.rglob("*.rs")), ids=lambda p: str(p.relative_to(ROOT))
)
def test_no_rust_path_goes_up(path: Path) -> None:
    unit = unit_of(path, CRATE)
    if unit == "lib":
        return
    assert unit in MAY_USE, f"{unit} has no place in the layers yet"
    source = path.read_text()
    assert "super::super" not in source, "write crate:: where a path leaves its module"
    upward = rust_uses(source) - MAY_USE[unit] - {unit}
    assert not upward, f"{unit} may not use {sorted(upward)}"


@pytest.mark.parametrize(
    ("source", "units"),
    [
        ("from pydotcompute.runtime import launch", {"runtime"}),
        ("def late():\n    import pydotcompute.tools.cli", {"tools"}),
        ("from ..runtime.portal import Portal", {"runtime"}),
        ("from .. import options, RingKernelRuntime", {"options", "__init__"}),
        ("from . import summary", {"telemetry"}),
        ("import pydotcompute", {"__init__"}),
        (
            "if TYPE_CHECKING:\n    from pydotcompute.runtime import x\nelse:\n    import asyncio",
            set(),
        ),
    ],
)
def test_an_import_is_found_however_it_is_written(
    source: str, units: set[str], tmp_path: Path
) -> None:
    for name in ("telemetry", "runtime", "tools"):
        (tmp_path / name).mkdir()
    (tmp_path / "options.py").touch()
    path = tmp_path / "telemetry" / "collector.py"
    assert python_imports(source, path, tmp_path) == units


@pytest.mark.parametrize(
    ("source", "uses"),
    [
        ("use crate::record::Counter;", {"record"}),
        ("use crate::{clock::Clock, record::{Counter, State}, sync};", {"clock", "record", "sync"}),
        ("fn f(x: &crate::mailbox::Side) {}", {"mailbox"}),
        ("/// See [`crate::mailbox`].", set()),
    ],
)
def test_a_rust_path_is_found_however_it_is_written(source: str, uses: set[str]) -> None:
    assert rust_uses(source) == uses
