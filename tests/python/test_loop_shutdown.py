"""A loop that ends while somebody waits: no hang, no noise, and every count still adds up."""

import asyncio

import pytest
from cancelling_for_tests import balance
from exchanges_for_tests import IN_ORDER, OWN
from handlers_for_tests import HANDLERS
from kernels_for_tests import counts, deaf, echo, slow, start, start_puppet, turns
from operations_for_tests import MOVING, WAITING, Get, Put, managed, scope
from waiting_for_tests import Take, WaitActive

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.testing import wait_until_idle

OVER = KernelState.TERMINATED


def run(program):
    """Run a program as asyncio.run() does, and check that it ended without leftovers or noise."""
    complaints = []
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        result = runner.run(program)
    assert complaints == []
    assert asyncio.all_tasks(loop) == set()
    return result


class Left:
    """What a program leaves behind that ends while others wait."""

    def __init__(self, runtime):
        self.runtime = runtime
        self.tasks = []

    def begin(self, *coroutines):
        self.tasks += [asyncio.create_task(coroutine) for coroutine in coroutines]

    def check(self, *, cancelled=True):
        """Check that all have ended, by a cancellation where `cancelled`, and that all adds up."""
        assert all(task.done() for task in self.tasks)
        if cancelled:
            assert {task.cancelled() for task in self.tasks} == {True}
        check(self.runtime)


def check(runtime):
    """Check that the kernel has ended, and that what it and its callers counted adds up."""
    shown = counts(runtime)
    received = shown.get("replies_received", 0)
    balance(runtime, accepted=shown.get("received", 0), received=received)
    assert shown.get("queue_depth", 0) == shown.get("in_flight", 0) == 0
    assert runtime.get_state("k") is OVER


def end_while(wait):
    """Run a program that ends when `wait` has begun everything."""

    async def main():
        left = Left(RingKernelRuntime(enable_telemetry=True))
        await wait(left)
        return left

    return run(main())


@pytest.mark.parametrize("kind", WAITING)
@pytest.mark.parametrize("served", [False, True])
def test_waiting_operations_are_cancelled_and_moved_nothing(kind, served):
    async def main():
        runtime = RingKernelRuntime(enable_telemetry=True)
        operation = await kind.prepare(runtime)
        line = [operation.begin("new") for _ in range(3)]
        await turns(3)
        before = operation.moved()
        if served:
            operation.serve()
        return runtime, operation, line, before

    runtime, operation, line, before = run(main())
    assert all(task.done() for task in line)
    through = [task for task in line if not task.cancelled()]  # the loop's last turn serves some
    assert len(through) <= (3 if kind is WaitActive else 1) * served
    if kind in MOVING and not isinstance(operation, Take):  # what is taken shows no more
        assert operation.moved() - before == len(through)
    if kind not in (Put, Get):
        check(runtime)


@pytest.mark.parametrize(("make", "kernel"), [*OWN, *IN_ORDER])
@pytest.mark.parametrize("turn", range(0, 16, 3))
def test_exchanges_end_in_whatever_turn(make, kernel, turn):
    async def wait(left):
        await start(left.runtime, "k", kernel, form="handler", queue_size=1, output_queue_size=1)
        left.begin(*(left.runtime.send_and_receive("k", make(number)) for number in range(5)))
        await turns(turn)

    left = end_while(wait)
    left.check(cancelled=False)
    for task in left.tasks:
        assert task.cancelled() or task.exception() or task.result() is not None


@pytest.mark.parametrize("turn", range(0, 16, 3))
def test_batches_end_in_whatever_turn(turn):
    async def wait(left):
        await start(left.runtime, "k", echo, queue_size=2, output_queue_size=2)
        left.begin(*(left.runtime.send_batch("k", range(9)) for _ in range(2)))
        await turns(turn)

    left = end_while(wait)
    left.check()
    puppets = []

    async def reply(left):
        puppets.append(await start_puppet(left.runtime, output_queue_size=2))
        left.begin(*(puppets[0].ctx.send_batch(range(9)) for _ in range(2)))
        await turns(turn)

    end_while(reply).check()


@pytest.mark.parametrize("kernel", HANDLERS)
@pytest.mark.parametrize("policy", ["fail", "restart"])
@pytest.mark.parametrize("turn", range(0, 16, 3))
def test_handlers_end_in_whatever_turn(kernel, policy, turn):
    async def wait(left):
        runtime = left.runtime
        await start(runtime, "k", kernel, form="handler", output_queue_size=1, on_error=policy)
        left.begin(runtime.send_batch("k", range(5)))
        await turns(turn)

    end_while(wait).check(cancelled=False)


