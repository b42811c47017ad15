"""A kernel's two queues, and everything that is counted, as plain integers and lists."""

from typing import NamedTuple
from uuid import UUID

from surface.orders import USUAL_PRIORITY, Answer, Order

COUNTS = (
    "messages_received",
    "messages_sent",
    "messages_processed",
    "messages_unanswered",
    "messages_errored",
    "messages_dropped",
    "messages_discarded",
    "messages_rejected",
    "errors",
    "error_replies",
    "replies_received",
    "replies_discarded",
)
PENDING = "pending"


class Raised(NamedTuple):
    """An exception that a call raised: its class, and the text of its cause."""

    name: str
    cause: str = ""


class Failure(NamedTuple):
    """The error that stands in the place of a reply."""

    number: int
    correlation_id: UUID | None


class Call:
    """A call of the runtime, and what it is to bring."""

    def __init__(self, kind, orders=(), most=None):
        self.kind = kind
        self.orders = list(orders)
        self.most = most
        self.accepted = 0
        self.outcome = PENDING
        self.alternatives = ()
        self.task = None

    @property
    def own_id(self):
        """The id that the reply would name which is this call's alone."""
        if self.kind == "ask" and isinstance(self.orders[0], Order):
            return self.orders[0].message_id
        return None

    @property
    def tells_what_it_did(self):
        """Whether its end says if its message was accepted."""
        return self.kind != "send batch" and (self.kind != "ask" or self.accepted > 0)

    @property
    def is_pending(self):
        return self.outcome == PENDING

    def get(self, replies):
        """Bring these replies, of which only the first can be an error."""
        if isinstance(replies[0], Failure):
            self.outcome = Raised("KernelExecutionError", str(replies[0].number))
        else:
            self.outcome = replies[0] if self.most is None else replies


def priority_of(order):
    return getattr(order, "priority", USUAL_PRIORITY)


def named_by(reply):
    return reply.correlation_id if isinstance(reply, Answer | Failure) else None


class MailboxModel:
    """Two queues, who waits at them, what is in flight, and the counts since the last reset."""

    def __init__(self, *, queue_size, output_queue_size, backpressure, replies):
        self.queue_size = queue_size
        self.output_queue_size = output_queue_size
        self.backpressure = backpressure
        self.replies = replies
        self.queue = []
        self.output = []
        self.waiters = []  # calls that wait for a reply, first come first
        self.in_flight = 0
        self.marked = 0  # of those in flight: with a recorded error
        self.left = []  # messages left unanswered, oldest first: since the reset?
        self.counts = dict.fromkeys(COUNTS, 0)

    def count(self, name, number=1):
        self.counts[name] += number

    @property
    def totals(self):
        return {"processed": self.counts["messages_processed"], "errors": self.counts["errors"]}

    @property
    def is_full(self):
        return len(self.queue) >= self.queue_size

    @property
    def is_output_full(self):
        return len(self.output) >= self.output_queue_size

    def put(self, order):
        """Accept an order; a full queue drops the oldest of the lowest priority."""
        self.count("messages_received")
        self.queue.append(order)
        if len(self.queue) > self.queue_size:
            self.queue.remove(min(self.queue, key=priority_of))
            self.count("messages_dropped")

    def pop(self):
        """Take the oldest order of the highest priority."""
        order = max(self.queue, key=priority_of)
        self.queue.remove(order)
        self.in_flight += 1
        return order

    def ask(self):
        """End all that is in flight, as asking for the next message does."""
        left = self.in_flight - self.marked
        self.count("messages_errored", self.marked)
        self.count("messages_unanswered" if self.replies else "messages_processed", left)
        self.left += [True] * left if self.replies else []
        self.in_flight = self.marked = 0

    def land(self, ending):
        """End the oldest in flight; without any, an answer is for the oldest left unanswered."""
        if self.in_flight:
            self.in_flight -= 1
            self.count("messages_errored" if self.marked else ending)
            self.marked = max(0, self.marked - 1)
        elif ending == "messages_processed" and self.left and self.left.pop(0):
            self.count("messages_unanswered", -1)
            self.count("messages_processed")

    def put_reply(self, reply):
        self.output.append(reply)
        if isinstance(reply, Failure):
            self.count("error_replies")
            self.count("errors")
            self.land("messages_errored")
        else:
            self.count("messages_sent")
            self.land("messages_processed")
        self.distribute()

    def mark(self):
        self.count("errors")
        self.marked = min(self.in_flight, self.marked + 1)

    def collect(self, most):
        """Take the oldest replies; an error only alone."""
        replies = [self.output.pop(0)]
        while len(replies) < most and self.output and not isinstance(replies[0], Failure):
            if isinstance(self.output[0], Failure):
                break
            replies.append(self.output.pop(0))
        self.count("replies_received", len(replies))
        return replies

    def distribute(self):
        """Give each reply to the call that it is for, if one waits."""
        for reply in tuple(self.output):
            call = self.taker_of(reply)
            if call is not None:
                self.output.remove(reply)
                self.waiters.remove(call)
                self.count("replies_received")
                call.get([reply])

    def taker_of(self, reply):
        """Find the call a reply is for: its own, else for a reply without a name the first.

        One whose call waits no more is for the first call that wants any.
        """
        named = named_by(reply)
        if named is None:
            return next(iter(self.waiters), None)
        own = [call for call in self.waiters if call.own_id == named]
        return next(iter(own + [call for call in self.waiters if call.own_id is None]), None)

    def discard(self):
        """End what is in flight or queued as discarded."""
        self.count("messages_discarded", self.in_flight + len(self.queue))
        self.in_flight = self.marked = 0
        self.queue.clear()

    def reset(self):
        """Count from now on: what is queued, in flight or in the output counts as new."""
        errors = sum(isinstance(reply, Failure) for reply in self.output)
        self.counts = dict.fromkeys(COUNTS, 0)
        self.count("messages_received", len(self.queue) + self.in_flight)
        self.count("messages_sent", len(self.output) - errors)
        self.count("error_replies", errors)
        self.left = [False] * len(self.left)
