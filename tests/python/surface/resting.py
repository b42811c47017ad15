"""Letting a runtime come to rest, and comparing it with its models there."""

import asyncio
import time
from itertools import count

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
    """Let others run until something is so, but not for ever."""
    expiry = time.monotonic() + MOST_SECONDS
    for turn in count():
        if turn >= CALM_TURNS and is_so():
            return
        if turn >= MOST_TURNS and (not with_threads or time.monotonic() > expiry):
            return
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


def differences(runtime, models, traces, calls):
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
        if traces[kernel] != model.trace:
            found.append(f"{kernel}: took {traces[kernel]}, not {model.trace}")
    for call in calls:
        told = outcome_of(call.task) if call.task.done() else "pending"
        if told not in (call.outcome, *call.alternatives):
            found.append(f"{call.kind} {call.orders}: {told}, not {call.outcome}")
    return found


def check_together(runtime, models):
    """Check both equations, with what callers count, and what is told of all kernels."""
    shown = runtime.get_all_telemetry()
    assert shown.keys() == models.keys()
    for kernel, model in models.items():
        check_conservation(shown[kernel], model)
    accepted = sum(model.counts["messages_received"] for model in models.values())
    received = sum(model.counts["replies_received"] for model in models.values())
    result = audit(shown.values(), CallerLedger(accepted, received))
    assert result.is_balanced, str(result)
    live = [kernel for kernel, model in models.items() if not model.is_over]
    assert runtime.kernel_ids == live
    assert runtime.active_kernels == [name for name in live if models[name].state == "active"]
    assert runtime.get_summary()["kernel_count"] == len(live)
    assert all(runtime.get_state(name) == model.state for name, model in models.items())


def check_conservation(t, model):
    """Check one kernel's equations, and that no number is out of bounds."""
    ended = sum(getattr(t, f"messages_{ending}") for ending in ENDINGS)
    assert t.messages_received == ended + t.queue_depth + t.in_flight
    made = t.messages_sent + t.error_replies
    assert made == t.replies_received + t.output_depth + t.replies_discarded
    assert t.queue_depth <= t.queue_depth_peak <= model.queue_size
    assert t.output_depth <= model.output_queue_size
    assert min(shown_by(t, model.counts).values()) >= 0
