"""What the package asks of a machine, and when it loads it."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]

PROGRAM = """
import asyncio, json, sys
from pydotcompute import RingKernelRuntime, message

@message
class Note:
    text: str

async def main():
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", lambda note: note)
        await runtime.activate("k")
        await runtime.send("k", Note("a", priority=200))
        assert await runtime.receive("k") == Note("a", priority=200)
        runtime.get_summary()

asyncio.run(main())
before = sorted(sys.modules)
Note("a").serialize()
print(json.dumps([before, sorted(sys.modules)]))
"""


def test_four_packages_are_required_and_all_others_are_extras() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[^\w-]", wanted)[0] for wanted in project["dependencies"]}
    assert names == {"click", "msgspec", "numpy", "rich"}
    extras = project["optional-dependencies"].values()
    assert not names & {re.split(r"[^\w-]", wanted)[0] for extra in extras for wanted in extra}


def test_a_program_loads_a_dependency_at_its_first_use_and_no_other() -> None:
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    before, after = map(set, json.loads(ran.stdout))
    assert not before & {"click", "msgspec", "numpy", "rich"}
    assert "msgspec" in after
    assert not after & {"click", "numpy", "rich"}


def test_where_there_is_no_linux_the_build_says_so() -> None:
    clock = (ROOT / "src" / "clock.rs").read_text()
    refusal = re.search(r'#\[cfg\(not\(target_os = "linux"\)\)\]\ncompile_error!\("(.*)"\);', clock)
    assert refusal is not None
    assert "builds on Linux only" in refusal[1]
