"""Every code block of the documentation and every example runs as it stands.

A block is a test of its own unless a comment stands on the line before it:
`<!-- test: continues -->` runs it in the names of the block before, and
`<!-- test: raises NAME -->` expects the exception of that name. Only `python` blocks run; `await`
may stand at their top level. Blocks for the shell or of output are left alone.
"""

import ast
import asyncio
import inspect
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
BLOCK = re.compile(
    r"(?:^<!-- test: (?P<order>continues|raises) ?(?P<error>\w*) -->\n)?"
    r"^```python\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    path: Path
    line: int
    code: str
    continues: bool
    error: str

    def compiled(self) -> object:
        """Compile with the page's own line numbers, so that a traceback leads to the page."""
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        return compile("\n" * self.line + self.code, self.path, "exec", flags=flags)


def blocks_of(path: Path, text: str) -> list[Block]:
    return [
        Block(
            path=path,
            line=text.count("\n", 0, found.start("code")),
            code=found["code"],
            continues=found["order"] == "continues",
            error=found["error"] or "",
        )
        for found in BLOCK.finditer(text)
    ]


def stories(blocks: list[Block]) -> list[list[Block]]:
    """Put each block that continues another behind it."""
    told: list[list[Block]] = []
    for block in blocks:
        if block.continues:
            told[-1].append(block)
        else:
            told.append([block])
    return told


def run_block(block: Block, names: dict[str, object], runner: asyncio.Runner) -> None:
    outcome = eval(block.compiled(), names)  # noqa: S307 - running the documentation is the test
    if inspect.iscoroutine(outcome):
        runner.run(outcome)


def tell(story: list[Block], names: dict[str, object]) -> None:
    with asyncio.Runner() as runner:
        for block in story:
            if not block.error:
                run_block(block, names, runner)
                continue
            with pytest.raises(BaseException) as raised:  # noqa: PT011 - its name is checked next
                run_block(block, names, runner)
            assert raised.type.__name__ == block.error


@pytest.fixture
def main_module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """Stand in for the script that a reader would paste the block into."""
    module = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    monkeypatch.chdir(tmp_path)
    return module


STORIES = [story for page in PAGES for story in stories(blocks_of(page, page.read_text()))]


@pytest.mark.parametrize(
    "story", STORIES, ids=lambda s: f"{s[0].path.relative_to(ROOT)}:{s[0].line}"
)
def test_the_code_of_a_page_runs(story: list[Block], main_module: ModuleType) -> None:
    tell(story, vars(main_module))


@pytest.mark.parametrize("path", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_python_fence_of_a_page_is_found(path: Path) -> None:
    text = path.read_text()
    assert len(blocks_of(path, text)) == len(
        re.findall(r"^\s*(?:```|~~~)\s*py", text, re.MULTILINE)
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_an_example_runs_to_its_end(path: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", path]
    ran = subprocess.run(
        command, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr


PAGE = """\
```python
import asyncio
value = await asyncio.sleep(0, 41)
```
<!-- test: continues -->
```python
assert value + 1 == 42
```
<!-- test: raises NameError -->
```python
value
```
```console
$ not python
```
"""


def test_blocks_share_names_only_where_they_say_so(main_module: ModuleType) -> None:
    first, second = stories(blocks_of(ROOT / "page.md", PAGE))
    tell(first, vars(main_module))
    tell(second, {})


def test_a_block_that_fails_points_at_its_line() -> None:
    (story,) = stories(blocks_of(ROOT / "page.md", "text\n\n```python\n1 / 0\n```\n"))
    with pytest.raises(ZeroDivisionError) as raised:
        tell(story, {})
    assert raised.traceback[-1].lineno == 3


def test_a_missing_error_is_noticed() -> None:
    page = "<!-- test: raises ValueError -->\n```python\n1 + 1\n```\n"
    with pytest.raises(pytest.fail.Exception):
        tell(blocks_of(ROOT / "page.md", page), {})
