"""Waiters at every end, served and cancelled in random turns, against plain lists."""

import asyncio

from cancelling_for_tests import balance
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels_for_tests import counts, start_puppet, turns
from waiting_for_tests import at_once

from pydotcompute import MessageQueue, RingKernelRuntime, message
from pydotcompute.exceptions import KernelStateError, QueueTimeoutError

ROOM = 2
SOME_TURNS = st.tuples(st.just("let_run"), st.integers(0, 3))

quick = settings(max_examples=150, deadline=None)


def has_gone_through(task):
    return task.done() and not task.cancelled() and task.exception() is None


class Lines:
    """Who came to each end, in order; a subclass says what they do there."""

    ends = ()

    def __init__(self):
        self.lines = {end: [] for end in self.ends}
        self.tag = 0

    async def play(self, steps):
        for name, *arguments in steps:
            await getattr(self, name)(*arguments)
            self.check()
        await self.rest()
        waiting = [task for line in self.lines.values() for task in line if not task.done()]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        self.check()

    async def begin(self, end):
        self.tag += 1
        task = asyncio.create_task(self.call(end, self.tag))
        task.tag = self.tag
        self.lines[end].append(task)

    async def cancel(self, end, place):
        waiting = [task for task in self.lines[end] if not task.done()]
        if waiting:
            waiting[place % len(waiting)].cancel()

    async def let_run(self, count):
        await turns(count)

    async def rest(self):
        await turns(5 + 3 * sum(len(line) for line in self.lines.values()))
        self.check_rest()

    def waits(self, end):
        return any(not task.done() for task in self.lines[end])

    def put_at(self, end):
        return [task.tag for task in self.lines[end] if has_gone_through(task)]

    def got_at(self, end):
        return [task.result() for task in self.lines[end] if has_gone_through(task)]

    def check_queue(self, put, got, depth):
        """Check that what was got is what was put, first come first served, and the rest there."""
        tags = self.put_at(put)
        taken = self.got_at(got)
        assert taken == tags[: len(taken)]
        assert depth == len(tags) - len(taken)

    def check_nobody_waits_for_what_is_there(self, put, got, depth):
        assert not (depth > 0 and self.waits(got))
        assert not (depth < ROOM and self.waits(put))


def steps_at(ends, *others):
    """Make lists of steps at these ends."""
    chosen = st.sampled_from(ends)
    begin = st.tuples(st.just("begin"), chosen)
    cancel = st.tuples(st.just("cancel"), chosen, st.integers(0, 5))
    rest = st.just(("rest",))
    return st.lists(st.one_of(begin, begin, cancel, SOME_TURNS, rest, *others), max_size=60)


class QueueLines(Lines):
    """Those who put into a queue and get from it."""

    ends = ("put", "get")

    def __init__(self):
        super().__init__()
        self.queue = MessageQueue(ROOM)

    def call(self, end, tag):
        return self.queue.put(tag) if end == "put" else self.queue.get()

    def check(self):
        self.check_queue("put", "get", self.queue.size)

    def check_rest(self):
        self.check_nobody_waits_for_what_is_there("put", "get", self.queue.size)


@quick
@given(steps_at(QueueLines.ends))
def test_a_queue_keeps_order_and_loses_nothing(steps):
    asyncio.run(QueueLines().play(steps))


class KernelLines(Lines):
    """Callers and a kernel's tasks at the four ends of a mailbox."""

    ends = ("send", "take", "reply", "receive")

    def __init__(self, runtime, ctx):
        super().__init__()
        self.runtime = runtime
        self.ctx = ctx

    def call(self, end, tag):
        calls = {
            "send": lambda: self.runtime.send("k", tag),
            "take": self.ctx.receive,
            "reply": lambda: self.ctx.send(tag),
            "receive": lambda: self.runtime.receive("k"),
        }
        return calls[end]()

    async def pause(self):
        if self.ctx.is_active:
            await self.runtime.deactivate("k")
        else:
            await self.runtime.reactivate("k")

    def check(self):
        shown = counts(self.runtime)
        self.check_queue("send", "take", shown.get("queue_depth", 0))
        self.check_queue("reply", "receive", shown.get("output_depth", 0))
        accepted, received = len(self.put_at("send")), len(self.got_at("receive"))
        balance(self.runtime, accepted=accepted, received=received)

    def check_rest(self):
        shown = counts(self.runtime)
        depth = shown.get("queue_depth", 0)
        if self.ctx.is_active or depth == 0:
            self.check_nobody_waits_for_what_is_there("send", "take", depth)
        depth = shown.get("output_depth", 0)
        self.check_nobody_waits_for_what_is_there("reply", "receive", depth)


