"""Operations broken off at every point where they can be."""

import asyncio
from functools import partial

import pytest
from kernels_for_tests import turns
from waiting_for_tests import CancelledAt

from pydotcompute.exceptions import KernelExecutionError, KernelStateError, QueueEmptyError
from pydotcompute.telemetry import CallerLedger, audit

AT_A_SUSPENSION, BETWEEN_TURNS = "at a suspension", "between turns"

ways = pytest.mark.parametrize("way", [AT_A_SUSPENSION, BETWEEN_TURNS])
"""Just before it waits, or at any later moment: also just after somebody woke it."""


async def at_every_point(way, play):
    """Play a scene again and again, cancelling ever later, until that comes too late.

    The scene gets a function that runs a coroutine in a task that will be cancelled, and gives that
    task back, done.
    """
    for point in range(1, 200):
        task = await play(partial(break_off, way, point))
        assert task.done()
        if not task.cancelled():
            break
    else:
        pytest.fail("the operation never ends")
    assert point > 1


def break_off(way, point, coroutine):
    if way == AT_A_SUSPENSION:
        return asyncio.create_task(CancelledAt(coroutine, point).run())
    task = asyncio.create_task(coroutine)
    cancel_after(point, task)
    return task


def cancel_after(count, task):
    """Cancel a task after some turns of the loop, from outside any task."""
    if count == 0:
        task.cancel()
    else:
        asyncio.get_running_loop().call_soon(cancel_after, count - 1, task)


def task_of(kernel_id="k"):
    """Find the task in which a kernel's code runs."""
    (task,) = (task for task in asyncio.all_tasks() if task.get_name() == kernel_id)
    return task


async def others_have_ended():
    """Check that after some turns no task is left."""
    await turns(30)
    assert asyncio.all_tasks() == {asyncio.current_task()}


def replies_left(runtime, kernel_id="k"):
    """Collect every reply that is there; an error counts as one."""
    left = []
    while True:
        try:
            left.append(runtime.receive_nowait(kernel_id))
        except KernelExecutionError as error:
            left.append(error)
        except (QueueEmptyError, KernelStateError):
            return left


def balance(runtime, *, accepted, received):
    """Compare what callers counted with what is shown."""
    result = audit(runtime.get_all_telemetry().values(), CallerLedger(accepted, received))
    assert result.is_balanced, str(result)
