"""A kernel moves from state to state as its table says, and in no other way."""

import asyncio

import pytest
from kernels_for_tests import Puppet, bring_to, counts, echo, start, start_puppet, turns

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.exceptions import (
    EndOfStream,
    KernelAlreadyExistsError,
    KernelFailedError,
    KernelStateError,
    QueueEmptyError,
)
from pydotcompute.testing import wait_until_idle

LAUNCHED, ACTIVE, DEACTIVATED = KernelState.LAUNCHED, KernelState.ACTIVE, KernelState.DEACTIVATED
TERMINATING, TERMINATED = KernelState.TERMINATING, KernelState.TERMINATED
FAILED = KernelState.FAILED
STATES = (LAUNCHED, ACTIVE, DEACTIVATED, TERMINATING, TERMINATED, FAILED)

MOVES = {
    "activate": {LAUNCHED: ACTIVE},
    "deactivate": {ACTIVE: DEACTIVATED},
    "reactivate": {DEACTIVATED: ACTIVE},
}
LEGAL = [(move, origin, MOVES[move][origin]) for move in MOVES for origin in MOVES[move]]
ILLEGAL = [(move, origin) for move in MOVES for origin in STATES if origin not in MOVES[move]]


@pytest.mark.parametrize(("move", "origin", "target"), LEGAL)
async def test_a_legal_move_is_made(runtime, move, origin, target):
    await bring_to(runtime, origin)
    await getattr(runtime, move)("k")
    assert runtime.get_state("k") is target
    assert runtime.get_telemetry("k").state is target


@pytest.mark.parametrize(("move", "origin"), ILLEGAL)
async def test_an_illegal_move_names_the_state_and_those_needed(runtime, move, origin):
    await bring_to(runtime, origin)
    with pytest.raises(KernelStateError) as caught:
        await getattr(runtime, move)("k")
    assert caught.value.kernel_id == "k"
    assert caught.value.current_state is origin
    assert caught.value.expected_states == list(MOVES[move])
    assert runtime.get_state("k") is origin


@pytest.mark.parametrize("origin", [LAUNCHED, ACTIVE, DEACTIVATED, TERMINATING])
async def test_terminate_ends_a_kernel_in_any_state(runtime, origin):
    await bring_to(runtime, origin)
    await runtime.terminate("k", timeout=0.01)
    assert runtime.get_state("k") is TERMINATED


@pytest.mark.parametrize("origin", [TERMINATED, FAILED])
async def test_terminate_of_an_ended_kernel_does_nothing(runtime, origin):
    await bring_to(runtime, origin)
    before = counts(runtime)
    await runtime.terminate("k", drain=True)
    assert runtime.get_state("k") is origin
    assert counts(runtime) == before


@pytest.mark.parametrize("origin", [LAUNCHED, ACTIVE, DEACTIVATED, TERMINATING])
async def test_an_id_in_use_cannot_be_launched(runtime, origin):
    await bring_to(runtime, origin)
    with pytest.raises(KernelAlreadyExistsError) as caught:
        await runtime.launch("k", echo)
    assert isinstance(caught.value, KernelStateError)
    assert caught.value.current_state is origin
    assert runtime.get_state("k") is origin


@pytest.mark.parametrize("origin", [TERMINATED, FAILED])
async def test_an_ended_id_can_be_launched_again(runtime, origin):
    await bring_to(runtime, origin)
    await start(runtime, "k", echo)
    await runtime.send("k", 1)
    assert await runtime.receive("k") == 1


