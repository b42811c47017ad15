"""Calls a kernel step by step while signals come at random; then every number has to add up.

The first argument says what a signal does: it "raises" where it strikes, is only "counted", or
"cancels" the caller by way of the loop; at most one does so in a step. The second is the kernel:
"tough", which goes on, or "fragile", which ends and is launched again. The third seeds the moments.
"""

import asyncio
import faulthandler
import itertools
import json
import logging
import random
import signal
import sys
from pathlib import Path

from programs_for_tests import follow_tests

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.exceptions import KernelFailedError, KernelStateError, QueueEmptyError
from pydotcompute.testing import wait_until_idle

follow_tests()

STEPS = 20_000
STEPS_BETWEEN_RESTS = 200
LATE_SECONDS = 20


class Struck(BaseException):
    """Raised by the signal's handler, as KeyboardInterrupt may be."""


def is_asyncios(frame):
    """Asyncio, struck in code of its own, may lose callbacks, whoever's they are.

    Its set of tasks is a WeakSet, whose callbacks have nobody to raise to.
    """
    path = Path(frame.f_code.co_filename)
    return path.parent.name == "asyncio" or path.name in {"selectors.py", "_weakrefset.py"}


class Storm:
    """Signals at random moments, of which some do what was asked for."""

    def __init__(self, effect, seed):
        self.effect = effect
        self.random = random.Random(seed)  # noqa: S311 - moments
        self.left = 0
        self.is_over = self.is_striking = False
        self.signals = self.strikes = 0

    def begin(self):
        if self.effect == "cancels":
            loop, task = asyncio.get_running_loop(), asyncio.current_task()
            loop.add_signal_handler(signal.SIGALRM, self.cancel, task)
        else:
            signal.signal(signal.SIGALRM, self.strike)
        self.go_on()

    def end(self):
        self.is_over = True  # first: the handler may have a last signal still to come
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.left = 0

    def go_on(self):
        delay = self.random.uniform(5e-5, 6e-4)
        if not self.is_over:
            signal.setitimer(signal.ITIMER_REAL, delay)

    def strike(self, _number, frame):
        self.signals += 1
        may_raise = self.left > 0 and self.effect == "raises" and not is_asyncios(frame)
        may_raise = may_raise and not self.is_striking
        self.is_striking = True
        self.left -= may_raise
        self.strikes += may_raise
        self.go_on()
        self.is_striking = False
        if may_raise:
            raise Struck

    def cancel(self, task):
        self.signals += 1
        self.go_on()
        if self.left:
            self.left -= 1
            self.strikes += 1
            task.cancel()


