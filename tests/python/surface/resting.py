"""Letting a runtime come to rest, and comparing it with its models there."""

import asyncio
import time
from itertools import count

from surface.kernel_model import ENDED
from surface.mailbox_model import Raised

from pydotcompute.exceptions import KernelExecutionError, KernelFailedError
from pydotcompute.telemetry import CallerLedger, audit

CALM_TURNS = 8  # what is wrong should have the time to show
MOST_TURNS = 500  # of one loop, where nothing is waited for but the loop
MOST_SECONDS = 10  # where other threads have to run
ENDINGS = ("processed", "unanswered", "errored", "dropped", "discarded")


def outcome_of(task):
    """Say in the model's words how a call ended."""
    if task.cancelled():
        return Raised("CancelledError")
    error = task.exception()
    if error is None:
        return task.result()
    has_cause = isinstance(error, KernelExecutionError | KernelFailedError)
    return Raised(type(error).__name__, str(error.__cause__) if has_cause else "")


async def turns_until(is_so, *, with_threads):
    """Let others run until something is so, but not for ever; whether it came to be."""
    expiry = time.monotonic() + MOST_SECONDS
    for turn in count():
        if turn >= CALM_TURNS and is_so():
            return True
        if turn >= MOST_TURNS and (not with_threads or time.monotonic() > expiry):
            return False
        await asyncio.sleep(0)


def shown_like(model):
    """Say what the telemetry of a kernel at rest is to show."""
    return model.counts | {
        "state": model.state,
        "queue_depth": len(model.queue),
        "in_flight": model.in_flight,
        "output_depth": len(model.output),
        "restarts": model.restarts,
        "last_error": model.last_error,
    }


def shown_by(telemetry, names):
    return {name: getattr(telemetry, name) for name in names}


def differences(runtime, models, taken, calls):
    """List where a runtime is not what its models are."""
    found = []
    for kernel, model in models.items():
        expected = shown_like(model)
        shown = shown_by(runtime.get_telemetry(kernel), expected)
        found += [
            f"{kernel}: {name} is {shown[name]}, not {value}"
            for name, value in expected.items()
            if shown[name] != value
        ]
        if taken[kernel] != model.taken:
            found.append(f"{kernel}: took {taken[kernel]}, not {model.taken}")
    for call in calls:
        told = outcome_of(call.task) if call.task.done() else "pending"
        if told != call.outcome:
            found.append(f"{call.kind} {call.orders}: {told}, not {call.outcome}")
    return found


def check_conservation(runtime, models):
    """Check both equations, kernel by kernel and over all, and that no depth is out of bounds."""
    shown = runtime.get_all_telemetry()
    assert shown.keys() == models.keys()
    for kernel, telemetry in shown.items():
        t = telemetry
        ended = sum(getattr(t, f"messages_{ending}") for ending in ENDINGS)
        assert t.messages_received == ended + t.queue_depth + t.in_flight
        made = t.messages_sent + t.error_replies
        assert made == t.replies_received + t.output_depth + t.replies_discarded
        assert t.queue_depth <= t.queue_depth_peak <= models[kernel].queue_size
        assert t.output_depth <= models[kernel].output_queue_size
        assert min(shown_by(t, models[kernel].counts).values()) >= 0


def check_audit(runtime, models):
    """Compare records and queues with what callers count."""
    accepted = sum(model.counts["messages_received"] for model in models.values())
    received = sum(model.counts["replies_received"] for model in models.values())
    result = audit(runtime.get_all_telemetry().values(), CallerLedger(accepted, received))
    assert result.is_balanced, str(result)


def check_readings(runtime, models):
    """Check what is told of all kernels together."""
    live = [kernel for kernel, model in models.items() if model.state not in ENDED]
    assert runtime.kernel_ids == live
    active = [kernel for kernel in live if models[kernel].state == "active"]
    assert runtime.active_kernels == active
    for kernel, model in models.items():
        assert runtime.get_state(kernel) == model.state
        assert runtime.is_active(kernel) == (kernel in active)
    assert runtime.get_summary()["kernel_count"] == len(live)
