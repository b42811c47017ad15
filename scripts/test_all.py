"""Runs the Python tests on each CPython of this machine and on both event loops.

On the interpreter that runs this script they are run without hand-off too, on one loop.

The interpreters are the one that runs this script and the newest patch release of each newer minor
version, on PATH or among pyenv's. Each gets an environment of its own under .venvs, with the wheel
in dist and the tools of the dev group.

Usage: python scripts/test_all.py [PYTEST_ARGUMENT...]
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ROOT / ".venvs"
LOOPS = ("asyncio", "uvloop")
WITHOUT_HAND_OFF = "no hand-off"  # in the place of a loop: the first one, kernels as tasks alone

# Prints its version if the wheel can be tested on it: a CPython with an interpreter lock, released,
# that makes environments. A stand-in on PATH may not even start.
PROBE = """
import ensurepip, sys, sysconfig, venv
if sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED"):
    if sys.version_info.releaselevel == "final":
        print(*sys.version_info[:3])
"""


class Version(NamedTuple):
    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return ".".join(map(str, self))


@dataclass(frozen=True)
class Result:
    version: Version
    loop: str
    status: int
    seconds: float

    def __str__(self) -> str:
        verdict = "failed" if self.status else "passed"
        return f"CPython {self.version!s:8} {self.loop:11} {verdict} {self.seconds:5.0f} s"


def version_of(python: Path | str) -> Version | None:
    """Ask an interpreter for its version; None where it is of no use here."""
    try:
        asked = subprocess.run(
            [python, "-c", PROBE], check=False, capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    numbers = asked.stdout.split() if asked.returncode == 0 else []
    return Version(*map(int, numbers)) if numbers else None


def candidates() -> list[Path]:
    """List whatever is called python3.N, with no more to its name, on PATH and among pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    folders += sorted(pyenv.glob("versions/*/bin"))
    called = (path for folder in folders for path in folder.glob("python3.*"))
    return [path for path in called if path.suffix.removeprefix(".").isdigit()]


def newer_interpreters(than: Version) -> dict[Version, Path]:
    """Find the newest patch release of each newer minor version, in order."""
    newest: dict[tuple[int, int], tuple[Version, Path]] = {}
    for path in candidates():
        version = version_of(path)
        if version is None or version[:2] <= than[:2]:
            continue
        if version[:2] not in newest or version > newest[version[:2]][0]:
            newest[version[:2]] = (version, path)
    return dict(sorted(newest.values()))


def make_environment(version: Version, python: Path | str) -> Path:
    """Make or renew the environment of an interpreter; the interpreter inside it."""
    folder = ENVIRONMENTS / str(version)
    inside = folder / "bin" / "python"
    if version_of(inside) != version:
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
    (wheel,) = (ROOT / "dist").glob("*.whl")
    install = [inside, "-m", "pip", "install", "--quiet"]
    subprocess.run([*install, "--upgrade", "pip>=25.1"], check=True)
    subprocess.run([*install, "--group", f"{ROOT / 'pyproject.toml'}:dev", wheel], check=True)
    subprocess.run([*install, "--no-deps", "--force-reinstall", wheel], check=True)
    return inside


def run_tests(version: Version, inside: Path, loop: str, arguments: list[str]) -> Result:
    """Run the tests once."""
    print(f"\n=== CPython {version}, {loop}", flush=True)
    began = time.monotonic()
    options = ["--hand-off=off"] if loop == WITHOUT_HAND_OFF else [f"--loop={loop}"]
    command = [inside, "-m", "pytest", *options, *arguments]
    ran = subprocess.run(command, cwd=ROOT, check=False)
    return Result(version, loop, ran.returncode, time.monotonic() - began)


def run_on(
    version: Version, python: Path | str, loops: tuple[str, ...], arguments: list[str]
) -> list[Result]:
    """Run the tests on loops of one interpreter; all fail where no environment is made."""
    try:
        inside = make_environment(version, python)
    except subprocess.CalledProcessError as error:
        print(f"\n=== CPython {version}: {error}", flush=True)
        return [Result(version, loop, error.returncode, 0.0) for loop in loops]
    return [run_tests(version, inside, loop, arguments) for loop in loops]


def main(arguments: list[str]) -> int:
    own = version_of(sys.executable)
    if own is None:
        print("the tests run on a released CPython with an interpreter lock", file=sys.stderr)
        return 2
    interpreters = {own: Path(sys.executable)} | newer_interpreters(own)
    runs = (
        run_on(version, python, LOOPS + ((WITHOUT_HAND_OFF,) if version == own else ()), arguments)
        for version, python in interpreters.items()
    )
    results = [result for run in runs for result in run]
    print("\n" + "\n".join(map(str, results)))
    return int(any(result.status for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
