"""The kernels that are soaked, each with a code that does what its messages say and counts it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from truth import Fault, Truth

from pydotcompute import message
from pydotcompute.exceptions import QueueTimeoutError

REPLIES = {"answer": 1, "slow": 1, "twice": 2, "mark and answer": 1}
PAUSE_SECONDS = 0.0005

HARMLESS = {"answer": 60, "skip": 2, "twice": 1, "mark": 1, "mark and answer": 1, "slow": 0.3}
RAISING = HARMLESS | {"raise": 0.1, "mark and raise": 0.1}
ENDING = HARMLESS | {"raise": 0.002, "return": 0.002}
HANDLED = {"answer": 60, "skip": 2, "raise": 2, "slow": 0.3}


@message
class Job:
    """Something to do."""

    action: str = "answer"


@message
class Done:
    """It is done."""


class Watched:
    """A context that counts what goes through it."""

    def __init__(self, ctx, truth, sleep=asyncio.sleep):
        self.ctx = ctx
        self.truth = truth
        self.sleep = sleep

    async def receive(self):
        self.truth.moved_on()
        job = await self.ctx.receive()
        self.truth.took()
        return job

    async def poll(self):
        while True:
            self.truth.moved_on()
            try:
                job = await self.ctx.receive(timeout=0.001)
            except QueueTimeoutError:
                continue
            self.truth.took()
            return job

    async def receive_batch(self):
        self.truth.moved_on()
        jobs = await self.ctx.receive_batch(4)
        self.truth.took(len(jobs))
        return jobs

    async def obey(self, job):
        """Do what a job says; whether to go on."""
        fault = Fault(job.action)
        if job.action.startswith("mark"):
            self.ctx.record_error(fault)
            self.truth.recorded(fault)
        if job.action == "slow":
            await self.sleep(PAUSE_SECONDS)
        for _ in range(REPLIES.get(job.action, 0) if self.truth.replies else 0):
            await self.ctx.send(job.reply(Done))
            self.truth.replied()
        if job.action.endswith("raise"):
            raise fault
        return job.action != "return"


class AwaitedAtOnce:
    """A context whose calls block, to be awaited: what awaits nothing else never suspends."""

    def __init__(self, ctx):
        self.ctx = ctx
        self.record_error = ctx.record_error

    async def receive(self):
        return self.ctx.receive()

    async def send(self, reply):
        self.ctx.send(reply)

    @staticmethod
    async def sleep(seconds):
        time.sleep(seconds)  # noqa: ASYNC251 - no loop runs here


# Codes: each is made for one launch.


def loop(truth):
    async def code(ctx):
        watched = Watched(ctx, truth)
        with truth.running():
            while await watched.obey(await watched.receive()):
                pass

    return code


def blocking_loop(truth):
    def code(ctx):
        blocking = AwaitedAtOnce(ctx)
        watched = Watched(blocking, truth, blocking.sleep)
        with truth.running():
            while at_once(watched.obey(at_once(watched.receive()))):
                pass

    return code


def at_once(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError


def polling_loop(truth):
    async def code(ctx):
        watched = Watched(ctx, truth)
        with truth.running():
            while await watched.obey(await watched.poll()):
                pass

    return code


def batch_loop(truth):
    async def code(ctx):
        watched = Watched(ctx, truth)
        with truth.running():
            while True:
                for job in await watched.receive_batch():
                    if not await watched.obey(job):
                        return

    return code


def handler(truth):
    def code(job):
        truth.took()
        if job.action == "slow":
            time.sleep(PAUSE_SECONDS)
        return handled(truth, job)

    return code


def async_handler(truth):
    async def code(job):
        truth.took()
        try:
            await asyncio.sleep(PAUSE_SECONDS if job.action == "slow" else 0)
        except asyncio.CancelledError:
            truth.lost_flight()
            raise
        return handled(truth, job)

    return code


def handled(truth, job):
    if job.action == "raise":
        truth.failed_for_one()
        raise Fault(job.action)
    if job.action not in REPLIES:
        truth.moved_on()
        return None
    truth.replied()
    return job.reply(Done)


@dataclass(frozen=True)
class Soaked:
    """A kernel: its id, its code, how it is launched and what it is told."""

    id: str
    code: Callable[[Truth], Callable]
    told: Mapping[str, float] = field(default_factory=lambda: HARMLESS)
    options: Mapping[str, object] = field(default_factory=dict)
    ends_at_rest_only: bool = False
    """Its own code cannot tell what became of its messages where it is ended in mid-work."""

    @property
    def is_handler(self):
        return self.code in (handler, async_handler)


RESTARTING = {"on_error": "restart", "max_restarts": 10**9, "restart_window": 1.0}
DROPPING = {"backpressure": "drop"}
HANDLER, LOOP, THREAD = {"form": "handler"}, {"form": "loop"}, {"execution": "thread"}

TASKS = (
    Soaked("loop", loop, ENDING),
    Soaked("polling loop", polling_loop, ENDING),
    Soaked("batch loop", batch_loop, ENDING, {"output_queue_size": 16}),
    Soaked("restarting loop", loop, RAISING, RESTARTING),
    Soaked("restarting batches", batch_loop, RAISING, RESTARTING),
    Soaked("rejecting loop", loop, HARMLESS, {"backpressure": "reject"}),
    Soaked("sink", loop, ENDING, {"replies": False}),
    Soaked("dropping loop", loop, RAISING, RESTARTING | DROPPING, ends_at_rest_only=True),
    Soaked("handler", handler, HANDLED, ends_at_rest_only=True),
    Soaked("async handler", async_handler, HANDLED, HANDLER, ends_at_rest_only=True),
)
THREADS = (
    Soaked("loop in a thread", loop, ENDING, THREAD),
    Soaked("blocking loop", blocking_loop, ENDING, THREAD | LOOP),
    Soaked("restarting batches in a thread", batch_loop, RAISING, RESTARTING | THREAD),
    Soaked("dropping in a thread", loop, HARMLESS, THREAD | DROPPING, ends_at_rest_only=True),
    Soaked("handler in a thread", handler, HANDLED, THREAD, ends_at_rest_only=True),
    Soaked(
        "async handler in a thread",
        async_handler,
        HANDLED,
        THREAD | HANDLER,
        ends_at_rest_only=True,
    ),
)
# Add a kernel here and it is soaked.
KERNELS = (*TASKS, *THREADS)
