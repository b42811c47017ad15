"""The wheel is complete, and one wheel serves every Python from 3.11 on."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

ROUND_TRIP = """
import asyncio
import pydotcompute

async def double(ctx):
    while True:
        await ctx.send(2 * await ctx.receive())

async def main():
    async with pydotcompute.RingKernelRuntime() as runtime:
        await runtime.launch("double", double)
        await runtime.activate("double")
        await runtime.send("double", 21)
        print(await runtime.receive("double"), pydotcompute.__file__)

asyncio.run(main())
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command that must succeed, and return what it printed."""
    # What an outer make says to its children is not meant for this one.
    environment = {k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "MAKELEVEL"}}
    ran = subprocess.run(
        command, cwd=cwd, env=environment, check=False, capture_output=True, text=True, timeout=600
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def is_usable(interpreter: str) -> bool:
    """Tell whether an interpreter starts and makes environments; a stand-in on the path may not."""
    probe = [interpreter, "-c", "import ensurepip, venv"]
    return subprocess.run(probe, check=False, capture_output=True).returncode == 0


FOUND = [found for name in ("python3.12", "python3.13") if (found := shutil.which(name))]
INTERPRETERS = [sys.executable, *filter(is_usable, FOUND)]


@pytest.fixture(scope="module")
def wheel() -> Path:
    """Give the one wheel in dist, built only where something in it has changed."""
    run("make", "wheel", cwd=ROOT)
    (built,) = (ROOT / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_is_built_for_the_stable_interface_of_3_11(wheel: Path) -> None:
    assert wheel.name.startswith("pydotcompute-")
    assert "-cp311-abi3-manylinux" in wheel.name


@pytest.mark.parametrize("name", ["py.typed", "_core.pyi", "_core.abi3.so", "__init__.py"])
def test_the_wheel_holds_types_and_core(name: str, contents: set[str]) -> None:
    assert f"pydotcompute/{name}" in contents


def test_the_wheel_holds_the_licence(contents: set[str]) -> None:
    assert [name for name in contents if name.endswith(".dist-info/licenses/LICENSE")]


def test_the_wheel_holds_every_module_and_nothing_else(contents: set[str]) -> None:
    package = ROOT / "python"
    modules = {str(path.relative_to(package)) for path in package.rglob("*.py")}
    packed = {name for name in contents if ".dist-info/" not in name}
    assert {name for name in packed if name.endswith(".py")} == modules
    assert {name.partition("/")[0] for name in packed} == {"pydotcompute"}


@pytest.mark.parametrize("interpreter", INTERPRETERS, ids=lambda path: Path(path).name)
def test_a_kernel_answers_in_a_fresh_environment(
    interpreter: str, wheel: Path, tmp_path: Path
) -> None:
    environment = tmp_path / "environment"
    run(interpreter, "-m", "venv", environment, cwd=tmp_path)
    python = environment / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", wheel, cwd=tmp_path)
    answer, origin = run(python, "-W", "error", "-c", ROUND_TRIP, cwd=tmp_path).split()
    assert answer == "42"
    assert Path(origin).is_relative_to(environment)
