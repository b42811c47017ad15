"""A portal's caller never hangs and never loses a reply where runtime, loop or process ends."""

import asyncio
import gc
import subprocess
import sys
import threading
from functools import partial

import pytest
from faults_for_tests import environment
from kernels_for_tests import Puppet, echo, start, start_puppet
from portals_for_tests import error_of, in_threads, until_waiting

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.exceptions import KernelStateError, RuntimeClosedError


@pytest.fixture
def quiet_asyncio(caplog):
    """Nothing was left behind: no task destroyed, nothing never awaited or never retrieved."""
    yield
    gc.collect()
    records = [*caplog.get_records("call"), *caplog.records]
    told = [record.getMessage() for record in records if record.name == "asyncio"]
    assert [text for text in told if not text.startswith("Executing")] == []  # slow, in debug mode


WAITING = {
    "receive": lambda portal: portal.receive("k"),
    "receive with a timeout": lambda portal: portal.receive("k", timeout=60),
    "receive_batch": lambda portal: portal.receive_batch("k", 3),
    "send": lambda portal: portal.send("k", 2),
    "send_batch": lambda portal: portal.send_batch("k", [2, 3]),
    "send_and_receive": lambda portal: portal.send_and_receive("k", 2),
}
waiting = pytest.mark.parametrize("call", WAITING.values(), ids=WAITING)
ENDING = {
    **WAITING,
    "terminate": lambda portal: portal.terminate("k", timeout=60),
    "terminate_all": lambda portal: portal.terminate_all(timeout=60),
}


class Caller(threading.Thread):
    """Makes one call in a thread of its own and keeps what came of it."""

    def __init__(self, call):
        super().__init__()
        self.call, self.result, self.error = call, None, None
        self.start()

    def run(self):
        try:
            self.result = self.call()
        except BaseException as error:  # noqa: BLE001 - to be looked at by the test
            self.error = error

    def ended(self):
        self.join(5)
        assert not self.is_alive()
        return self


# The runtime ends.


@pytest.mark.parametrize("end", [RingKernelRuntime.shutdown, RingKernelRuntime.terminate_all])
@waiting
async def test_a_caller_that_waits_as_the_runtime_ends_is_told_that_the_kernel_ended(call, end):
    runtime = RingKernelRuntime()
    await runtime.launch("k", Puppet(), queue_size=1)
    runtime.send_nowait("k", 1)
    caller = Caller(lambda: call(runtime.portal()))
    await until_waiting()
    await end(runtime)
    await asyncio.to_thread(caller.ended)
    assert type(caller.error) is KernelStateError
    assert caller.error.current_state in (KernelState.TERMINATING, KernelState.TERMINATED)
    await runtime.shutdown()


@pytest.mark.parametrize("call", ENDING.values(), ids=ENDING)
async def test_a_closed_runtime_refuses_every_call(call):
    async with RingKernelRuntime() as runtime:
        portal = runtime.portal()
    assert type(error_of(runtime.portal)) is RuntimeClosedError
    ((error,),) = await in_threads(lambda: [error_of(call, portal)])
    assert type(error) is RuntimeClosedError
    scope = portal.kernel_scope("k", echo)
    assert type(error_of(scope.__enter__)) is RuntimeClosedError


async def test_a_runtime_that_was_closed_in_the_block_is_no_matter():
    runtime = RingKernelRuntime()
    await runtime.start()
    entered, closed = threading.Event(), threading.Event()

    def work():
        with runtime.portal().kernel_scope("k", echo):
            entered.set()
            return closed.wait(5)

    caller = Caller(work)
    await asyncio.to_thread(entered.wait, 5)
    await runtime.shutdown()
    closed.set()
    await asyncio.to_thread(caller.ended)
    assert (caller.result, caller.error) == (True, None)


async def test_callers_in_a_crowd_all_get_away():
    async with RingKernelRuntime() as runtime:
        portal = runtime.portal()
        await start_puppet(runtime)
        callers = [Caller(lambda: portal.receive("k")) for _ in range(20)]
        await until_waiting(20)
        await runtime.terminate("k", timeout=0)
        for caller in callers:
            await asyncio.to_thread(caller.ended)
    assert {type(caller.error) for caller in callers} == {KernelStateError}


# The loop ends under it.


