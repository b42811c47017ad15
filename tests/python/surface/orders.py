"""Messages that tell a kernel, step by step, what to do, and kernels in every form that do it."""

from contextlib import suppress
from dataclasses import dataclass

from waiting_for_tests import at_once

from pydotcompute import message
from pydotcompute.exceptions import QueueFullTimeoutError, QueueTimeoutError
from pydotcompute.options import KernelExecution, KernelForm

USUAL_PRIORITY = 128
FORMS = ("loop", "blocking loop", "handler", "async handler")
SCRIPT_TEXTS = (
    "reply|reply|take_batch throw|replies|reply replies||mark|mark reply|reply mark"
    "|take reply replies|take_batch reply|take_batch mark replies|reply take try_reply"
    "|replies try_reply|throw|reply throw|mark throw_marked|take_batch throw"
    "|take_batch mark throw_marked|take_batch reply wind_down take|reply return"
)
SCRIPTS = [tuple(text.split()) for text in SCRIPT_TEXTS.split("|")]
STEPS = sorted({step for script in SCRIPTS for step in script})


@message
class Order:
    """What to do; replies to it name it."""

    number: int
    script: tuple[str, ...]


@dataclass(frozen=True)
class Note:
    """What to do, of no message class: replies to it name nothing."""

    number: int
    script: tuple[str, ...]


@message
class Answer:
    number: int
    part: int


@dataclass(frozen=True)
class Said:
    number: int
    part: int


def answer(order, part):
    """Make the n-th reply to an order."""
    if isinstance(order, Note):
        return Said(order.number, part)
    return order.reply(Answer, number=order.number, part=part)


class Obedience:
    """A loop that does what each order says.

    It notes which orders it took, and what it did without waiting, which nothing else may show.
    """

    def __init__(self, ctx, trace):
        self.ctx = ctx
        self.trace = trace

    async def run(self):
        while True:
            self.begin(await self.ctx.receive())
            for step in self.order.script:
                if step == "return":
                    return
                await getattr(self, step)()

    def begin(self, order):
        self.trace.append(order.number)
        self.order, self.part, self.error = order, 0, ValueError(order.number)

    async def reply(self):
        await self.ctx.send(answer(self.order, self.part + 1))
        self.part += 1

    async def replies(self):
        both = [answer(self.order, self.part + more) for more in (1, 2)]
        assert await self.ctx.send_batch(both) == 2
        self.part += 2

    async def try_reply(self):
        with suppress(QueueFullTimeoutError):
            await self.ctx.send(answer(self.order, self.part + 1), timeout=0)
            self.part += 1
        self.trace.append("tried")

    async def take(self):
        with suppress(QueueTimeoutError):
            self.trace.append((await self.ctx.receive(timeout=0)).number)
        self.trace.append("polled")

    async def take_batch(self):
        with suppress(QueueTimeoutError):
            batch = await self.ctx.receive_batch(2, timeout=0)
            self.trace.extend(order.number for order in batch)
        self.trace.append("polled")

    async def mark(self):
        self.error = ValueError(self.order.number)
        self.ctx.record_error(self.error)

    async def throw(self):
        raise ValueError(self.order.number)

    async def throw_marked(self):
        raise self.error

    async def wind_down(self):
        self.ctx.request_termination()


class Awaited:
    """A context whose calls block, for code that awaits them."""

    def __init__(self, ctx):
        self.ctx = ctx
        self.record_error = ctx.record_error
        self.request_termination = ctx.request_termination

    def __getattr__(self, name):
        async def call(*arguments, **options):
            return getattr(self.ctx, name)(*arguments, **options)

        return call


def steps_in(order, form):
    """Say what a kernel of some form makes of an order, in steps that move one reply at most."""
    if "handler" not in form:
        alone = (("reply",) * 2 if step == "replies" else (step,) for step in order.script)
        return [step for steps in alone for step in steps]
    if "throw" in order.script:
        return ["fail"]
    return ["reply"] if "reply" in order.script else []


def handle(order, trace):
    """Give what a handler gives for an order."""
    trace.append(order.number)
    steps = steps_in(order, "handler")
    if "fail" in steps:
        raise ValueError(order.number)
    return answer(order, 1) if steps else None


def kernel_in(form, trace):
    """Make a kernel function, and the form that a launch names."""

    async def loop(ctx):
        await Obedience(ctx, trace).run()

    def blocking_loop(ctx):
        at_once(Obedience(Awaited(ctx), trace).run())

    def handler(order):
        return handle(order, trace)

    async def async_handler(order):
        return handle(order, trace)

    functions = dict(zip(FORMS, (loop, blocking_loop, handler, async_handler), strict=True))
    return functions[form], KernelForm.HANDLER if "handler" in form else KernelForm.LOOP


def can_run(form, execution):
    return form != "blocking loop" or execution is KernelExecution.THREAD
