"""The stub of the Rust core says what is there, and every public name in it is explained."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pydotcompute import _core

ROOT = Path(__file__).parents[3]
STUB = ROOT / "python" / "pydotcompute" / "_core.pyi"


def definitions(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Yield the public classes, methods and functions of a stub, by dotted name."""
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if node.name.startswith("_"):
            continue
        name = f"{owner}{node.name}"
        yield name, node
        if isinstance(node, ast.ClassDef):
            yield from definitions(node.body, f"{name}.")


def at_run_time(name: str) -> object:
    item: object = _core
    for part in name.split("."):
        item = getattr(item, part)
    return item


STUBBED = dict(definitions(ast.parse(STUB.read_text()).body))


def test_the_stub_and_the_module_agree() -> None:
    command = [sys.executable, "-m", "mypy.stubtest", "pydotcompute._core"]
    checked = subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=300
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("name", STUBBED)
def test_a_public_name_is_documented_in_the_stub_or_at_run_time(name: str) -> None:
    node = STUBBED[name]
    assert ast.get_docstring(node) or at_run_time(name).__doc__
