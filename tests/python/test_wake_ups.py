"""However waits begin, end and are broken off: nobody waits for what is there."""

import asyncio
import random

import pytest
from kernels_for_tests import turns
from waiting_for_tests import MOVING, Receive, Take, TakeBatch

from pydotcompute.exceptions import QueueTimeoutError


class Play:
    """Random steps of many waiters at one queue of a kernel."""

    def __init__(self, operation, skip_ahead, seed):
        self.operation = operation
        self.skip_ahead = skip_ahead
        self.dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self.waiting = []
        self.served = 0
        self.steps = [
            self.wait,
            self.wait,
            self.wait_shortly,
            self.leave,
            self.serve,
            self.let_time_pass,
            self.turn,
        ]

    async def run(self, count):
        for _ in range(count):
            await self.dice.choice(self.steps)()

    async def wait(self, **timeout):
        self.waiting.append(asyncio.create_task(self.operation.call(**timeout)))

    async def wait_shortly(self):
        await self.wait(timeout=self.dice.choice([0, 1e-9, 1, 2]))

    async def let_time_pass(self):
        self.skip_ahead(self.dice.random())

    async def leave(self):
        if self.waiting:
            self.dice.choice(self.waiting).cancel()

    async def serve(self):
        unlimited = isinstance(self.operation, (Receive, Take, TakeBatch))
        if unlimited or not self.operation.is_ready():
            self.operation.serve()
            self.served += 1

    async def turn(self):
        await turns(self.dice.randrange(4))

    async def come_to_rest(self):
        """Let all who can go on do so, also those whose time is up."""
        self.skip_ahead(10)
        await turns(2 * len(self.waiting) + 5)

    async def end(self):
        for task in self.waiting:
            task.cancel()
        return await asyncio.gather(*self.waiting, return_exceptions=True)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", MOVING)
async def test_nobody_waits_for_what_is_there(runtime, kind, seed, skip_ahead):
    operation = await kind.prepare(runtime)
    before = operation.moved()
    play = Play(operation, skip_ahead, seed)
    for _ in range(5):
        await play.run(40)
        await play.come_to_rest()
        assert not (operation.is_ready() and any(not task.done() for task in play.waiting))
    ends = await play.end()
    broken_off = [end for end in ends if isinstance(end, BaseException)]
    assert all(isinstance(end, (asyncio.CancelledError, QueueTimeoutError)) for end in broken_off)
    gone_through = len(ends) - len(broken_off)
    assert operation.moved() - before == gone_through <= play.served
    assert operation.is_ready() == (play.served > gone_through)
    if operation.is_ready():
        await operation.call()
