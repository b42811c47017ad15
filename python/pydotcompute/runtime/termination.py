"""Winding kernels down, one or many, within one deadline."""

import asyncio
from collections.abc import Sequence
from typing import Final

from pydotcompute.exceptions import InvalidArgumentError, KernelStuckError
from pydotcompute.runtime.kernel import Kernel

CANCEL_GRACE_SECONDS: Final = 1.0
"""How long a cancelled kernel may take to end before it counts as stuck."""

_QUIET_TURNS: Final = 3
"""Turns of the loop a kernel stays quiet before it counts: code just started has not asked yet."""


async def wind_down(kernels: Sequence[Kernel], *, timeout: float, drain: bool) -> None:
    """Terminate kernels: drain where asked, request, wait, cancel.

    Raises:
        KernelStuckError: Some kernel swallowed its cancellation; it names all that did.
    """
    refuse_own_end(kernels)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    if drain:
        await until_quiet(kernels, timeout / 2)
    for kernel in kernels:
        kernel.request_termination()
    running = await _still_running(kernels, max(0.0, deadline - loop.time()))
    for kernel in running:
        kernel.cancel()
    stuck = await _still_running(running, CANCEL_GRACE_SECONDS)
    for kernel in stuck:
        kernel.abandon()
    if stuck:
        first, *others = (kernel.id for kernel in stuck)
        raise KernelStuckError(first, timeout, others=tuple(others))


async def until_quiet(kernels: Sequence[Kernel], timeout: float) -> bool:
    """Wait at most `timeout` seconds until every kernel is quiet; whether it came to that."""
    changed = asyncio.Event()
    for kernel in kernels:
        kernel.watchers.append(changed)
    try:
        async with asyncio.timeout(timeout):
            quiet_turns = 0
            while True:
                changed.clear()
                if not all(kernel.is_quiet for kernel in kernels):
                    quiet_turns = 0
                    await changed.wait()
                elif quiet_turns == _QUIET_TURNS:
                    return True
                else:
                    quiet_turns += 1
                    await asyncio.sleep(0)
    except TimeoutError:
        return False
    finally:
        for kernel in kernels:
            kernel.watchers.remove(changed)


async def _still_running(kernels: Sequence[Kernel], timeout: float) -> list[Kernel]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    for kernel in kernels:  # one after the other: while one is waited for, the others end too
        if kernel.has_ended:
            continue
        if not await kernel.wait_ended(max(0.0, deadline - loop.time())):
            break
    return [kernel for kernel in kernels if not kernel.has_ended]


def refuse_own_end(kernels: Sequence[Kernel]) -> None:
    """Raise InvalidArgumentError where one of these kernels' own code asks."""
    for kernel in kernels:
        if kernel.is_current:
            message = (
                f"kernel {kernel.id!r} cannot wait for its own end: "
                "call ctx.request_termination() and return"
            )
            raise InvalidArgumentError(message)
