"""A runtime under random orders and faults, against a model of plain integers and lists."""

import asyncio
import logging
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.exceptions import (
    KernelFailedError,
    KernelStateError,
    QueueEmptyError,
    QueueFullError,
)
from pydotcompute.telemetry import CallerLedger, audit
from pydotcompute.testing import wait_until_idle

INPUT, OUTPUT = 12, 8
HARMLESS = ("answer", "answer", "answer", "skip", "twice", "mark", "mark and answer")
FATAL = ("raise", "mark and raise", "return")
REPLIES = {"answer": 1, "twice": 2, "mark and answer": 1}


async def obey(ctx):
    """Do what each message says."""
    while True:
        action = await ctx.receive()
        error = ValueError(action)
        if action.startswith("mark"):
            ctx.record_error(error)
        for _ in range(REPLIES.get(action, 0)):
            await ctx.send(action)
        if action.endswith("raise"):
            raise error
        if action == "return":
            return


@dataclass
class Model:
    """One incarnation of a kernel that obeys, counted with integers since the last reset."""

    drops: bool
    state: str = "launched"
    queue: list[str] = field(default_factory=list)
    doing: str | None = None
    to_reply: int = 0
    ended: bool = False  # whether `doing` has ended already, by its first reply
    left: list[bool] = field(default_factory=list)  # unanswered ones: left since the reset?
    output: int = 0
    received: int = 0
    sent: int = 0
    processed: int = 0
    unanswered: int = 0
    errored: int = 0
    dropped: int = 0
    discarded: int = 0
    rejected: int = 0
    errors: int = 0

    @property
    def over(self):
        return self.state in ("terminated", "failed")

    @property
    def in_flight(self):
        return int(self.doing is not None and not self.ended)

    def send(self, action):
        full = len(self.queue) == INPUT
        if full and not self.drops:
            self.rejected += 1
            return
        if full:
            self.queue.pop(0)
            self.dropped += 1
        self.queue.append(action)
        self.received += 1

    def run(self):
        """Go on until there is nothing to do, or no room for a reply."""
        while not self.over and not (self.doing and self.to_reply and self.is_full):
            if self.doing is None:
                if not self.queue or self.state != "active":
                    return
                self.begin(self.queue.pop(0))
            elif self.to_reply:
                self.reply()
            else:
                self.finish()

    @property
    def is_full(self):
        return self.output == OUTPUT

    def begin(self, action):
        self.doing, self.ended, self.to_reply = action, False, REPLIES.get(action, 0)
        self.errors += action.startswith("mark")

    def reply(self):
        self.to_reply -= 1
        self.output += 1
        self.sent += 1
        if not self.ended:
            self.ended = True
            self.errored += self.doing.startswith("mark")
            self.processed += not self.doing.startswith("mark")
        elif self.left and self.left.pop(0):
            self.unanswered -= 1
            self.processed += 1

    def finish(self):
        action, self.doing = self.doing, None
        if action.endswith("raise"):
            self.errors += not action.startswith("mark")
            self.errored += 1
            self.end("failed")
        elif action == "mark":
            self.errored += 1
        elif not self.ended:
            self.unanswered += 1
            self.left.append(True)
        if action == "return":
            self.end("terminated")

    def end(self, state):
        self.discarded += len(self.queue) + self.in_flight
        self.queue, self.doing, self.state = [], None, state

    def terminate(self):
        if self.state != "launched":
            self.state = "active"
            self.run()
        if not self.over:
            self.end("terminated")

    def reset(self):
        self.received = len(self.queue) + self.in_flight
        self.sent = self.output
        self.left = [False] * len(self.left)
        for name in ("processed", "unanswered", "errored", "dropped", "discarded"):
            setattr(self, name, 0)
        self.rejected = self.errors = 0


