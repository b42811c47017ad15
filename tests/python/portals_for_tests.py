"""Runtimes whose loop runs in another thread, and threads that use their portals."""

import asyncio
import threading
from contextlib import contextmanager

from pydotcompute import RingKernelRuntime


@contextmanager
def living_elsewhere(**options):
    """Give the portal of a runtime that lives on an event loop in another thread."""
    made, portals = threading.Event(), []

    async def live():
        async with RingKernelRuntime(enable_telemetry=True, **options) as runtime:
            done = asyncio.Event()
            loop = asyncio.get_running_loop()
            portals.extend((runtime.portal(), lambda: loop.call_soon_threadsafe(done.set)))
            made.set()
            await done.wait()
            await runtime.terminate_all(timeout=0)

    thread = threading.Thread(target=asyncio.run, args=(live(),))
    thread.start()
    assert made.wait(5)
    portal, end = portals
    try:
        yield portal
    finally:
        end()
        thread.join(5)
        assert not thread.is_alive()


def error_of(call, *arguments, **options):
    """Give what a call raises; it must raise."""
    try:
        result = call(*arguments, **options)
    except BaseException as error:  # noqa: BLE001 - to be looked at by the test
        return error
    message = f"it returned {result!r}"
    raise AssertionError(message)


async def in_threads(*works):
    """Run each in a new thread, not in a pool, which may have fewer; what they return."""
    results = [None] * len(works)

    def run(index):
        try:
            results[index] = works[index]()
        except BaseException as error:  # noqa: BLE001 - raised in the test
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(works))]
    for thread in threads:
        thread.start()
    async with asyncio.timeout(20):
        while any(thread.is_alive() for thread in threads):  # noqa: ASYNC110 - the loop serves them
            await asyncio.sleep(0)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


async def until_waiting(count=1):
    """Let the loop run until so many calls wait on it, beside the caller's task and kernels'."""
    before = asyncio.all_tasks()
    async with asyncio.timeout(5):
        while len(asyncio.all_tasks() - before) < count:  # noqa: ASYNC110 - they come from threads
            await asyncio.sleep(0)
    for _ in range(5):
        await asyncio.sleep(0)
