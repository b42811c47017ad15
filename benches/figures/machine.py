"""Where and with what figures were taken."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

PACKAGES = (
    "pydotcompute",
    "uvloop",
    "janus",
    "culsans",
    "pykka",
    "prometheus-client",
    "opentelemetry-sdk",
)


def describe():
    """Name processor, kernel, interpreter, compiler and packages."""
    return {
        "processor": processor(),
        "cpus": os.cpu_count(),
        "topology": topology(),
        "kernel": platform.release(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "python_compiler": platform.python_compiler(),
        "rust": subprocess.check_output(("rustc", "--version"), text=True).strip(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def processor():
    """Find the model's name where the kernel tells it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def topology():
    """List for each CPU its package, its core, and who shares that core."""
    found = {}
    for cpu in sorted(Path("/sys/devices/system/cpu").glob("cpu[0-9]*")):
        place = cpu / "topology"
        if place.is_dir():
            names = ("physical_package_id", "core_id", "thread_siblings_list")
            found[cpu.name] = {name: (place / name).read_text().strip() for name in names}
    return found


def version(package):
    """Find the version of a package; None where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def load():
    """Read the load averages of 1, 5 and 15 minutes."""
    return list(os.getloadavg())
