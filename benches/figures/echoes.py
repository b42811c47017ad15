"""Contestants: the same echo as a ring kernel and as a pair of `asyncio.Queue` with a task."""

import asyncio
import queue
import threading
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from pydotcompute import RingKernelRuntime, message

CAPACITY = 4_096
CALLER_TIMEOUT = 1.0
KERNEL_TIMEOUT = 0.1


@message
class Request:
    value: int


@message
class Reply:
    value: int


@dataclass(frozen=True)
class PlainRequest:
    """What somebody without this package would send."""

    value: int


@dataclass(frozen=True)
class PlainReply:
    value: int


# Ring kernels.


async def echo(ctx):
    while True:
        await ctx.send(await ctx.receive())


async def documented_echo(ctx):
    """Echo in the loop that PyDotCompute's pages teach."""
    while not ctx.should_terminate:
        if not ctx.is_active:
            await ctx.wait_active()
            continue
        try:
            request = await ctx.receive(timeout=KERNEL_TIMEOUT)
            await ctx.send(request)
        except TimeoutError:
            continue


async def answering(ctx):
    """Answer messages with messages."""
    while True:
        request = await ctx.receive()
        await ctx.send(Reply(value=request.value, correlation_id=request.message_id))


async def batch_echo(ctx):
    while True:
        await ctx.send_batch(await ctx.receive_batch(256))


@asynccontextmanager
async def runtime_with(kernel, *, telemetry=True, latency=True, clock=None, **options):
    """Run one kernel, and check at the end that all it was given was answered and counted."""
    recording = {"enable_telemetry": telemetry, "latency": latency, "clock": clock}
    async with RingKernelRuntime(**recording) as runtime:
        await runtime.launch("echo", kernel, queue_size=CAPACITY, **options)
        await runtime.activate("echo")
        yield runtime
        if telemetry:
            shown = runtime.get_telemetry("echo")
            assert shown.messages_received > 0
            assert shown.messages_processed == shown.messages_received == shown.replies_received
            assert (shown.service is not None) is latency
        else:
            assert runtime.get_telemetry("echo") is None


@asynccontextmanager
async def ring(kernel=echo, *, timeout=None, **options):
    """Give the ends of a kernel: send and receive."""
    async with runtime_with(kernel, **options) as runtime:
        receive = partial(runtime.receive, "echo")
        if timeout is not None:
            receive = partial(receive, timeout=timeout)
        yield partial(runtime.send, "echo"), receive


# Queues.


async def forward(requests, replies):
    while True:
        await replies.put(await requests.get())


async def forward_in_time(requests, replies):
    """Forward in the shape of `documented_echo`."""
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(KERNEL_TIMEOUT):
                request = await requests.get()
            await replies.put(request)


async def answer_plainly(requests, replies):
    while True:
        request = await requests.get()
        await replies.put(PlainReply(request.value))


@asynccontextmanager
async def queues(task=forward, *, timeout=None):
    """Give the ends of a pair of queues: put and get."""
    requests, replies = asyncio.Queue(CAPACITY), asyncio.Queue(CAPACITY)
    forwarding = asyncio.create_task(task(requests, replies))

    async def get_in_time():
        async with asyncio.timeout(timeout):
            return await replies.get()

    yield requests.put, replies.get if timeout is None else get_in_time
    assert requests.empty()
    assert replies.empty()
    forwarding.cancel()
    with suppress(asyncio.CancelledError):
        await forwarding


# A thread.


@asynccontextmanager
async def simple_queues():
    """Give what asks another thread and waits for its answer."""
    requests, replies = queue.SimpleQueue(), queue.SimpleQueue()

    def echo():
        while (request := requests.get()) is not None:
            replies.put(request)

    def ask(number):
        requests.put(number)
        return replies.get()

    thread = threading.Thread(target=echo)
    thread.start()
    yield ask
    requests.put(None)
    thread.join()