class Conservation(RuleBasedStateMachine):
    """Three kernels, two strategies; after every step every count is the model's."""

    kernels = st.sampled_from(["a", "b", "c"])

    def __init__(self):
        super().__init__()
        logging.getLogger("pydotcompute").setLevel(logging.CRITICAL)
        self.runner = asyncio.Runner()
        self.runtime = RingKernelRuntime(enable_telemetry=True)
        self.models: dict[str, Model] = {}
        self.earlier = {"processed": 0, "errors": 0}

    def do(self, operation):
        async def then_rest():
            await operation
            await wait_until_idle(self.runtime)

        self.runner.run(then_rest())
        for model in self.models.values():
            model.run()

    def live(self, kernel, *states):
        return kernel in self.models and self.models[kernel].state in states

    @initialize()
    def launch_one(self):
        self.launch("a", drops=False)

    @rule(kernel=kernels, drops=st.booleans())
    def launch(self, kernel, drops):
        before = self.models.get(kernel)
        if before is not None and not before.over:
            return
        if before is not None:
            self.earlier["processed"] += before.processed
            self.earlier["errors"] += before.errors
        self.models[kernel] = Model(drops)
        strategy = "drop" if drops else "block"
        self.do(
            self.runtime.launch(
                kernel, obey, queue_size=INPUT, output_queue_size=OUTPUT, backpressure=strategy
            )
        )

    @rule(kernel=kernels)
    def switch(self, kernel):
        moves = {"launched": "active", "active": "deactivated", "deactivated": "active"}
        calls = {"launched": "activate", "active": "deactivate", "deactivated": "reactivate"}
        if kernel in self.models and not self.models[kernel].over:
            model = self.models[kernel]
            call = getattr(self.runtime, calls[model.state])
            model.state = moves[model.state]
            self.do(call(kernel))

    @rule(kernel=kernels, actions=st.lists(st.sampled_from(HARMLESS), max_size=30))
    def send(self, kernel, actions):
        if self.live(kernel, "launched", "active", "deactivated"):
            self.do(self.send_all(kernel, actions))

    @rule(kernel=kernels, action=st.sampled_from(FATAL))
    def send_fatal(self, kernel, action):
        if self.live(kernel, "launched", "active", "deactivated"):
            self.do(self.send_all(kernel, [action]))

    async def send_all(self, kernel, actions):
        model = self.models[kernel]
        for action in actions:
            accepted = model.received
            model.send(action)
            if model.received > accepted:
                self.runtime.send_nowait(kernel, action)
                continue
            with pytest.raises(QueueFullError):
                self.runtime.send_nowait(kernel, action)

    @rule(kernel=kernels, count=st.integers(1, 20))
    def receive(self, kernel, count):
        if kernel in self.models:
            self.do(self.receive_some(kernel, count))

    async def receive_some(self, kernel, count):
        model = self.models[kernel]
        for _ in range(count):
            if not model.output:
                with pytest.raises((QueueEmptyError, KernelStateError, KernelFailedError)):
                    self.runtime.receive_nowait(kernel)
                return
            self.runtime.receive_nowait(kernel)
            model.output -= 1

    @rule(kernel=kernels)
    def terminate(self, kernel):
        if kernel in self.models and not self.models[kernel].over:
            self.models[kernel].terminate()
            self.do(self.runtime.terminate(kernel, timeout=0))

    @rule(kernel=kernels)
    def reset(self, kernel):
        if kernel in self.models:
            self.runtime.reset_telemetry(kernel)
            self.models[kernel].reset()

    @precondition(lambda self: len(self.models) > 1)
    @rule()
    def reset_all(self):
        self.runtime.reset_telemetry()
        for model in self.models.values():
            model.reset()

    @invariant()
    def every_count_is_the_models(self):
        for kernel, model in self.models.items():
            t = self.runtime.get_telemetry(kernel)
            assert t.state == model.state
            assert (t.messages_received, t.messages_sent) == (model.received, model.sent)
            assert t.messages_processed == model.processed
            assert t.messages_unanswered == model.unanswered
            assert (t.errors, t.messages_errored) == (model.errors, model.errored)
            assert (t.messages_dropped, t.messages_rejected) == (model.dropped, model.rejected)
            assert t.messages_discarded == model.discarded
            assert (t.queue_depth, t.in_flight) == (len(model.queue), model.in_flight)
            assert t.output_depth == model.output

    @invariant()
    def every_message_is_conserved(self):
        shown = self.runtime.get_all_telemetry().values()
        accepted = sum(model.received for model in self.models.values())
        received = sum(model.sent - model.output for model in self.models.values())
        result = audit(shown, CallerLedger(accepted, received))
        assert result.is_balanced, str(result)

    def teardown(self):
        self.runner.run(self.runtime.terminate_all(timeout=0))
        self.runner.close()
        logging.getLogger("pydotcompute").setLevel(logging.NOTSET)


