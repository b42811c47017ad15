"""Try to import the package in subinterpreters, once it was imported here or before; then use it.

Prints each refusal, and last what a kernel here answers.
"""

import asyncio
import importlib
import sys

try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

IMPORT = f"import sys; sys.path[:] = {sys.path!r}; import pydotcompute"


def subinterpreters():
    """Make one of each kind that this Python has."""
    yield interpreters.create()
    if hasattr(interpreters, "new_config"):  # from 3.13 on those that share the lock are legacy
        yield interpreters.create("legacy")


def refusal_of(interpreter):
    """Tell why the package cannot be imported there; None where it can."""
    try:
        told = interpreters.run_string(interpreter, IMPORT)
    except interpreters.RunFailedError as error:
        return error
    return told and f"{told.type.__name__}: {told.msg}"


async def use():
    package = importlib.import_module("pydotcompute")
    async with package.RingKernelRuntime() as runtime:
        await runtime.launch("k", lambda message: message)
        await runtime.activate("k")
        return await runtime.send_and_receive("k", "works here", timeout=5.0)


if sys.argv[1] == "after":
    importlib.import_module("pydotcompute")
for interpreter in subinterpreters():
    for _ in range(2):
        print(refusal_of(interpreter))
    interpreters.destroy(interpreter)
print(asyncio.run(use()))
