"""The counts of one kernel at one moment."""

import time
from dataclasses import dataclass
from typing import Any

from pydotcompute.options import KernelState
from pydotcompute.telemetry.latency import LatencySummary
from pydotcompute.telemetry.summary import rate, ratio


@dataclass(frozen=True)
class KernelTelemetry:
    """Counts of one kernel at one moment, since its launch or its last reset.

    Immutable, equal by value, picklable. Counts are exact, latencies are sampled at high rates;
    times are Unix or plain seconds.

    At rest, always:

    - `messages_received == messages_processed + messages_unanswered + messages_errored +
      messages_dropped + messages_discarded + queue_depth + in_flight`
    - `messages_sent + error_replies == replies_received + output_depth + replies_discarded`
    """

    kernel_id: str
    """The kernel."""
    state: KernelState
    """Its state when the snapshot was taken."""
    messages_received: int = 0
    """Messages accepted into the input queue."""
    messages_sent: int = 0
    """Replies put into the output queue."""
    messages_processed: int = 0
    """Messages answered; without replies: finished without error."""
    errors: int = 0
    """Exceptions that left the kernel's code, and those it recorded."""
    start_time: float | None = None
    """Unix seconds of the first activation; None before it."""
    last_message_time: float | None = None
    """Unix seconds of the newest message accepted or answered, within 10 ms; None before it."""
    messages_unanswered: int = 0
    """Messages the kernel moved on from without an answer."""
    messages_errored: int = 0
    """Messages that ended in error."""
    messages_dropped: int = 0
    """Accepted messages that made room for newer ones."""
    messages_discarded: int = 0
    """Messages queued or in flight when the kernel ended."""
    messages_rejected: int = 0
    """Sends refused because the queue was full; not among those received."""
    queue_depth: int = 0
    """Messages in the input queue, measured there."""
    in_flight: int = 0
    """Messages taken and not ended, measured at the kernel's side."""
    queue_depth_peak: int = 0
    """Longest the input queue has been; no reset touches it."""
    output_depth: int = 0
    """Replies and error replies in the output queue, measured there."""
    error_replies: int = 0
    """Errors put into the output queue in the place of replies."""
    replies_received: int = 0
    """Replies and error replies that callers received."""
    replies_discarded: int = 0
    """Replies and error replies thrown away uncollected."""
    restarts: int = 0
    """Times the code was started again after an exception; no reset touches it."""
    last_error: str | None = None
    """Type and text of the newest error; no reset touches it."""
    reset_time: float | None = None
    """Unix seconds of the last reset; None without one."""
    uptime_seconds: float | None = None
    """Uptime when the snapshot was taken; None where it was made by hand and goes on running."""
    queue_wait: LatencySummary | None = None
    """How long messages waited, from acceptance until the kernel took them; None: none timed."""
    service: LatencySummary | None = None
    """How long the kernel had them, until they ended, however they ended; None: none timed."""
    latency_sample_rate: float | None = None
    """Messages timed per message taken, 1.0: all; None where none was timed."""
    duty_cycle: float | None = None
    """Share of the uptime that messages spent in the kernel's code, its awaits included: 0.0 to
    1.0, estimated from `service`; None where none was timed or the uptime is 0."""

    @property
    def uptime(self) -> float:
        """Seconds since `start_time`, or since the last reset, to the snapshot or the kernel's end.

        Built by hand with a `start_time` only, it runs to now. 0.0 before the activation.
        """
        if self.uptime_seconds is not None:
            return self.uptime_seconds
        if self.start_time is None:
            return 0.0
        return max(0.0, time.time() - self.start_time)

    @property
    def throughput(self) -> float:
        """Messages processed per second of uptime; 0.0 where the uptime is 0."""
        return rate(self.messages_processed, self.uptime)

    @property
    def error_rate(self) -> float:
        """Errors per message processed; with nothing processed the number of errors."""
        return ratio(self.errors, self.messages_processed)

    def to_dict(self) -> dict[str, Any]:
        """Give every field and property by name; the state as its string, latencies as dicts."""
        values = dict(self.__dict__)
        values["state"] = str(self.state)
        values["queue_wait"] = None if self.queue_wait is None else self.queue_wait.to_dict()
        values["service"] = None if self.service is None else self.service.to_dict()
        values["uptime"] = uptime = self.uptime
        values["throughput"] = rate(self.messages_processed, uptime)
        values["error_rate"] = ratio(self.errors, self.messages_processed)
        return values