class Play:
    """One caller of one kernel, who keeps account of what it knows."""

    def __init__(self, storm, kernel):
        self.storm = storm
        self.kernel = {"tough": self.tough, "fragile": self.fragile}[kernel]
        self.told = {"sends": 0, "receives": 0, "kernel": 0, "launches": 0}
        self.forget()

    def forget(self):
        """Begin anew, as a kernel just launched does."""
        self.sent, self.perhaps_sent = [], []
        self.replies, self.perhaps_received = [], 0
        self.kernel_strikes = 0
        self.doing = None

    async def tough(self, ctx):
        while True:
            try:
                await self.fragile(ctx)
            except Struck:
                self.kernel_strikes += 1
                await ctx.send(None)  # whoever waits for what was lost waits no more

    async def fragile(self, ctx):
        while True:
            message = await ctx.receive()
            if message % 70 == 0:
                await asyncio.sleep(0)  # not to be handed off from there
            await ctx.send(-message)

    async def run(self):
        self.me = asyncio.current_task()
        async with RingKernelRuntime(enable_telemetry=True) as self.runtime:
            await self.launch()
            self.storm.begin()
            try:
                for number in range(1, STEPS + 1):
                    await self.step(number)
                    if number % STEPS_BETWEEN_RESTS == 0:
                        await self.rest()
            finally:
                self.storm.end()
            await self.rest()
        assert asyncio.all_tasks() == {self.me}
        assert self.runtime.get_telemetry("k") is None

    async def launch(self):
        self.forget()
        self.told["launches"] += 1
        await self.runtime.launch("k", self.kernel)
        await self.runtime.activate("k")
        await asyncio.sleep(0)

    async def step(self, number):
        try:
            self.storm.left = 1
            await self.exchange(10 * number)
            self.storm.left = 0
        except (Struck, asyncio.CancelledError) as error:
            self.storm.left = 0
            self.note(error)
        except (KernelFailedError, KernelStateError):
            self.storm.left = 0
            await self.see_the_end()
        assert asyncio.current_task() is self.me

    async def exchange(self, number):
        """Ask once, or send five in a row and receive as many."""
        count = 5 if number % 40 == 0 else 1
        timeout = LATE_SECONDS if number % 30 == 0 else None
        for each in range(number, number + count):
            self.doing = "send", each
            await self.runtime.send("k", each)
            self.sent.append(each)
        for _ in range(count):
            self.doing = "receive", None
            self.replies.append(await self.runtime.receive("k", timeout=timeout))
        self.doing = None

    def note(self, error):
        """Note what a struck call may have moved; one that was cancelled has moved nothing."""
        (what, number), self.doing = self.doing or (None, None), None
        if isinstance(error, asyncio.CancelledError):
            self.me.uncancel()
        elif what == "send":
            self.told["sends"] += 1
            self.perhaps_sent.append(number)
        else:
            self.told["receives"] += 1
            self.perhaps_received += 1

    async def rest(self):
        """Wait until nothing is on its way, receive what is left and look at every number."""
        assert self.storm.left == 0
        await asyncio.sleep(0)
        if self.runtime.get_state("k") is not KernelState.ACTIVE:
            await self.see_the_end()
            return
        await wait_until_idle(self.runtime, "k")
        self.receive_the_rest()
        self.check()
        assert len(asyncio.all_tasks()) == 2
        await self.exchange(10 * STEPS + 10)
        self.check()
        self.told["kernel"] += self.kernel_strikes
        self.forget_what_was_checked()

    def receive_the_rest(self):
        while True:
            try:
                self.replies.append(self.runtime.receive_nowait("k"))
            except (QueueEmptyError, KernelStateError, KernelFailedError):
                return

    async def see_the_end(self):
        self.doing = None
        assert self.kernel == self.fragile
        self.receive_the_rest()
        state = self.runtime.get_state("k")
        assert state in (KernelState.FAILED, KernelState.TERMINATED), state
        self.kernel_strikes += 1
        self.check()
        self.told["kernel"] += 1
        await self.launch()

    def forget_what_was_checked(self):
        self.forget()
        self.runtime.reset_telemetry("k")

    def check(self):
        shown = self.runtime.get_telemetry("k")
        received = shown.messages_received
        assert received == (
            shown.messages_processed
            + shown.messages_unanswered
            + shown.messages_errored
            + shown.messages_discarded
            + shown.queue_depth
            + shown.in_flight
        ), shown
        assert shown.messages_sent == shown.replies_received + shown.output_depth, shown
        assert (shown.queue_depth, shown.output_depth) == (0, 0), shown
        sent, perhaps = len(self.sent), len(self.perhaps_sent)
        assert sent <= received <= sent + perhaps, (sent, perhaps, shown)
        got = len(self.replies)
        assert got <= shown.replies_received <= got + self.perhaps_received, (got, self, shown)
        self.check_replies(shown)

    def check_replies(self, shown):
        answers = [-reply for reply in self.replies if reply is not None]
        assert all(before < after for before, after in itertools.pairwise(answers)), answers
        assert set(answers) <= {*self.sent, *self.perhaps_sent}
        missing = set(self.sent) - set(answers)
        lost = shown.messages_unanswered + shown.messages_errored + shown.messages_discarded
        assert len(missing) <= self.perhaps_received + self.kernel_strikes + lost, missing
        assert self.kernel_strikes or lost == 0, shown
        assert shown.messages_unanswered + shown.messages_errored <= self.kernel_strikes, shown

    def report(self):
        return {"signals": self.storm.signals, "strikes": self.storm.strikes, **self.told}


def main():
    effect, kernel, seed = sys.argv[1:]
    faulthandler.dump_traceback_later(LATE_SECONDS, exit=True)
    logging.disable(logging.CRITICAL)
    play = Play(Storm(effect, int(seed)), kernel)
    asyncio.run(play.run())
    print(json.dumps(play.report()))


if __name__ == "__main__":
    main()
