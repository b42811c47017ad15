"""Contestants that take turns in one event loop."""

import asyncio
import importlib.util
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, TypeVar

T = TypeVar("T")
Ends = tuple[Callable[[Any], Awaitable[None]], Callable[[], Awaitable[Any]]]
Work = Callable[..., Awaitable[float]]

HAS_UVLOOP = importlib.util.find_spec("uvloop") is not None


def run_on(loop: str, program: Coroutine[Any, Any, T]) -> T:
    """Run a program on the loop of asyncio or uvloop."""
    if loop == "uvloop":
        import uvloop  # noqa: PLC0415 - of the bench group, like other rivals

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(program)
    return asyncio.run(program)


async def take_turns(
    contestants: dict[str, AbstractAsyncContextManager[Any]],
    work: dict[str, Work] | Work,
    blocks: int,
) -> dict[str, list[float]]:
    """Let each contestant do its work once to warm up, then in turns, back and forth.

    `work` is given what the contestant's context yields, and returns the figure of that turn.
    """
    figures: dict[str, list[float]] = {name: [] for name in contestants}
    works = work if isinstance(work, dict) else dict.fromkeys(contestants, work)
    async with AsyncExitStack() as stack:
        ends = {
            name: await stack.enter_async_context(contestant)
            for name, contestant in contestants.items()
        }
        for name in contestants:
            await works[name](ends[name])
        for block in range(blocks):
            for name in list(contestants) if block % 2 else reversed(contestants):
                figures[name].append(await works[name](ends[name]))
    return figures