@pytest.mark.parametrize("state", [LAUNCHED, ACTIVE, DEACTIVATED])
async def test_a_kernel_that_has_not_begun_to_end_accepts_messages(runtime, state):
    await bring_to(runtime, state)
    await runtime.send("k", 1)
    runtime.send_nowait("k", 2)
    assert counts(runtime)["queue_depth"] == 2


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (TERMINATING, KernelStateError),
        (TERMINATED, KernelStateError),
        (FAILED, KernelFailedError),
    ],
)
async def test_a_kernel_that_ends_accepts_no_messages(runtime, state, kind):
    await bring_to(runtime, state)
    with pytest.raises(kind):
        await runtime.send("k", 1)
    with pytest.raises(kind) as caught:
        runtime.send_nowait("k", 1)
    if kind is KernelStateError:
        assert caught.value.current_state is state
        assert caught.value.expected_states == [LAUNCHED, ACTIVE, DEACTIVATED]
    assert "received" not in counts(runtime)


# The beginning.


async def test_code_starts_at_activate(runtime):
    puppet = Puppet()
    await runtime.launch("k", puppet)
    await turns()
    assert not puppet.began.is_set()
    assert runtime.get_telemetry("k").start_time is None
    await runtime.activate("k")
    await puppet.began.wait()
    assert runtime.get_telemetry("k").start_time is not None


async def test_a_launched_kernel_hands_nothing_out_before_it_is_activated(runtime):
    await runtime.launch("k", echo)
    for number in range(3):
        await runtime.send("k", number)
    await turns()
    assert counts(runtime) == {"received": 3, "queue_depth": 3, "queue_depth_peak": 3}
    await runtime.activate("k")
    assert [await runtime.receive("k") for _ in range(3)] == [0, 1, 2]


async def test_a_context_shows_its_kernel(runtime):
    puppet = await start_puppet(runtime)
    ctx = puppet.ctx
    assert (ctx.kernel_id, ctx.state, ctx.is_active, ctx.should_terminate) == (
        "k",
        ACTIVE,
        True,
        False,
    )
    assert repr(ctx) == "KernelContext('k', active)"


async def test_ids_are_listed_in_the_order_of_launch_until_their_kernel_ends(runtime):
    for kernel_id in "cab":
        await runtime.launch(kernel_id, echo)
    await runtime.activate("b")
    assert (runtime.kernel_ids, runtime.active_kernels) == (["c", "a", "b"], ["b"])
    await runtime.terminate("c")
    assert runtime.kernel_ids == ["a", "b"]
    await runtime.launch("c", echo)
    assert runtime.kernel_ids == ["a", "b", "c"]


# The end by itself.


async def test_a_kernel_that_returns_is_terminated_and_its_replies_can_be_received(runtime):
    async def once(ctx):
        await ctx.send(await ctx.receive())

    await start(runtime, "k", once)
    await runtime.send("k", "only")
    await turns()
    assert runtime.get_state("k") is TERMINATED
    assert await runtime.receive("k") == "only"
    with pytest.raises(KernelStateError):
        await runtime.receive("k")
    with pytest.raises(KernelStateError):
        runtime.receive_nowait("k")


async def test_a_kernel_that_is_done_lets_pending_callers_know(runtime):
    puppet = await start_puppet(runtime, queue_size=1)
    await runtime.send("k", "fills it")
    pending = [
        asyncio.create_task(runtime.send("k", "blocked")),
        asyncio.create_task(runtime.receive("k")),
    ]
    await turns()
    puppet.freed.set()
    told = await asyncio.gather(*pending, return_exceptions=True)
    assert [type(error) for error in told] == [KernelStateError, KernelStateError]


@pytest.mark.parametrize("group", [False, True])
async def test_the_end_of_input_is_a_normal_end_also_from_a_task_group(runtime, group):
    async def grouped(ctx):
        async with asyncio.TaskGroup() as tasks:
            for _ in range(3):
                tasks.create_task(echo(ctx))

    await start(runtime, "k", grouped if group else echo)
    await runtime.send("k", 1)
    assert await runtime.receive("k") == 1
    await runtime.terminate("k")
    assert runtime.get_state("k") is TERMINATED
    assert "errors" not in counts(runtime)


