"""Two loops that take turns in one thread: what one has used up is no matter of the other."""

import asyncio
import gc

import pytest
from hand_off_for_tests import ask, is_run_by_a_caller, started
from kernels_for_tests import echo, turns

from pydotcompute import RingKernelRuntime

hand_offs = pytest.mark.parametrize("hand_off", [True, False])
STEPS = 128
"""So often callers may run kernels between two turns of a loop."""


class Side:
    """A loop with a runtime of its own, which runs whenever it is asked to."""

    def __init__(self, hand_off, kernel=echo):
        self.loop = asyncio.new_event_loop()
        self.runtime = RingKernelRuntime(enable_telemetry=True, hand_off=hand_off)
        self.run(started(self.runtime, kernel))

    def run(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    def ask(self, *messages):
        """Ask in one turn of the loop, if that may be; give the replies."""
        return self.run(self.ask_all(messages))

    async def ask_all(self, messages):
        me = asyncio.current_task()
        replies = [await ask(self.runtime, message) for message in messages]
        assert asyncio.current_task() is me
        return replies

    def is_served_by_callers(self):
        """Say whether callers run the kernel; on a slow machine the loop does at times."""
        return sum(self.ask(*range(20))) > 10

    def check(self, count):
        shown = self.runtime.get_telemetry("k")
        assert shown.messages_received == shown.messages_processed == count
        assert shown.messages_sent == shown.replies_received == count

    def end(self):
        self.run(self.runtime.shutdown())
        self.loop.close()


async def tell_who_runs(ctx):
    """Answer whether a caller runs this kernel."""
    while True:
        await ctx.receive()
        assert asyncio.current_task() in asyncio.all_tasks()
        await ctx.send(is_run_by_a_caller())


@hand_offs
def test_two_loops_that_take_turns_serve_their_own_callers(hand_off):
    sides = [Side(hand_off), Side(hand_off)]
    for number in range(100):
        for side in sides:
            assert side.ask(number, -number) == [number, -number]
            assert asyncio._get_running_loop() is None
    for side in sides:
        side.check(200)
        side.end()


@hand_offs
def test_a_share_that_is_used_up_in_one_loop_is_whole_in_the_other(hand_off):
    used_up, fresh = Side(hand_off, tell_who_runs), Side(hand_off, tell_who_runs)
    for _ in range(3):
        used_up.ask(*range(2 * STEPS))
        fresh.run(turns())
        assert fresh.is_served_by_callers() is hand_off
    used_up.end()
    fresh.end()


@hand_offs
def test_a_loop_that_was_left_with_its_share_used_up_gets_it_back(hand_off):
    left, other = Side(hand_off, tell_who_runs), Side(hand_off)
    for _ in range(3):
        assert len(left.ask(*range(STEPS))) == STEPS  # the refill waits for the next turn
        assert other.ask(1) == [1]
        left.run(turns())
        assert left.is_served_by_callers() is hand_off
    left.end()
    other.end()


@hand_offs
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_closed_with_a_parked_kernel_and_a_refill_to_come_leaves_the_other_alone(hand_off):
    other = Side(hand_off, tell_who_runs)
    for number in range(5):
        closed = Side(hand_off)
        closed.loop.set_exception_handler(lambda *_: None)  # which tells of tasks left behind
        assert closed.ask(*range(number + 1)) == list(range(number + 1))
        closed.loop.close()
        assert len(other.ask(*range(2 * STEPS))) == 2 * STEPS
        del closed
        gc.collect()
        other.run(turns())
        assert other.is_served_by_callers() is hand_off
    other.end()


@hand_offs
def test_a_loop_that_is_run_within_a_callback_of_nobody_finds_no_current_task_of_another(hand_off):
    sides = [Side(hand_off), Side(hand_off)]
    seen = []
    for side in sides:
        task = side.loop.create_task(side.ask_all(range(10)))
        task.add_done_callback(lambda done: seen.append((done.result(), asyncio.current_task())))
    for side in sides:
        side.run(turns(40))
    assert seen == [(list(range(10)), None)] * 2
    for side in sides:
        side.end()
