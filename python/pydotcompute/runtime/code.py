"""What a kernel's venue runs: its function, with what the function's form needs around it."""

import asyncio
from collections.abc import Callable
from inspect import isawaitable, iscoroutine
from typing import TYPE_CHECKING, Any

from pydotcompute._core import Home
from pydotcompute.exceptions import InvalidTypeError
from pydotcompute.execution.handler import serve
from pydotcompute.execution.task import TaskVenue
from pydotcompute.execution.venue import Venue, run_blocking
from pydotcompute.kernels import KernelLaunch, is_async
from pydotcompute.options import KernelExecution, KernelForm
from pydotcompute.runtime.blocking_context import BlockingKernelContext
from pydotcompute.runtime.context import KernelContext
from pydotcompute.runtime.desk import BlockingDesk, HandlerDesk

if TYPE_CHECKING:
    from pydotcompute.runtime.kernel import Kernel


def venue_of(launch: KernelLaunch, loop: asyncio.AbstractEventLoop, home: Home | None) -> Venue:
    """Make the place that a launch asked for, beside or on the runtime's loop."""
    if launch.options.execution is KernelExecution.TASK:
        return TaskVenue(loop, home)
    from pydotcompute.execution.thread import BlockingVenue, LoopVenue  # noqa: PLC0415 - few need it

    return LoopVenue(loop) if is_async(launch.function) else BlockingVenue(loop)


def code_of(kernel: "Kernel", launch: KernelLaunch, venue: Venue) -> Any:
    """Call a kernel's function, or make ready to call it once a message.

    Returns:
        What the venue awaits; of a venue that blocks nothing of use: its code has ended then.
    """
    if launch.options.form is KernelForm.LOOP:
        if venue.blocks:
            return _plain(launch.function)(BlockingKernelContext(kernel, venue))
        return launch.function(KernelContext(kernel))
    if not venue.blocks:
        return serve(launch.function, HandlerDesk(kernel))
    return run_blocking(serve(_plain(launch.function), BlockingDesk(kernel, venue)))


def _plain(function: Callable[[Any], object]) -> Callable[[Any], object]:
    """Let a plain function that returns something to await fail: nothing awaits in its thread."""

    def call(argument: object) -> object:
        result = function(argument)
        if not isawaitable(result):
            return result
        if iscoroutine(result):
            result.close()
        kind = type(result).__qualname__
        text = (
            f"a plain function in a thread returned an awaitable, of type {kind}, but no event "
            "loop runs there to await it; define the function with `async def`"
        )
        raise InvalidTypeError(text, argument="reply", value_type=kind)

    return call
