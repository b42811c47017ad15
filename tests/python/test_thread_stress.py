"""Many callers, several kernels in threads, tiny queues: nothing is lost, doubled or overtaken."""

import asyncio
import random

import pytest
from kernels_for_tests import counts
from threads_for_tests import conserved, in_threads, loops, until

from pydotcompute.exceptions import (
    KernelStateError,
    QueueFullTimeoutError,
    QueueTimeoutError,
)
from pydotcompute.testing import wait_until_idle

KERNELS = 3
PRODUCERS = 4
MESSAGES = 5_000
BREAKS = 0.05

pytestmark = pytest.mark.usefixtures("shaken")


class Traffic:
    """Sends numbered messages to one kernel and receives them, with random limits and breaks."""

    def __init__(self, runtime, kernel_id, seed):
        self.runtime = runtime
        self.kernel_id = kernel_id
        self.dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self.sent = []
        self.received = []

    def limit(self):
        return self.dice.choice([None, None, None, 1, 0.001, 0])

    async def went_through(self, coroutine, refusal):
        """Await it, or cancel it somewhere; whether it was neither cancelled nor too late."""
        task = asyncio.create_task(coroutine)
        try:
            if self.dice.random() < BREAKS:
                for _ in range(self.dice.randrange(4)):
                    await asyncio.sleep(0)
                task.cancel()
            await asyncio.wait([task])
        finally:
            task.cancel()
            await asyncio.wait([task])
        if task.cancelled() or isinstance(task.exception(), refusal):
            return False
        task.result()
        return True

    async def produce(self, name, count):
        number = 0
        while number < count:
            message = (name, number)
            call = self.runtime.send(self.kernel_id, message, timeout=self.limit())
            if await self.went_through(call, QueueFullTimeoutError):
                self.sent.append(message)
                number += 1

    async def consume(self):
        while True:
            await self.went_through(self.receive(), QueueTimeoutError)

    async def receive(self):
        message = await self.runtime.receive(self.kernel_id, timeout=self.limit())
        self.received.append(message)  # in the same step: two consumers keep the order

    async def run(self, count):
        """Send so many messages from each of the producers, and wait for all the replies."""
        consumers = [asyncio.create_task(self.consume()) for _ in range(2)]
        await asyncio.gather(*(self.produce(name, count) for name in range(PRODUCERS)))
        await until(lambda: len(self.received) == len(self.sent))
        for consumer in consumers:
            consumer.cancel()
        await asyncio.wait(consumers)


def in_order(messages):
    """Check that the messages of each producer are all there, once, in its order."""
    for name in range(PRODUCERS):
        numbers = [number for producer, number in messages if producer == name]
        assert numbers == list(range(len(numbers)))


async def stress(runtime, kind, count, seed):
    traffics = [Traffic(runtime, f"k{number}", seed + number) for number in range(KERNELS)]
    for traffic in traffics:
        sizes = {"queue_size": 1 + seed % 3, "output_queue_size": 1 + seed % 2}
        await kind.start_echo(runtime, traffic.kernel_id, **sizes)
    async with asyncio.timeout(60):
        await asyncio.gather(*(traffic.run(count) for traffic in traffics))
    await wait_until_idle(runtime)
    for traffic in traffics:
        in_order(traffic.received)
        found = conserved(runtime, traffic.kernel_id)
        total = count * PRODUCERS
        assert len(traffic.received) == len(traffic.sent) == total
        assert (found["received"], found["processed"]) == (total, total)
        assert (found["sent"], found["replies_received"]) == (total, total)
        assert "output_depth" not in found


@in_threads
@pytest.mark.parametrize("seed", range(2))
async def test_under_load_every_message_is_answered_once_and_in_order(runtime, kind, seed):
    await stress(runtime, kind, MESSAGES // KERNELS // PRODUCERS, seed)


@loops
@pytest.mark.parametrize("seed", range(5))
async def test_kernels_that_poll_pause_and_end_under_load_lose_nothing(runtime, kind, seed):
    dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    times = [dice.choice([0, 1e-5, 1e-3, None]) for _ in range(97)]

    def script(ctx):
        for step in range(10**9):
            try:
                batch = yield ctx.receive_batch(3, timeout=times[step % 97])
            except QueueTimeoutError:
                continue
            while batch:
                sent = yield ctx.send_batch(batch, timeout=times[(step + 1) % 97])
                batch = batch[sent:]

    await kind.start(runtime, script, queue_size=2, output_queue_size=2)
    traffic = Traffic(runtime, "k", seed)
    running = asyncio.create_task(traffic.run(100))
    while not running.done():
        await runtime.deactivate("k")
        await asyncio.sleep(dice.choice([0, 0.001]))
        await runtime.reactivate("k")
        for _ in range(dice.randrange(20)):
            await asyncio.sleep(0)
    await running
    in_order(traffic.received)
    await runtime.terminate("k")
    found = conserved(runtime)
    assert (found["received"], found["processed"], found["sent"]) == (400, 400, 400)


@in_threads
@pytest.mark.parametrize("seed", range(5))
async def test_cancelled_under_load_a_kernel_leaves_exact_counts(runtime, kind, seed):
    dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    for number in range(10):
        kernel_id = f"k{number}"
        await kind.start_echo(runtime, kernel_id, queue_size=3, output_queue_size=2)
        traffic = Traffic(runtime, kernel_id, seed)
        tasks = [asyncio.create_task(traffic.produce(name, 1000)) for name in range(PRODUCERS)]
        tasks.append(asyncio.create_task(traffic.consume()))
        for _ in range(dice.randrange(300)):
            await asyncio.sleep(0)
        await runtime.terminate(kernel_id, timeout=dice.choice([0, 0.002]))
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(end) for end in ends} == {KernelStateError}
        while counts(runtime, kernel_id).get("output_depth"):
            traffic.received.append(runtime.receive_nowait(kernel_id))
        found = conserved(runtime, kernel_id)
        assert found.get("received", 0) == len(traffic.sent)
        assert found.get("sent", 0) == len(traffic.received)
        assert found.get("sent", 0) == found.get("processed", 0)
        in_order(traffic.received)
