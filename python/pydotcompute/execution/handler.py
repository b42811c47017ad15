"""Kernels that are called once a message."""

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
    """
    while True:
        message = await desk.take()
        try:
            reply = handler(message)
            if isawaitable(reply):
                reply = await reply
        except Exception as error:  # noqa: BLE001 - counted, logged and raised by receive
            await desk.fail(message, error)
        else:
            if reply is not None:
                await desk.reply(message, reply)