@pytest.mark.parametrize("call", ENDING.values(), ids=ENDING)
@pytest.mark.parametrize("debug", [False, True])
def test_a_caller_that_waits_as_its_loop_is_shut_down_is_told_so(quiet_asyncio, call, debug):
    callers = []

    async def main():
        runtime = RingKernelRuntime()
        await start_puppet(runtime, queue_size=1)
        runtime.send_nowait("k", 1)
        callers.append(Caller(lambda: call(runtime.portal())))
        await until_waiting()

    assert Caller(lambda: asyncio.run(main(), debug=debug)).ended().error is None
    assert type(callers[0].ended().error) is RuntimeClosedError


def test_no_call_reaches_a_runtime_whose_loop_is_closed():
    async def main():
        runtime = RingKernelRuntime(enable_telemetry=True)
        await runtime.launch("k", echo)
        return runtime.portal()

    portal = Caller(lambda: asyncio.run(main())).ended().result
    for call in ENDING.values():  # some in a thread that has the ident of the loop's
        assert type(Caller(partial(call, portal)).ended().error) is RuntimeClosedError
        assert type(error_of(call, portal)) is RuntimeClosedError
    assert portal.get_telemetry("k").messages_received == 0


@pytest.mark.parametrize("has_reply", [False, True])
@pytest.mark.parametrize("turns", range(5))
def test_a_loop_that_is_closed_at_any_moment_of_a_call_leaves_nothing_behind(
    quiet_asyncio, turns, has_reply
):
    """Before the call begins, before its first step, after it and before the news, and later."""
    loop, runtime = asyncio.new_event_loop(), RingKernelRuntime(enable_telemetry=True)
    if has_reply:
        loop.run_until_complete(answer_once(runtime))
    else:
        loop.run_until_complete(runtime.launch("k", echo))
    portal, posted, post = runtime.portal(), threading.Event(), loop.call_soon_threadsafe

    def post_and_tell(*arguments):
        post(*arguments)
        posted.set()

    loop.call_soon_threadsafe = post_and_tell
    caller = Caller(lambda: portal.receive("k"))
    assert posted.wait(5)
    for _ in range(turns):
        loop.call_soon(loop.stop)
        loop.run_forever()
    loop.close()
    caller.ended()
    received = portal.get_telemetry("k").replies_received
    if turns != 1:  # in its turn uvloop also does what the turn itself brought about
        assert received == (has_reply and turns >= 2)
    if received:
        assert (caller.result, caller.error) == ("a reply", None)
    else:
        assert type(caller.error) is RuntimeClosedError


async def answer_once(runtime):
    puppet = await start_puppet(runtime)
    await puppet.ctx.send("a reply")
    puppet.freed.set()
    await runtime.terminate("k")


def test_a_loop_that_pauses_only_lets_its_caller_wait():
    loop, runtime = asyncio.new_event_loop(), RingKernelRuntime()

    async def call():
        await start(runtime, "k", echo)
        caller = Caller(lambda: runtime.portal().receive("k"))
        await until_waiting()
        return caller

    caller = loop.run_until_complete(call())
    assert caller.is_alive()
    loop.run_until_complete(runtime.send("k", 1))
    loop.run_until_complete(asyncio.to_thread(caller.ended))
    assert caller.result == 1
    loop.run_until_complete(runtime.shutdown())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


# The process is another.

FORKED = """
import asyncio, os, signal, threading
from loops_for_tests import follow_tests
from pydotcompute import RingKernelRuntime
from pydotcompute.exceptions import WrongLoopError

async def echo(ctx):
    while True:
        await ctx.send(await ctx.receive())

def outcome(call, *arguments):
    try:
        return call(*arguments)
    except WrongLoopError as error:
        return "forked child" in str(error)

follow_tests()
loop, runtime = asyncio.new_event_loop(), RingKernelRuntime()
threading.Thread(target=loop.run_forever, daemon=True).start()
asyncio.run_coroutine_threadsafe(runtime.launch("k", echo), loop).result()
portal = runtime.portal()
child = os.fork()
if child == 0:
    signal.alarm(10)
    calls = [
        (portal.activate, "k"), (portal.send, "k", 1), (portal.send_nowait, "k", 1),
        (portal.send_batch, "k", [1]), (portal.receive, "k"), (portal.terminate, "k"),
        (portal.terminate_all,), (portal.kernel_scope("new", echo).__enter__,),
        (lambda: runtime.portal().receive("k"),),
    ]
    os._exit(7 if all(outcome(*call) is True for call in calls) else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
portal.activate("k")
print(portal.send_and_receive("k", "the parent goes on"))
asyncio.run_coroutine_threadsafe(runtime.shutdown(), loop).result()
"""


def test_a_forked_child_is_refused_at_once():
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED],
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "the parent goes on\n", "")
