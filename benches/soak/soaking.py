"""Rounds of traffic and rest, and what happens to kernels in and between them."""

import asyncio
import logging
import random
from functools import partial

from callers import Callers
from kernels import KERNELS, Job
from truth import Truth
from watching import Reader, broken_equations

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.runtime import parts as runtime_parts
from pydotcompute.testing import wait_until_idle

FIRST = 2**32 - 20
TRAFFIC_SECONDS = 0.9
QUEUE_SIZE = 64
COUNTED = {*Truth(first=0, drops=False, replies=True).expected()} - {
    "queue_depth",
    "in_flight",
    "output_depth",
    "replies_discarded",  # which happens at the next launch, whose counts are shown then
}
ENDED = (KernelState.TERMINATED, KernelState.FAILED)


class Soak:
    """A runtime whose kernels are put under load and faults, and checked at rest."""

    def __init__(self, seed):
        self.dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self.truths = {}
        self.callers = {}
        self.earlier_processed = dict.fromkeys((soaked.id for soaked in KERNELS), 0)
        self.earlier_errors = dict(self.earlier_processed)
        self.faults = []
        self.checks = self.launches = self.messages_before = 0
        self.past_2_32 = set()

    async def __aenter__(self):
        logging.getLogger("pydotcompute").setLevel(logging.CRITICAL + 1)
        mailbox = partial(runtime_parts.ObjectMailbox, first_count=FIRST)
        runtime_parts.ObjectMailbox = mailbox
        self.runtime = RingKernelRuntime(enable_telemetry=True, default_queue_size=QUEUE_SIZE)
        for soaked in KERNELS:
            self.callers[soaked.id] = Callers(self.runtime, soaked, self.truths, self.dice)
            await self.launch(soaked)
        self.reader = Reader(self.runtime)
        self.reader.start()
        return self

    async def __aexit__(self, *error):
        self.reader.stop()
        self.faults += self.reader.faults
        await self.runtime.terminate_all(timeout=0)
        await self.runtime.shutdown()

    @property
    def messages(self):
        """Count the messages accepted so far."""
        return self.messages_before + sum(truth.accepted for truth in self.truths.values())

    @property
    def readings(self):
        return self.reader.readings

    async def one_round(self):
        """Make traffic for a second, then rest, check, and do what is only done at rest."""
        for callers in self.callers.values():
            callers.start()
        await self.disturb(asyncio.get_running_loop().time() + TRAFFIC_SECONDS)
        await self.rest()
        self.check()
        actions = (self.leave_alone, self.reset, self.end_full, self.drain)
        for soaked in KERNELS:
            await self.dice.choice(actions)(soaked)
        if self.dice.random() < 0.1:
            self.reset_all()
        self.check()
        for soaked in KERNELS:
            await self.launch_again(soaked)

    # Between rounds.

    async def launch(self, soaked):
        options = soaked.options
        truth = Truth(
            first=FIRST,
            drops=options.get("backpressure") == "drop",
            replies=options.get("replies", True),
        )
        await self.runtime.launch(soaked.id, soaked.code(truth), **options)
        self.truths[soaked.id] = truth
        await self.runtime.activate(soaked.id)
        self.launches += 1

    async def launch_again(self, soaked):
        """Launch a kernel anew where it has ended."""
        if self.runtime.get_state(soaked.id) not in ENDED:
            return
        await self.account_end(soaked)
        self.check_kernel(soaked.id)
        ended = self.truths[soaked.id]
        self.messages_before += ended.accepted
        expected = ended.expected()
        self.earlier_processed[soaked.id] += expected["messages_processed"]
        self.earlier_errors[soaked.id] += expected["errors"]
        await self.launch(soaked)

    async def account_end(self, soaked):
        truth = self.truths[soaked.id]
        await self.callers[soaked.id].end_of_batches(truth)
        self.callers[soaked.id].receive_all()
        truth.end(has_failed=self.runtime.get_state(soaked.id) is KernelState.FAILED)

    # In mid-traffic.

    async def disturb(self, until):
        loop = asyncio.get_running_loop()
        while loop.time() < until:
            await asyncio.sleep(self.dice.random() * 0.01)
            soaked = self.dice.choice(KERNELS)
            action = self.dice.choice((self.pause, self.go_on, self.go_on, self.end_busy))
            await action(soaked)
            await self.launch_again_if_exact(soaked)

    async def pause(self, soaked):
        if self.runtime.get_state(soaked.id) is KernelState.ACTIVE:
            await self.runtime.deactivate(soaked.id)

    async def go_on(self, soaked):
        if self.runtime.get_state(soaked.id) is KernelState.DEACTIVATED:
            await self.runtime.reactivate(soaked.id)

    async def end_busy(self, soaked):
        if not soaked.ends_at_rest_only and self.dice.random() < 0.2:
            drain = self.dice.random() < 0.3
            timeout = self.dice.choice((0, 0.002, 0.05))
            await self.runtime.terminate(soaked.id, timeout=timeout, drain=drain)

    async def launch_again_if_exact(self, soaked):
        if not soaked.ends_at_rest_only:
            await self.launch_again(soaked)

    # At rest.

    async def rest(self):
        """Let callers come to their end, and kernels to that of their work."""
        for soaked in KERNELS:
            await self.go_on(soaked)
        await asyncio.gather(*(callers.stop() for callers in self.callers.values()))
        await self.come_to_rest()

    async def come_to_rest(self):
        found = 1
        while found:
            await wait_until_idle(self.runtime, timeout=30)
            found = sum(callers.receive_all() for callers in self.callers.values())
        for soaked in KERNELS:
            truth = self.truths[soaked.id]
            if self.runtime.get_state(soaked.id) in ENDED:
                await self.account_end(soaked)
            else:
                truth.settle()

    async def leave_alone(self, soaked):
        """Leave it running."""

    async def fill(self, soaked):
        """Leave replies in the output queue and, behind a pause, messages in the input queue."""
        if self.runtime.get_state(soaked.id) in ENDED:
            return
        callers = self.callers[soaked.id]
        for _ in range(self.dice.randrange(6)):
            callers.send_nowait(Job(action="answer"))
        await wait_until_idle(self.runtime, soaked.id, timeout=30)
        await self.pause(soaked)
        for _ in range(self.dice.randrange(6)):
            callers.send_nowait(Job(action="answer"))

    async def reset(self, soaked):
        await self.fill(soaked)
        self.check_kernel(soaked.id)
        self.runtime.reset_telemetry(soaked.id)
        self.note_reset(soaked.id)
        self.check_kernel(soaked.id)
        await self.go_on(soaked)
        await self.come_to_rest()

    def reset_all(self):
        self.runtime.reset_telemetry()
        for soaked in KERNELS:
            self.note_reset(soaked.id)

    def note_reset(self, kernel_id):
        truth = self.truths[kernel_id]
        accepted = truth.accepted
        truth.reset()
        self.messages_before += accepted - truth.accepted
        self.earlier_processed[kernel_id] = self.earlier_errors[kernel_id] = 0

    async def end_full(self, soaked):
        """End a kernel that has not handled all its messages, and replies nobody received."""
        await self.fill(soaked)
        await self.runtime.terminate(soaked.id, timeout=self.dice.choice((0, 0.05)))
        await self.account_end(soaked)

    async def drain(self, soaked):
        await self.fill(soaked)
        await self.go_on(soaked)
        await self.runtime.terminate(soaked.id, drain=True)
        await self.account_end(soaked)

    # Checks.

    def check(self):
        self.checks += 1
        for soaked in KERNELS:
            self.check_kernel(soaked.id)
        summary = self.runtime.get_summary()
        expected = [truth.expected() for truth in self.truths.values()]
        running = [s for s in KERNELS if self.runtime.get_state(s.id) not in ENDED]
        self.compare("summary", "kernel_count", summary["kernel_count"], len(running))
        processed = sum(self.earlier_processed.values())
        processed += sum(counts["messages_processed"] for counts in expected)
        self.compare("summary", "total_messages", summary["total_messages"], processed)
        errors = sum(self.earlier_errors.values()) + sum(counts["errors"] for counts in expected)
        self.compare("summary", "total_errors", summary["total_errors"], errors)

    def check_kernel(self, kernel_id):
        """Compare what telemetry shows of a kernel that stands still with what was counted."""
        shown = self.runtime.get_telemetry(kernel_id)
        self.faults += [f"{kernel_id}: {broken}" for broken in broken_equations(shown)]
        truth = self.truths[kernel_id]
        for name, expected in truth.expected().items():
            value = getattr(shown, name)
            self.compare(kernel_id, name, value, expected)
            first = truth.first_of(name) if name in COUNTED else 0
            if first and value >> 32 > first >> 32:
                self.past_2_32.add(name)

    def compare(self, who, name, shown, expected):
        if shown != expected:
            self.faults.append(f"{who}: {name} is {shown}, not {expected}")

    def not_past_two_to_the_32nd(self):
        """Name the counts that no kernel brought past 2**32."""
        return sorted(COUNTED - self.past_2_32)
