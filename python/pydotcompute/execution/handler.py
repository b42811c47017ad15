"""Kernels that are called once a message."""

import asyncio
from asyncio import _get_running_loop  # None, no error, where no loop runs
from collections.abc import Callable
from inspect import isawaitable
from typing import Any, Protocol


class Desk(Protocol):
    """The kernel's end of its mailbox, as far as handling messages goes."""

    async def take(self) -> Any:
        """Take the next message, or raise EndOfStream."""

    async def reply(self, message: object, reply: object) -> None:
        """Answer `message`, the one in flight."""

    async def fail(self, message: object, error: Exception) -> None:
        """Answer `message`, the one in flight, with an error."""


async def serve(handler: Callable[[Any], object], desk: Desk) -> None:
    """Call `handler` for each message until the input ends.

    What it returns, or what the awaitable that it returns gives, is the reply, unless None. An
    exception costs that message alone; one that is no Exception ends the kernel.

    Raises:
        EndOfStream: The kernel winds down and every queued message was handled.
        CancelledError: The task was cancelled, also where the handler made something else of that.
    """
    task = asyncio.current_task() if _get_running_loop() is not None else None
    while True:
        message = await desk.take()
        try:
            reply = handler(message)
            if isawaitable(reply):
                reply = await reply
        except Exception as error:  # noqa: BLE001 - counted, logged and raised by receive
            is_last = _is_to_stop(task)
            await desk.fail(message, error)
        else:
            is_last = _is_to_stop(task)
            if reply is not None:
                await desk.reply(message, reply)
        if is_last:
            raise asyncio.CancelledError


def _is_to_stop(task: asyncio.Task[object] | None) -> bool:
    """Whether a handler swallowed a cancellation; then the task waits for nothing any more."""
    if task is None or not task.cancelling():
        return False
    task.cancel()
    return True