ENDINGS = {
    "terminate": lambda runtime: runtime.terminate("k"),
    "terminate, draining": lambda runtime: runtime.terminate("k", drain=True),
    "terminate_all": lambda runtime: runtime.terminate_all(),
    "terminate_all, draining": lambda runtime: runtime.terminate_all(drain=True),
    "wait_quiet": lambda runtime: runtime.wait_quiet((), 5),
    "wait_until_idle": wait_until_idle,
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kernel", [slow, deaf])
@pytest.mark.parametrize("turn", range(5))
def test_who_waits_for_an_end_or_for_rest_is_cancelled(ending, kernel, turn):
    async def wait(left):
        await start(left.runtime, "k", kernel)
        await left.runtime.send_batch("k", range(5))
        left.begin(ENDINGS[ending](left.runtime), ENDINGS[ending](left.runtime))
        await turns(turn)

    end_while(wait).check()


@pytest.mark.parametrize("make", [scope, managed])
@pytest.mark.parametrize("kernel", [slow, deaf])
@pytest.mark.parametrize("turn", range(0, 12, 2))
def test_a_scope_ends_its_kernel(make, kernel, turn):
    async def use(runtime):
        async with make(runtime, kernel):
            await runtime.send_batch("k", range(3))
            assert await runtime.receive("k") == 0

    async def wait(left):
        left.begin(use(left.runtime))
        await turns(turn + 1)

    end_while(wait).check(cancelled=False)


@pytest.mark.parametrize("kernel", [slow, deaf])
@pytest.mark.parametrize("turn", range(0, 12, 2))
def test_a_runtime_ends_its_kernels(kernel, turn):
    runtime = RingKernelRuntime(enable_telemetry=True)

    async def use():
        async with runtime:
            await start(runtime, "k", kernel)
            await runtime.send_batch("k", range(3))
            assert await runtime.receive("k") == 0

    async def main():
        using = asyncio.create_task(use())
        await turns(turn + 1)
        return using

    using = run(main())
    assert using.done()
    assert runtime.get_state("k") is OVER
    assert runtime.get_telemetry("k") is None


async def turning(message):
    """Make an exception of a cancellation, as code with a wide `except` does."""
    try:
        await asyncio.Event().wait()
    except BaseException as error:
        raise ValueError(message) from error


async def swallowing(message):
    """Answer although it was cancelled."""
    try:
        return await asyncio.Event().wait()
    except asyncio.CancelledError:
        return message


@pytest.mark.parametrize("policy", ["fail", "restart"])
@pytest.mark.parametrize("kernel", [turning, swallowing])
@pytest.mark.parametrize("has_room", [True, False])
def test_a_handler_that_makes_something_else_of_its_cancellation_is_called_no_more(
    kernel, policy, has_room
):
    async def handle(message):
        return message if message == "quick" else await kernel(message)

    async def wait(left):
        options = {"form": "handler", "on_error": policy, "output_queue_size": 1}
        await start(left.runtime, "k", handle, **options)
        if not has_room:
            await left.runtime.send("k", "quick")
        await left.runtime.send_batch("k", range(3))
        await turns()

    left = end_while(wait)
    left.check(cancelled=False)
    shown = counts(left.runtime)
    answered = {"errored": 1, "errors": 1} if kernel is turning else {"processed": 1}
    if has_room:
        assert answered.items() <= shown.items()
    assert shown["discarded"] == (2 if has_room else 3)
    assert shown.get("errors", 0) == (kernel is turning)  # told to somebody or not


@pytest.mark.parametrize("options", [{}, {"execution": "thread"}])
def test_a_loop_that_makes_an_exception_of_its_cancellation_is_not_started_again(options, caplog):
    async def kernel(ctx):
        await ctx.receive()
        asyncio.current_task().cancel()
        await turning("the end")

    async def main():
        runtime = RingKernelRuntime(enable_telemetry=True)
        await start(runtime, "k", kernel, on_error="restart", **options)
        await runtime.send_batch("k", range(3))
        async with asyncio.timeout(5):
            while runtime.get_state("k") is KernelState.ACTIVE:  # noqa: ASYNC110 - a thread's end
                await asyncio.sleep(0)
        return runtime

    runtime = run(main())
    assert runtime.get_state("k") is KernelState.FAILED
    shown = counts(runtime)
    assert (shown["errored"], shown["discarded"], shown.get("restarts", 0)) == (1, 2, 0)


def test_a_loop_closed_over_callers_that_wait_is_no_matter():
    async def main():
        runtime = RingKernelRuntime()
        await start_puppet(runtime)
        calls = [runtime.send_and_receive("k", OWN[0][0](number)) for number in range(3)]
        tasks = [asyncio.create_task(call) for call in [*calls, runtime.receive("k")]]
        await turns()
        return tasks

    loop = asyncio.new_event_loop()
    tasks = loop.run_until_complete(main())
    pending = asyncio.all_tasks(loop)
    loop.close()
    for task in tasks:
        task.get_coro().close()
    assert pending > set(tasks)
    for task in pending:
        task._log_destroy_pending = False
