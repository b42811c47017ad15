"""A parked wait that is dropped by whoever drives it, and callers whose tasks are not asyncio's."""

import asyncio
import gc
import types

import pytest
from hand_off_for_tests import ask, both, outcome, started
from kernels_for_tests import echo, turns

from pydotcompute import RingKernelRuntime
from pydotcompute.exceptions import QueueTimeoutError


@types.coroutine
def parked_once(coroutine, drop):
    """Wait as `coroutine` does until somebody wakes it, and drop it then."""
    yield coroutine.send(None)
    drop(coroutine)


def close(coroutine):
    coroutine.close()


def throw(coroutine):
    with pytest.raises(KeyError):
        coroutine.throw(KeyError("dropped"))


def let_go(_coroutine):
    gc.collect()  # its last reference is the caller's, which ends


DROPS = {"close": close, "throw": throw, "let go": let_go}


@pytest.mark.parametrize("drop", DROPS.values(), ids=DROPS)
@pytest.mark.parametrize("seconds", [None, 30, 0.005])
def test_a_message_that_wakes_a_dropped_wait_is_there_for_the_next_one(drop, seconds):
    async def scenario(runtime):
        async def dropping(ctx):
            await parked_once(ctx.receive(timeout=seconds), drop)
            await echo(ctx)

        await started(runtime, dropping)
        first = await ask(runtime, 1, timeout=10)
        later = [await ask(runtime, number, timeout=10) for number in range(20)]
        with pytest.raises(QueueTimeoutError):
            await runtime.receive("k", timeout=0.01)  # past the deadline of the wait dropped
        return first, later, runtime.get_state("k").value

    assert both(scenario) == (1, list(range(20)), "active")


@pytest.mark.parametrize("drop", DROPS.values(), ids=DROPS)
def test_who_waits_behind_a_dropped_wait_gets_the_message(drop):
    async def scenario(runtime):
        async def take(ctx):
            await ctx.send(await ctx.receive())

        async def dropping(ctx):
            behind = asyncio.create_task(take(ctx))
            await parked_once(ctx.receive(), drop)
            await behind

        await started(runtime, dropping)
        return await ask(runtime, 1, timeout=10)

    assert both(scenario) == 1


def test_a_wait_that_was_never_begun_or_never_ended_is_nobodys():
    async def scenario(runtime):
        async def careless(ctx):
            ctx.receive().close()
            begun = ctx.receive(timeout=0.005)
            begun.send(None)
            begun.close()
            await echo(ctx)

        await started(runtime, careless)
        late = await outcome(runtime.receive("k", timeout=0.01))
        return late[0], [await ask(runtime, number) for number in range(5)]

    assert both(scenario) == ("QueueTimeoutError", list(range(5)))


@pytest.mark.parametrize("hand_off", [True, False])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_message_sent_before_the_loop_was_closed_over_a_parked_wait_stays_counted(hand_off):
    runtime = RingKernelRuntime(enable_telemetry=True, hand_off=hand_off)

    async def begin():
        await started(runtime, echo)
        await ask(runtime, 1)
        await turns()
        await runtime.send("k", 2)

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # which tells of tasks left behind
    loop.run_until_complete(begin())
    loop.close()
    gc.collect()
    shown = runtime.get_telemetry("k")
    ended = shown.messages_processed + shown.messages_unanswered + shown.messages_discarded
    assert shown.messages_received == ended + shown.queue_depth + shown.in_flight == 2
    assert shown.messages_sent == shown.replies_received + shown.output_depth


class Foreign(asyncio.Future):
    """A task of somebody else's making: it has what the documentation says a task has, no more."""

    def __init__(self, coroutine, loop):
        super().__init__(loop=loop)
        self.coroutine = coroutine
        self.waits_for = None
        loop.call_soon(self.step)

    def cancel(self, msg=None):
        self.waits_for.cancel(msg)
        return True

    def step(self, _done=None):
        loop = self.get_loop()
        asyncio.tasks._enter_task(loop, self)
        try:
            yielded = self.coroutine.send(None)
        except StopIteration as stop:
            self.set_result(stop.value)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the task's
            self.set_exception(error)
        else:
            self.wait_for(yielded)
        finally:
            asyncio.tasks._leave_task(loop, self)

    def wait_for(self, yielded):
        self.waits_for = yielded
        if yielded is None:
            self.get_loop().call_soon(self.step)
        else:
            yielded._asyncio_future_blocking = False
            yielded.add_done_callback(self.step)


def test_a_caller_whose_task_is_not_asyncios_is_served():
    async def scenario(runtime):
        await started(runtime)
        seen = []

        async def caller():
            me = asyncio.current_task()
            for number in range(300):
                seen.append(await ask(runtime, number))
                assert asyncio.current_task() is me
            seen.append(await runtime.send_and_receive("k", "last"))
            return type(me).__name__

        name = await Foreign(caller(), asyncio.get_running_loop())
        return name, seen

    assert both(scenario) == ("Foreign", [*range(300), "last"])
