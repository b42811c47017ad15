"""Kernels and small tools that the tests of the runtime share."""

import asyncio
import sys

from pydotcompute import KernelState
from pydotcompute.exceptions import EndOfStream


async def echo(ctx):
    """Answer each message with itself until the end of the input."""
    while True:
        await ctx.send(await ctx.receive())


async def slow(ctx):
    """Echo, but take some turns for each message and for the end."""
    try:
        while True:
            message = await ctx.receive()
            await turns(2)
            await ctx.send(message)
    except EndOfStream:
        await turns(2)


async def deaf(ctx):
    """Go on for ever, also at the end of the input; end some turns after the cancellation."""
    try:
        await ctx.send(await ctx.receive())
        await asyncio.Event().wait()
    finally:
        await turns(2)


class Puppet:
    """A kernel that does nothing by itself: a test holds its context and pulls the strings."""

    def __init__(self):
        self.ctx = None
        self.error = None
        self.began = asyncio.Event()
        self.freed = asyncio.Event()

    async def __call__(self, ctx):
        self.ctx = ctx
        self.began.set()
        await self.freed.wait()
        if self.error is not None:
            raise self.error


class Clinger(Puppet):
    """A puppet that swallows every cancellation until it is freed."""

    async def __call__(self, ctx):
        while not self.freed.is_set():
            try:
                await super().__call__(ctx)
            except asyncio.CancelledError:
                continue


async def start(runtime, kernel_id, kernel, **options):
    """Launch and activate."""
    await runtime.launch(kernel_id, kernel, **options)
    await runtime.activate(kernel_id)


async def start_puppet(runtime, kernel_id="k", kind=Puppet, **options):
    """Launch and activate a puppet and wait until it has its context."""
    puppet = kind()
    await start(runtime, kernel_id, puppet, **options)
    await puppet.began.wait()
    return puppet


async def bring_to(runtime, state, kernel_id="k"):
    """Launch a puppet and lead it into a state."""
    puppet = Puppet()
    await runtime.launch(kernel_id, puppet)
    if state is KernelState.LAUNCHED:
        return puppet
    await runtime.activate(kernel_id)
    await puppet.began.wait()
    if state is KernelState.DEACTIVATED:
        await runtime.deactivate(kernel_id)
    if state is KernelState.TERMINATING:
        puppet.ctx.request_termination()
    if state in (KernelState.TERMINATED, KernelState.FAILED):
        puppet.error = ValueError("as told") if state is KernelState.FAILED else None
        puppet.freed.set()
        await turns()
    assert runtime.get_state(kernel_id) is state
    return puppet


async def turns(count=10):
    """Let everybody else run this many times."""
    for _ in range(count):
        await asyncio.sleep(0)


def counts(runtime, kernel_id="k"):
    """Read every count of a kernel that is not 0; times and rates are floats."""
    telemetry = runtime.get_telemetry(kernel_id).to_dict()
    return {
        name.removeprefix("messages_"): value
        for name, value in telemetry.items()
        if isinstance(value, int) and value
    }


def lazy(loop, coroutine, **options):
    """Make a task in the ordinary way."""
    return asyncio.Task(coroutine, loop=loop, **options)


def eager(loop, coroutine, **options):
    """Make a task that starts at once.

    As asyncio.eager_task_factory does, which before 3.13.3 refuses what uvloop says besides.
    """
    return asyncio.Task(coroutine, loop=loop, **(options | {"eager_start": True}))


TASK_FACTORIES = [lazy, eager] if sys.version_info >= (3, 12) else [lazy]
