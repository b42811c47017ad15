"""The waiting operations of a kernel, all under one set of names, for tests that hold for each."""

import asyncio

from kernels_for_tests import counts, start_puppet, turns

from pydotcompute import RingKernelRuntime
from pydotcompute.runtime import KernelContext


def at_once(coroutine):
    """Run a coroutine that must not suspend."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    message = "it suspended"
    raise AssertionError(message)


class Operation:
    """One waiting operation of kernel "k", which is a puppet, at a queue that makes it wait."""

    options = {}  # noqa: RUF012 - nobody changes it

    @classmethod
    async def prepare(cls, runtime, **options):
        """Launch the kernel and bring its queues to where the operation has to wait."""
        self = cls()
        self.runtime = runtime
        self.puppet = await start_puppet(runtime, **(cls.options | options))
        self.ctx = self.puppet.ctx
        self.fill()
        return self

    def fill(self):
        """Bring the queues to where the operation has to wait."""

    def begin(self, tag=None):
        """Begin the operation in a task, without a timeout."""
        return asyncio.create_task(self.call(tag))

    async def nudge(self):
        """Wake the first in line for nothing: the one behind it leaves."""
        other = self.begin()
        await turns(2)
        other.cancel()
        await turns(3)

    async def go_through(self):
        """Check that a whole round still works."""
        async with asyncio.timeout(5):
            waiting = self.begin()
            await turns(3)
            self.serve()
            await waiting

    def counts(self):
        """Read every count that a cancelled operation leaves alone."""
        return counts(self.runtime)

    def moved(self):
        """Count the operations that went through."""
        return counts(self.runtime).get(self.counter, 0)

    def depth(self, name):
        """Read a depth."""
        return counts(self.runtime).get(name, 0)


class Send(Operation):
    """runtime.send() on a full queue."""

    operation = RingKernelRuntime.send
    options = {"queue_size": 1}  # noqa: RUF012
    counter = "received"

    def fill(self):
        self.runtime.send_nowait("k", "old")

    def call(self, tag=None, **timeout):
        return self.runtime.send("k", tag, **timeout)

    def serve(self):
        return at_once(self.ctx.receive())

    def is_ready(self):
        return self.depth("queue_depth") == 0


class Receive(Operation):
    """runtime.receive() without a reply."""

    operation = RingKernelRuntime.receive
    counter = "replies_received"

    def call(self, _tag=None, **timeout):
        return self.runtime.receive("k", **timeout)

    def serve(self, tag=None):
        at_once(self.ctx.send(tag))

    def is_ready(self):
        return self.depth("output_depth") > 0


class Take(Operation):
    """ctx.receive() without a message."""

    operation = KernelContext.receive
    counter = "in_flight"

    def call(self, _tag=None, **timeout):
        return self.ctx.receive(**timeout)

    def serve(self, tag=None):
        self.runtime.send_nowait("k", tag)

    def is_ready(self):
        return self.depth("queue_depth") > 0

    def moved(self):
        now = counts(self.runtime)
        return now.get("received", 0) - now.get("queue_depth", 0)


class TakeBatch(Take):
    """ctx.receive_batch() without a message."""

    operation = KernelContext.receive_batch

    def call(self, _tag=None, **timeout):
        return self.ctx.receive_batch(1, **timeout)


class Reply(Operation):
    """ctx.send() on a full output queue."""

    operation = KernelContext.send
    options = {"output_queue_size": 1}  # noqa: RUF012
    counter = "sent"

    def fill(self):
        at_once(self.ctx.send("old"))

    def call(self, tag=None, **timeout):
        return self.ctx.send(tag, **timeout)

    def serve(self):
        return self.runtime.receive_nowait("k")

    def is_ready(self):
        return self.depth("output_depth") == 0


class WaitActive(Operation):
    """ctx.wait_active() of a paused kernel."""

    operation = KernelContext.wait_active

    def fill(self):
        if self.ctx.is_active:
            at_once(self.runtime.deactivate("k"))

    def call(self, _tag=None):
        return self.ctx.wait_active()

    def serve(self):
        at_once(self.runtime.reactivate("k"))

    async def go_through(self):
        self.fill()
        await super().go_through()

    def moved(self):
        return 0


MOVING = [Send, Receive, Take, TakeBatch, Reply]
WAITING = [*MOVING, WaitActive]


class CancelledAt:
    """Awaits a coroutine and cancels the task in which it does at the coroutine's n-th suspension.

    `suspensions` tells how far it came.
    """

    def __init__(self, coroutine, suspension):
        self.coroutine = coroutine
        self.suspension = suspension
        self.suspensions = 0

    def __await__(self):
        resume, argument = self.coroutine.send, None
        while True:
            try:
                awaited = resume(argument)
            except StopIteration as done:
                return done.value
            self.suspensions += 1
            if self.suspensions == self.suspension:
                asyncio.current_task().cancel()
            try:
                yield awaited
                resume, argument = self.coroutine.send, None
            except asyncio.CancelledError as cancelled:
                resume, argument = self.coroutine.throw, cancelled

    async def run(self):
        """Await it as a coroutine does, for a task."""
        return await self