async def test_an_error_beside_the_end_of_input_is_an_error(runtime):
    async def fail(ctx):
        try:
            await ctx.receive()
        finally:
            message = "beside it"
            raise ValueError(message)

    async def grouped(ctx):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(echo(ctx))
            tasks.create_task(fail(ctx))

    await start(runtime, "k", grouped)
    await turns()
    await runtime.terminate("k")
    assert runtime.get_state("k") is FAILED
    assert counts(runtime)["errors"] == 1


async def test_a_context_outlives_its_kernel_without_harm(runtime):
    puppet = await bring_to(runtime, TERMINATED)
    ctx = puppet.ctx
    assert (ctx.state, ctx.is_active, ctx.should_terminate) == (TERMINATED, False, True)
    await ctx.wait_active()
    ctx.request_termination()
    for ask in (ctx.receive, lambda: ctx.receive_batch(1)):
        with pytest.raises(EndOfStream):
            await ask()
    with pytest.raises(KernelStateError):
        await ctx.send(1)
    with pytest.raises(KernelStateError):
        ctx.record_error(ValueError())
    assert counts(runtime) == {}


# A new incarnation.


async def test_a_relaunched_id_starts_with_fresh_counts_and_queues(runtime):
    await start(runtime, "k", echo, queue_size=2)
    await runtime.send("k", "old")
    await wait_until_idle(runtime)
    await runtime.terminate("k")
    assert counts(runtime)["output_depth"] == 1
    await runtime.launch("k", echo, queue_size=1)
    assert counts(runtime) == {}
    with pytest.raises(QueueEmptyError):
        runtime.receive_nowait("k")
    await runtime.activate("k")
    await runtime.send("k", "new")
    assert await runtime.receive("k") == "new"


async def test_the_totals_of_earlier_incarnations_stay(runtime):
    for launch in range(1, 4):
        await start(runtime, "k", echo)
        await runtime.send("k", launch)
        await runtime.receive("k")
        await runtime.terminate("k")
        assert runtime.get_summary()["total_messages"] == launch


# Company.


async def test_two_runtimes_side_by_side_know_nothing_of_each_other(runtime):
    async with RingKernelRuntime(enable_telemetry=True) as other:
        for number, owner in enumerate((runtime, other)):
            await start(owner, "k", echo)
            await owner.send("k", number)
        assert await other.receive("k") == 1
        assert await runtime.receive("k") == 0
    assert runtime.get_state("k") is ACTIVE
    await runtime.send("k", 2)
    assert await runtime.receive("k") == 2


async def test_a_kernel_may_feed_another_kernel(runtime):
    async def square(ctx):
        while True:
            await runtime.send("last", (await ctx.receive()) ** 2)

    await start(runtime, "first", square, replies=False, queue_size=2)
    await start(runtime, "last", echo, queue_size=2)
    async with asyncio.TaskGroup() as tasks:
        received = tasks.create_task(_receive(runtime, "last", 50))
        for number in range(50):
            await runtime.send("first", number)
    assert received.result() == [number**2 for number in range(50)]


async def _receive(runtime, kernel_id, count):
    return [await runtime.receive(kernel_id) for _ in range(count)]


async def test_child_tasks_of_a_kernel_share_its_context(runtime):
    async def crew(ctx):
        async with asyncio.TaskGroup() as tasks:
            for _ in range(4):
                tasks.create_task(echo(ctx))

    await start(runtime, "k", crew)
    for number in range(100):
        runtime.send_nowait("k", number)
    assert sorted(await _receive(runtime, "k", 100)) == list(range(100))
    await wait_until_idle(runtime)
    assert counts(runtime)["processed"] == 100


async def test_everything_works_in_the_debug_mode_of_asyncio(runtime):
    asyncio.get_running_loop().set_debug(True)
    await start(runtime, "k", echo, queue_size=1, output_queue_size=1)
    async with asyncio.TaskGroup() as tasks:
        received = tasks.create_task(_receive(runtime, "k", 10))
        for number in range(10):
            await runtime.send("k", number, timeout=1)
    assert received.result() == list(range(10))
    await runtime.terminate("k", drain=True)
    assert runtime.get_state("k") is TERMINATED
