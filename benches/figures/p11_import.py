"""What importing the package takes."""

import json
import os
import subprocess
import sys
import tempfile

from measure import Target, median_of

NUMBER = "P11"
METHOD = (
    "import pydotcompute beyond import asyncio, dataclasses, uuid, logging, in fresh interpreters "
    "that find the byte code of both; NumPy stays out"
)
TARGETS = (Target("import pydotcompute", "ms", 30.0, 12.0),)
PROGRAM = """
import asyncio, dataclasses, json, logging, sys, time, uuid
begin = time.perf_counter_ns()
import pydotcompute
spent = time.perf_counter_ns() - begin
print(json.dumps([spent / 1e6, "numpy" in sys.modules]))
"""


def run(effort):
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        _import(environment)  # writes the byte code
        return [median_of([_import(environment) for _ in range(effort.blocks)])]


def _import(environment):
    printed = subprocess.check_output((sys.executable, "-c", PROGRAM), env=environment)
    milliseconds, has_numpy = json.loads(printed)
    assert not has_numpy
    return milliseconds
