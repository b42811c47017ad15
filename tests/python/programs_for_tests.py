"""Kernels that raise when told, and callers that count, for tests of faults and their programs.

Nothing here needs pytest, whose import would take as long as all else that such a program does.
"""

import asyncio

from loops_for_tests import follow_tests

from pydotcompute.exceptions import KernelExecutionError
from pydotcompute.telemetry import CallerLedger, audit

follow_tests()


def obey(message):
    """Raise a message that is an exception, whatever its kind; give back any other."""
    if isinstance(message, BaseException):
        raise message
    return message


async def obey_in_loop(ctx):
    while True:
        await ctx.send(obey(await ctx.receive()))


async def obey_later(message):
    await asyncio.sleep(0)
    return obey(message)


FORMS = {
    "loop": (obey_in_loop, {}),
    "handler def": (obey, {}),
    "handler async def": (obey_later, {"form": "handler"}),
}
"""One kernel in each form, with the options that make it so."""


class Callers:
    """Everybody who calls the kernels of one runtime: they count for themselves."""

    def __init__(self, runtime):
        self.runtime = runtime
        self.accepted = self.received = 0

    async def send(self, messages, kernel_id="k", **timeout):
        """Send in a row; how many were accepted."""
        accepted = await self.runtime.send_batch(kernel_id, messages, **timeout)
        self.accepted += accepted
        return accepted

    async def receive(self, kernel_id="k", **timeout):
        """Get a reply, or the KernelExecutionError in its place."""
        try:
            reply = await self.runtime.receive(kernel_id, **timeout)
        except KernelExecutionError as error:
            reply = error
        self.received += 1
        return reply

    def check(self):
        """At rest, records, queues and these callers agree on every message and reply."""
        shown = self.runtime.get_all_telemetry().values()
        result = audit(shown, CallerLedger(self.accepted, self.received))
        assert result.is_balanced, str(result)


def counted(runtime, kernel_id="k"):
    """Every number without a fraction and every text of a kernel's telemetry, to report as JSON."""
    telemetry = runtime.get_telemetry(kernel_id).to_dict()
    return {name: value for name, value in telemetry.items() if isinstance(value, int | str)}
