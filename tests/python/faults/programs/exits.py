"""Leave the interpreter in the named way, so many turns after kernels became busy, closing nothing.

Prints when it leaves; a clock that all processes share.
"""

import asyncio
import atexit
import os
import sys
import threading
import time

from programs_for_tests import FORMS

from pydotcompute import RingKernelRuntime

kept = []


async def work(turns):
    """Start kernels of every form, all of them busy."""
    runtime = RingKernelRuntime(enable_telemetry=True)
    kept.append(runtime)
    for number, (kernel, options) in enumerate(FORMS.values()):
        await runtime.launch(f"k{number}", kernel, output_queue_size=10, **options)
        await runtime.activate(f"k{number}")
        await runtime.send_batch(f"k{number}", range(100))
    receiving = asyncio.create_task(runtime.receive("k0"))
    receiving.add_done_callback(look_at)  # a forked child may be told that it is none of its own
    kept.append(receiving)
    for _ in range(turns):
        await asyncio.sleep(0)
    return runtime


def look_at(task):
    if not task.cancelled():
        task.exception()


def code_of(child):
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def leaving():
    print(time.monotonic(), flush=True)


async def by_return(turns):
    await work(turns)
    leaving()


async def by_sys_exit(turns):
    await work(turns)
    leaving()
    sys.exit(0)


async def by_sys_exit_in_a_task(turns):
    await work(turns)

    async def leave():
        leaving()
        sys.exit(0)

    await asyncio.create_task(leave())


async def by_sys_exit_in_a_callback(turns):
    await work(turns)
    leaving()
    asyncio.get_running_loop().call_soon(sys.exit, 0)
    await asyncio.Event().wait()


async def by_os_exit(turns):
    await work(turns)
    leaving()
    os._exit(0)


async def by_a_forked_child(turns):
    await work(turns)
    child = os.fork()
    if child == 0:
        sys.exit(0)
    code = code_of(child)
    leaving()
    sys.exit(code)


async def by_reading_at_exit(turns):
    runtime = await work(turns)
    atexit.register(lambda: runtime.get_summary()["per_kernel"]["k0"])
    leaving()


def by_stopping_the_loop(turns):
    loop = asyncio.new_event_loop()
    kept.append(loop)

    async def stop():
        await work(turns)
        loop.stop()
        await asyncio.Event().wait()

    kept.append(loop.create_task(stop()))
    loop.run_forever()
    leaving()


def by_closing_the_loop(turns):
    loop = asyncio.new_event_loop()
    loop.run_until_complete(work(turns))
    loop.close()
    leaving()


def by_leaving_a_thread_behind(turns):
    running = threading.Event()

    async def run():
        await work(turns)
        running.set()
        await asyncio.Event().wait()

    threading.Thread(target=asyncio.run, args=(run(),), daemon=True).start()
    running.wait()
    leaving()


way, turns = globals()[sys.argv[1]], int(sys.argv[2])
if asyncio.iscoroutinefunction(way):
    asyncio.run(way(turns))
else:
    way(turns)
