"""Make a child in the named way while a runtime lives and its kernels run.

Prints what the child saw and did, and what became of the parent, as JSON.
"""

import asyncio
import json
import multiprocessing
import os
import signal
import sys

from kernels_for_tests import echo, start
from programs_for_tests import Callers

from pydotcompute import RingKernelRuntime
from pydotcompute.exceptions import PyDotComputeError


async def use_its_own():
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await start(runtime, "k", echo)
        callers = Callers(runtime)
        await callers.send(range(50))
        replies = [await callers.receive(timeout=5.0) for _ in range(50)]
        callers.check()
        return replies == list(range(50))


def refusals_of(runtime):
    """Try to move messages through the parent's runtime, without a loop and in one of its own."""
    calls = (
        lambda: runtime.send_nowait("k", "from the child"),
        lambda: runtime.receive_nowait("k"),
        lambda: asyncio.run(runtime.send("k", "from the child")),
        lambda: asyncio.run(runtime.terminate("k")),
    )
    for call in calls:
        try:
            call()
        except PyDotComputeError as error:
            yield type(error).__name__


def look(runtime, telemetry):
    """Do in the child what may be done there; `runtime` is the parent's, where it came along."""
    signal.alarm(30)  # a child that hangs is a failure, not a hanging test
    seen = {"own runtime works": asyncio.run(use_its_own())}
    if runtime is not None:
        seen["refusals"] = list(refusals_of(runtime))
        seen["total"] = runtime.get_summary()["total_messages"]
        telemetry = runtime.get_telemetry("k")
    return seen | {"received": telemetry.messages_received}


def look_and_tell(runtime, telemetry, queue):
    queue.put(look(runtime, telemetry))


def by_fork(runtime, leave):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, json.dumps(look(runtime, None)).encode())
        leave(0)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), json.loads(os.read(reader, 65536))


def by_multiprocessing(method, runtime):
    context = multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    inherited = runtime if method == "fork" else None
    arguments = (inherited, runtime.get_telemetry("k"), queue)
    process = context.Process(target=look_and_tell, args=arguments)
    process.start()
    seen = queue.get()
    process.join()
    return process.exitcode, seen


WAYS = {
    "os.fork and os._exit": lambda runtime: by_fork(runtime, os._exit),
    "os.fork and sys.exit": lambda runtime: by_fork(runtime, sys.exit),
    "fork": lambda runtime: by_multiprocessing("fork", runtime),
    "spawn": lambda runtime: by_multiprocessing("spawn", runtime),
}


async def begin(runtime, callers):
    await start(runtime, "k", echo)
    await callers.send(range(10))
    for _ in range(7):
        await callers.receive(timeout=5.0)


async def go_on(runtime, callers):
    await callers.send(["after the child"])
    replies = [await callers.receive(timeout=5.0) for _ in range(4)]
    callers.check()
    await runtime.shutdown()
    return replies


async def in_a_running_loop(way):
    runtime = RingKernelRuntime(enable_telemetry=True)
    callers = Callers(runtime)
    await begin(runtime, callers)
    code, seen = WAYS[way](runtime)
    return code, seen, await go_on(runtime, callers)


def beside_a_loop(way):
    runtime = RingKernelRuntime(enable_telemetry=True)
    callers = Callers(runtime)
    with asyncio.Runner() as runner:
        runner.run(begin(runtime, callers))
        code, seen = WAYS[way](runtime)
        return code, seen, runner.run(go_on(runtime, callers))


if __name__ == "__main__":
    way, where = sys.argv[1:]
    ended = asyncio.run(in_a_running_loop(way)) if where == "in a loop" else beside_a_loop(way)
    print(json.dumps(ended))
