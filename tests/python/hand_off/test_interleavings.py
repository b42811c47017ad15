"""No interleaving of sends, receives, cancellations and timeouts loses a wake-up or a message."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from kernels_for_tests import turns

from pydotcompute import RingKernelRuntime
from pydotcompute.exceptions import QueueEmptyError, QueueTimeoutError
from pydotcompute.testing import wait_until_idle

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["send", "receive", "ask", "cancel", "cancel a child", "turn", "pause", "resume"]
        ),
        st.integers(0, 3),
    ),
    max_size=60,
)


class Play:
    """Callers, a kernel and its children, of which any may wait for a message or be cancelled."""

    def __init__(self, runtime):
        self.runtime = runtime
        self.sent, self.received, self.cancelled = 0, [], 0
        self.tasks, self.children = [], []
        self.timeout = None

    async def kernel(self, ctx):
        self.children = [asyncio.create_task(self.child(ctx)) for _ in range(2)]
        while True:
            try:
                message = await ctx.receive(timeout=self.timeout)
            except QueueTimeoutError:
                continue
            if message % 3 == 0:
                await asyncio.sleep(0)
            await ctx.send(message)

    async def child(self, ctx):
        await turns(3)
        while True:
            message = await ctx.receive()
            try:
                await ctx.send(message)
            except asyncio.CancelledError:
                await ctx.send(message)
                raise

    async def receive(self):
        self.received.append(await self.runtime.receive("k"))

    async def ask(self):
        await self.send()
        await self.receive()

    async def send(self):
        self.sent += 1
        await self.runtime.send("k", self.sent)

    async def step(self, name, number):
        match name:
            case "send":
                await self.send()
            case "receive":
                self.tasks.append(asyncio.create_task(self.receive()))
            case "ask":
                self.tasks.append(asyncio.create_task(self.ask()))
            case "cancel" if self.tasks:
                self.tasks[number % len(self.tasks)].cancel()
            case "cancel a child" if self.children:
                self.children[number % len(self.children)].cancel()
            case "turn":
                await turns(number)
            case "pause" if self.runtime.get_state("k") == "active":
                await self.runtime.deactivate("k")
            case "resume" if self.runtime.get_state("k") == "deactivated":
                await self.runtime.reactivate("k")

    async def end(self):
        """Wait until the kernel has nothing to do; callers that still wait get nothing."""
        await self.step("resume", 0)
        await turns(10)
        await asyncio.wait_for(wait_until_idle(self.runtime, "k"), 10)
        await turns(10)
        waiting = [task for task in self.tasks if not task.done()]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        left = []
        while True:
            try:
                left.append(self.runtime.receive_nowait("k"))
            except QueueEmptyError:
                return bool(waiting), left


async def play(steps, timeout, hand_off):
    async with RingKernelRuntime(enable_telemetry=True, hand_off=hand_off) as runtime:
        playing = Play(runtime)
        playing.timeout = timeout
        await runtime.launch("k", playing.kernel, queue_size=100)
        await runtime.activate("k")
        for name, number in steps:
            await playing.step(name, number)
        was_waiting, left = await playing.end()
        telemetry = runtime.get_telemetry("k")
        assert not (was_waiting and left), "a caller waited for a reply that was there"
        assert telemetry.queue_depth == 0
        assert len(set(playing.received + left)) == len(playing.received) + len(left)
        assert telemetry.messages_sent == len(playing.received) + len(left)
        assert telemetry.messages_received == telemetry.messages_sent
        for child in playing.children:
            child.cancel()
        await asyncio.gather(*playing.children, return_exceptions=True)


@given(STEPS, st.sampled_from([None, 0, 0.0001, 30]), st.booleans())
@settings(max_examples=150)
def test_every_message_sent_is_answered_and_every_reply_reaches_whoever_waits(
    steps, timeout, hand_off
):
    asyncio.run(play(steps, timeout, hand_off))
