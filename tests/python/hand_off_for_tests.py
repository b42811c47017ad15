"""One scenario, played with and without hand-off: a program cannot tell which of them it was."""

import asyncio
import sys

from kernels_for_tests import counts, echo, start, turns

from pydotcompute import RingKernelRuntime
from pydotcompute.telemetry import CallerLedger, audit


def _counts(runtime, kernel_id):
    counted = counts(runtime, kernel_id)
    counted.pop("queue_depth_peak", None)  # how far a queue filled up is a matter of turns
    return counted


def _check_balance(shown):
    """Whatever callers took was sent; all else is for records and queues to agree on."""
    accepted = sum(one.messages_received for one in shown)
    sent = sum(one.messages_sent + one.error_replies for one in shown)
    left = sum(one.output_depth + one.replies_discarded for one in shown)
    result = audit(shown, CallerLedger(accepted, sent - left))
    assert result.is_balanced, str(result)


async def _play(scenario, hand_off, debug, factory):
    loop = asyncio.get_running_loop()
    loop.set_debug(debug)
    loop.set_task_factory(factory)
    try:
        async with RingKernelRuntime(enable_telemetry=True, hand_off=hand_off) as runtime:
            seen = await asyncio.wait_for(scenario(runtime), 30)
            await turns()
            counted = {name: _counts(runtime, name) for name in runtime.kernel_ids}
            states = {name: runtime.get_state(name) for name in runtime.kernel_ids}
            _check_balance(runtime.get_all_telemetry().values())
            await runtime.terminate_all(timeout=1)
        assert asyncio.all_tasks() == {asyncio.current_task()}
    finally:
        loop.set_task_factory(None)
    return seen, counted, states


def each(scenario, *, debug=False, factory=None):
    """Play a scenario with and without hand-off; give what it saw, counts and states of each."""
    seen = []
    for hand_off in (True, False):
        with asyncio.Runner() as runner:
            seen.append(runner.run(_play(scenario, hand_off, debug, factory)))
    return seen


def both(scenario, **options):
    """Play a scenario in both ways; give what it saw, which is the same, as are all counts."""
    with_hand_off, without = each(scenario, **options)
    assert with_hand_off == without
    return without[0]


async def started(runtime, kernel=echo, kernel_id="k", **options):
    """Start a kernel and let it come to where it waits for its first message."""
    await start(runtime, kernel_id, kernel, **options)
    await turns(3)


async def ask(runtime, message, kernel_id="k", **timeout):
    """Send a message and receive a reply."""
    await runtime.send(kernel_id, message)
    return await runtime.receive(kernel_id, **timeout)


def is_run_by_a_caller():
    """Say whether `ask()` stands below in the stack: whoever asks runs the kernel by hand."""
    frame = sys._getframe()
    while frame is not None and frame.f_code is not ask.__code__:
        frame = frame.f_back
    return frame is not None


async def outcome(awaitable):
    """Give what it returns, or the type and text of what it raises."""
    try:
        return await awaitable
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - told, to be compared
        return type(error).__name__, str(error)