Conservation.TestCase.settings = settings(
    max_examples=300,
    stateful_step_count=60,
    suppress_health_check=[HealthCheck.too_slow],
)
TestConservation = Conservation.TestCase


async def test_a_hundred_thousand_messages_under_random_faults_are_all_accounted_for(caplog):
    caplog.set_level(logging.CRITICAL, logger="pydotcompute")
    dice = random.Random(20)  # noqa: S311 - reproducible, not secret
    totals = dict.fromkeys(("accepted", "processed", "errors"), 0)
    models = {f"k{number}": Model(drops=number % 2 == 1) for number in range(4)}
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        while totals["accepted"] < 100_000:
            for kernel, model in models.items():
                await relaunch_where_over(runtime, kernel, model, totals)
                await burst(runtime, kernel, model, dice, totals)
        await wait_until_idle(runtime)
        for model in models.values():
            model.run()
        shown = runtime.get_all_telemetry()
        for kernel, model in models.items():
            assert_like(shown[kernel], model)
        summary = runtime.get_summary()
        models_processed = sum(model.processed for model in models.values())
        assert summary["total_messages"] == totals["processed"] + models_processed
        models_errors = sum(model.errors for model in models.values())
        assert summary["total_errors"] == totals["errors"] + models_errors
        await runtime.terminate_all(timeout=0)
    assert totals["errors"] > 100


def assert_like(t, model):
    assert t.state == model.state
    assert (t.messages_received, t.messages_sent) == (model.received, model.sent)
    assert (t.messages_processed, t.messages_unanswered) == (model.processed, model.unanswered)
    assert (t.messages_errored, t.errors) == (model.errored, model.errors)
    assert (t.messages_dropped, t.messages_discarded) == (model.dropped, model.discarded)
    assert (t.messages_rejected, t.queue_depth) == (model.rejected, len(model.queue))
    assert (t.in_flight, t.output_depth) == (model.in_flight, model.output)


async def relaunch_where_over(runtime, kernel, model, totals):
    if kernel in runtime.kernel_ids:
        return
    if model.over:
        assert_like(runtime.get_telemetry(kernel), model)
        totals["processed"] += model.processed
        totals["errors"] += model.errors
        model.__init__(model.drops)
    strategy = "drop" if model.drops else "block"
    await runtime.launch(
        kernel, obey, queue_size=INPUT, output_queue_size=OUTPUT, backpressure=strategy
    )
    await runtime.activate(kernel)
    model.state = KernelState.ACTIVE.value


async def burst(runtime, kernel, model, dice, totals):
    """Send some messages, let the kernel come to rest, receive some replies."""
    for _ in range(dice.randrange(2 * INPUT)):
        action = dice.choice(FATAL if dice.random() < 0.01 else HARMLESS)
        before = model.received
        model.send(action)
        totals["accepted"] += model.received - before
        if model.received > before:
            runtime.send_nowait(kernel, action)
        else:
            with pytest.raises(QueueFullError):
                runtime.send_nowait(kernel, action)
    await wait_until_idle(runtime, kernel)
    model.run()
    for _ in range(dice.randrange(model.output + 1)):
        runtime.receive_nowait(kernel)
        model.output -= 1
    await wait_until_idle(runtime, kernel)
    model.run()
