"""Callers that send and receive at random, give up, are cancelled, and count what went through."""

import asyncio

from kernels import Job

from pydotcompute.exceptions import (
    KernelExecutionError,
    KernelFailedError,
    KernelStateError,
    QueueEmptyError,
    QueueFullError,
    QueueFullTimeoutError,
    QueueTimeoutError,
)

REFUSED = (KernelStateError, KernelFailedError)
PRIORITIES = (128,) * 8 + (0, 255)
TIMEOUTS = (0, 0.0005, 0.005)


class Callers:
    """The callers of one kernel."""

    def __init__(self, runtime, soaked, truths, dice):
        self.runtime = runtime
        self.soaked = soaked
        self.truths = truths
        self.dice = dice
        self.sending = self.receiving = False
        self.tasks = []

    @property
    def id(self):
        return self.soaked.id

    @property
    def truth(self):
        """Give the count of the launch that a call made now reaches."""
        return self.truths[self.id]

    def start(self):
        self.sending = self.receiving = True
        self.tasks = [
            asyncio.create_task(self.go_on(self.sends, lambda: self.sending)),
            asyncio.create_task(self.go_on(self.sends, lambda: self.sending)),
            asyncio.create_task(self.go_on(self.receives, lambda: self.receiving)),
        ]

    async def stop(self):
        """Come to an end: who sends first, because somebody must make room meanwhile."""
        self.sending = False
        await asyncio.gather(*self.tasks[:2])
        self.receiving = False
        await self.tasks[2]

    async def go_on(self, calls, is_wanted):
        while is_wanted():
            await self.dice.choice(calls(self))()
            await asyncio.sleep(0)

    def job(self):
        told = self.soaked.told
        (action,) = self.dice.choices(list(told), list(told.values()))
        return Job(action=action, priority=self.dice.choice(PRIORITIES))

    # Sending.

    def sends(self, _=None):
        both = [self.send_and_receive] if self.soaked.is_handler else []
        return [
            self.send_many,
            self.send_many,
            self.send_in_a_row,
            self.send_or_give_up,
            self.send_or_be_cancelled,
            *both,
        ]

    async def send(self, timeout=None):
        truth = self.truth
        try:
            await self.runtime.send(self.id, self.job(), timeout=timeout)
        except QueueFullTimeoutError:
            pass
        except QueueFullError:
            truth.rejected += 1
        except REFUSED:
            await asyncio.sleep(0)
        else:
            truth.accepted += 1

    async def send_or_give_up(self):
        await self.send(self.dice.choice(TIMEOUTS))

    async def send_or_be_cancelled(self):
        await self.or_be_cancelled(self.send())

    async def send_many(self):
        for _ in range(self.dice.randrange(1, 60)):
            self.send_nowait()

    def send_nowait(self, job=None):
        truth = self.truth
        try:
            self.runtime.send_nowait(self.id, job or self.job())
        except QueueFullError:
            truth.rejected += 1
        except REFUSED:
            pass
        else:
            truth.accepted += 1

    async def send_in_a_row(self):
        truth, jobs = self.truth, [self.job() for _ in range(self.dice.randrange(1, 40))]
        rejects = self.soaked.options.get("backpressure") == "reject"
        truth.in_a_row += 1
        try:
            accepted = await self.runtime.send_batch(self.id, jobs, timeout=0.005)
        except REFUSED:
            pass
        else:
            truth.accepted += accepted
            truth.rejected += len(jobs) - accepted if rejects else 0
        finally:
            truth.in_a_row -= 1

    async def end_of_batches(self, truth):
        """Wait until the batches to a kernel that has ended are given up, and counted."""
        while truth.in_a_row:  # noqa: ASYNC110 - a turn or two, and no event is cheaper
            await asyncio.sleep(0)

    async def send_and_receive(self):
        truth = self.truth
        try:
            await self.runtime.send_and_receive(self.id, self.job(), timeout=0.02)
        except QueueFullTimeoutError:
            return
        except KernelExecutionError:
            truth.errors_received += 1
        except QueueTimeoutError:
            pass
        else:
            truth.values += 1
        truth.accepted += 1

    # Receiving.

    def receives(self, _=None):
        return [
            self.receive_many,
            self.receive_many,
            self.receive_batch,
            self.receive_or_give_up,
            self.receive_or_be_cancelled,
        ]

    async def receive(self, timeout=None):
        await self.count_received(self.runtime.receive(self.id, timeout=timeout))

    async def receive_or_give_up(self):
        await self.receive(self.dice.choice(TIMEOUTS))

    async def receive_or_be_cancelled(self):
        await self.or_be_cancelled(self.receive())

    async def receive_batch(self):
        await self.count_received(self.runtime.receive_batch(self.id, 16, timeout=0.005))

    async def receive_many(self):
        for _ in range(self.dice.randrange(1, 80)):
            if not self.receive_nowait():
                return

    async def count_received(self, receiving):
        truth = self.truth
        try:
            got = await receiving
        except KernelExecutionError:
            truth.errors_received += 1
        except QueueTimeoutError:
            pass
        except REFUSED:
            await asyncio.sleep(0)
        else:
            truth.values += len(got) if isinstance(got, list) else 1

    def receive_nowait(self):
        """Receive a reply; whether there was one."""
        truth = self.truth
        try:
            self.runtime.receive_nowait(self.id)
        except KernelExecutionError:
            truth.errors_received += 1
        except (QueueEmptyError, *REFUSED):
            return False
        else:
            truth.values += 1
        return True

    def receive_all(self):
        """Receive what is there; how many replies."""
        found = 0
        while self.receive_nowait():
            found += 1
        return found

    async def or_be_cancelled(self, coroutine):
        task = asyncio.create_task(coroutine)
        for _ in range(self.dice.randrange(4)):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