@quick
@given(steps_at(KernelLines.ends, st.just(("pause",))))
def test_a_kernel_keeps_order_and_loses_nothing(steps):
    async def main():
        async with RingKernelRuntime(enable_telemetry=True) as runtime:
            sizes = {"queue_size": ROOM, "output_queue_size": ROOM}
            puppet = await start_puppet(runtime, **sizes)
            await KernelLines(runtime, puppet.ctx).play(steps)
            await runtime.terminate("k", timeout=0)

    asyncio.run(main())


@message
class Ask:
    number: int


@message
class Answer:
    number: int


class Exchanges(Lines):
    """Callers that wait for their own replies, and receivers that take any other."""

    ends = ("ask", "ask once", "ask again", "receive")

    def __init__(self, runtime, ctx):
        super().__init__()
        self.runtime = runtime
        self.ctx = ctx
        self.asked = []
        self.replies = []

    def call(self, end, tag):
        if end == "receive":
            return self.runtime.receive("k")
        if end != "ask again" or not self.asked:
            self.asked.append(Ask(tag))
        timeout = 0 if end == "ask once" else None
        return self.runtime.send_and_receive("k", self.asked[-1], timeout=timeout)

    async def begin(self, end):
        await super().begin(end)
        self.lines[end][-1].asked = self.asked[-1].message_id if end != "receive" else None

    async def answer(self, which):
        """Reply to some message, as often as one likes, or to one that nobody sent."""
        asked = self.asked[which % len(self.asked)] if self.asked and which else Ask(0)
        self.reply(asked.reply(Answer, number=asked.number))

    async def say(self):
        self.reply(object())

    def reply(self, reply):
        at_once(self.ctx.send(reply))
        self.replies.append(reply)

    def left(self):
        """List the replies that nobody has got yet."""
        got = [id(reply) for end in self.ends for reply in self.got_at(end)]
        assert len(got) == len(set(got))
        left = [reply for reply in self.replies if id(reply) not in got]
        assert len(left) == len(self.replies) - len(got)
        return left

    def check(self):
        shown = counts(self.runtime)
        left = self.left()
        assert shown.get("output_depth", 0) == len(left)
        received = len(self.replies) - len(left)
        balance(self.runtime, accepted=shown.get("received", 0), received=received)
        for end in self.ends[:3]:
            for task in self.lines[end]:
                if has_gone_through(task):
                    assert getattr(task.result(), "correlation_id", task.asked) == task.asked

    def check_rest(self):
        """Nobody waits for what it may take: a receiver for any reply, a caller for its own.

        A reply that names no message is for whoever came first.
        """
        left = self.left()
        waiting = [task.asked for end in self.ends for task in self.lines[end] if not task.done()]
        assert not (left and None in waiting)
        for reply in left:
            named = getattr(reply, "correlation_id", None)
            assert not waiting or (named is not None and named not in waiting)


@quick
@given(
    steps_at(
        Exchanges.ends,
        st.tuples(st.just("answer"), st.integers(0, 6)),
        st.just(("say",)),
    )
)
def test_exchanges_lose_nothing_and_give_each_caller_its_own(steps):
    async def main():
        async with RingKernelRuntime(enable_telemetry=True) as runtime:
            puppet = await start_puppet(runtime)
            exchanges = Exchanges(runtime, puppet.ctx)
            await exchanges.play(steps)
            last = [runtime.receive("k"), runtime.send_and_receive("k", Ask(0))]
            left = len(exchanges.left())
            told = [asyncio.create_task(call) for call in last]
            await turns(3)
            await runtime.terminate("k", timeout=0)
            async with asyncio.timeout(5):
                ends = await asyncio.gather(*told, return_exceptions=True)
            assert left or all(type(end) is KernelStateError for end in ends)
        outcomes = [task for line in exchanges.lines.values() for task in line]
        failed = {type(task.exception()) for task in outcomes if not task.cancelled()}
        assert failed <= {type(None), QueueTimeoutError}

    asyncio.run(main())
