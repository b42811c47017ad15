"""What a kernel did, counted in plain integers by its own code and by its callers.

Nothing here looks at telemetry. Each number has one writer: the kernel's code, wherever it runs, or
the callers, who all run in the runtime's loop; both stand still when they are read.
"""

import asyncio
from contextlib import contextmanager

from pydotcompute.exceptions import EndOfStream


class Fault(Exception):  # noqa: N818 - it is none
    """An exception made on purpose."""

    recorded = False


class Truth:
    """One launch of a kernel, since that or the last reset.

    Telemetry's own counts begin at `first`, which stands for as many messages ended in each way.
    """

    def __init__(self, *, first, drops, replies):
        self.drops = drops
        self.replies = replies
        self.first = self.first_restarts = first
        self.has_failed = False
        # Callers count these.
        self.accepted = self.rejected = self.values = self.errors_received = 0
        self.in_a_row = 0  # batches on their way, whose count comes at their end
        # The kernel's code counts these.
        self.raised = self.taken = self.in_flight = self.marked = 0
        self.processed = self.unanswered = self.errored = self.discarded = 0
        self.sent = self.error_replies = self.errors = 0
        # What is left over when both stand still.
        self.dropped = self.left_before = 0

    # The kernel's code.

    @contextmanager
    def running(self):
        """Count how the code ends."""
        try:
            yield
        except EndOfStream:
            self.moved_on()
            raise
        except asyncio.CancelledError:
            self.lost_flight()
            raise
        except Fault as fault:
            self.raised += 1
            self.errors += not fault.recorded
            if self.in_flight:
                self.errored += 1
                self.in_flight -= 1
            self.lost_flight()
            raise
        self.moved_on()

    def took(self, count=1):
        self.taken += count
        self.in_flight += count

    def moved_on(self):
        unmarked = self.in_flight - self.marked
        self.errored += self.marked
        if self.replies:
            self.unanswered += unmarked
        else:
            self.processed += unmarked
        self.in_flight = self.marked = 0

    def lost_flight(self):
        self.discarded += self.in_flight
        self.in_flight = self.marked = 0

    def replied(self):
        self.sent += 1
        if self.in_flight:
            self.in_flight -= 1
            self.errored += self.marked > 0
            self.processed += self.marked == 0
            self.marked -= self.marked > 0
        elif self.left_before:
            self.left_before -= 1
        elif self.first + self.unanswered > 0:
            self.unanswered -= 1
            self.processed += 1

    def recorded(self, fault):
        fault.recorded = True
        self.errors += 1
        self.marked = min(self.marked + 1, self.in_flight)

    def failed_for_one(self):
        """Count what a handler raised for the message in flight."""
        self.in_flight -= 1
        self.errored += 1
        self.errors += 1
        self.error_replies += 1

    # Once the kernel is at rest, or has ended and its replies were received.

    @property
    def received(self):
        return self.values + self.errors_received

    @property
    def waiting(self):
        return self.accepted - self.taken - self.dropped

    def settle(self):
        """Tell what was dropped from what was taken: an idle kernel has nothing waiting."""
        if self.drops:
            self.dropped = self.accepted - self.taken

    def end(self, *, has_failed):
        """Count what the end of the kernel cost. Where it failed, its code did not start again."""
        self.has_failed = has_failed
        if self.sent > self.values:  # a handler's last reply, which it was cancelled with
            self.sent -= 1
            self.processed -= 1
            self.discarded += 1
        elif self.error_replies > self.errors_received:
            self.error_replies -= 1
            self.errored -= 1
            self.errors -= 1
            self.discarded += 1
        queued = self.waiting
        self.discarded += queued
        self.taken += queued

    def reset(self):
        """Begin again, with what waits in the queues; nothing is in flight."""
        self.left_before += self.first + self.unanswered
        self.accepted, self.sent = self.waiting, self.sent - self.values
        self.error_replies -= self.errors_received
        self.first = self.rejected = self.values = self.errors_received = 0
        self.taken = self.dropped = self.processed = self.unanswered = 0
        self.errored = self.discarded = self.errors = 0

    def first_of(self, name):
        """Give where telemetry's own count of that name began."""
        if name == "restarts":
            return self.first_restarts
        return 5 * self.first if name == "messages_received" else self.first

    def expected(self):
        """Give what telemetry has to show, by name."""
        counts = {
            "messages_processed": self.processed,
            "messages_unanswered": self.unanswered,
            "messages_errored": self.errored,
            "messages_dropped": self.dropped,
            "messages_discarded": self.discarded,
            "messages_rejected": self.rejected,
            "messages_sent": self.sent,
            "error_replies": self.error_replies,
            "errors": self.errors,
            "replies_received": self.received,
            "replies_discarded": 0,
        }
        counts |= {"messages_received": self.accepted, "restarts": self.raised - self.has_failed}
        depths = {
            "queue_depth": self.waiting,
            "in_flight": 0,
            "output_depth": self.sent + self.error_replies - self.received,
        }
        return {name: self.first_of(name) + count for name, count in counts.items()} | depths
