"""One incarnation of a kernel, from its launch to its end, as it is to be at rest."""

from surface.mailbox_model import Failure, MailboxModel, Raised, priority_of
from surface.orders import USUAL_PRIORITY, answer, steps_in

OPEN = ("launched", "active", "deactivated")
ENDED = ("terminated", "failed")
MOVES = {
    "activate": ("launched", "active"),
    "deactivate": ("active", "deactivated"),
    "reactivate": ("deactivated", "active"),
}
WAY_ON = {"launched": "activate", "deactivated": "reactivate"}
NO_END_OF_RESTARTS = -1


class KernelModel(MailboxModel):
    """What callers do to a kernel, and what its code does then.

    A call that needs no waiting has its outcome at once; `run()` lets everybody go on until
    nobody can.
    """

    def __init__(self, *, form, restarts, **mailbox):
        super().__init__(**mailbox)
        self.form = form
        self.restarts_left = restarts
        self.restarts = 0
        self.state = "launched"
        self.senders = []  # calls that wait for room
        self.refused = []  # calls that were told so, or will be just now
        self.terminators = []  # calls that wait for the end
        self.trace = []
        self.order = None
        self.script = None  # the steps left of the order; None: waits for the next one
        self.part = 0
        self.is_recorded = False
        self.failure = self.last_error = None

    @property
    def is_over(self):
        return self.state in ENDED

    @property
    def is_open(self):
        return self.state in OPEN

    @property
    def is_blocked(self):
        """Whether the code waits for room for a reply."""
        return bool(self.script) and not self.is_over

    @property
    def refusal(self):
        if self.state == "failed":
            return Raised("KernelFailedError", self.failure)
        return Raised("KernelStateError")

    # What leaves no doubt, whoever runs first.

    def steps_ahead(self):
        return [s for order in self.queue for s in steps_in(order, self.form)] + (self.script or [])

    def is_calm(self, step):
        """Whether a step brings the same, be the next sender let in before it or after."""
        if "handler" in self.form:
            return True
        if step in ("throw", "throw_marked"):
            return self.restarts_left == NO_END_OF_RESTARTS
        return step in ("reply", "replies", "mark", "fail")

    @property
    def may_wait_for_room(self):
        is_calm = all(map(self.is_calm, self.steps_ahead()))
        return is_calm and all(priority_of(order) == USUAL_PRIORITY for order in self.queue)

    @property
    def may_wait_for_reply(self):
        return "try_reply" not in self.steps_ahead()

    def is_the_same_at_an_end(self, step, *, may_throw):
        """Whether a step brings the same, be the input closed before it or after."""
        if step.startswith("throw"):
            return may_throw and self.is_calm(step)
        return step in ("reply", "replies", "mark")

    # What callers do.

    def move(self, call):
        origin, target = MOVES[call.kind]
        if self.state != origin:
            call.outcome = Raised("KernelStateError")
            return
        self.state, call.outcome = target, None

    def send(self, call, how):
        """Send one message, be it to ask: "nowait", "once" or "wait" says what if it is full."""
        if not self.is_open:
            call.outcome = self.refusal
        elif not self.is_full or self.backpressure == "drop":
            self.put(call.orders[0])
            self.has_accepted(call)
        elif how == "nowait" or self.backpressure == "reject":
            self.count("messages_rejected")
            call.outcome = Raised("QueueFullError")
        elif how == "once":
            call.outcome = Raised("QueueFullTimeoutError")
        else:
            self.senders.append(call)

    def send_batch(self, call, how):
        if not call.orders:
            call.outcome = 0
        elif not self.is_open:
            call.outcome = self.refusal
        elif how == "wait" and self.backpressure == "block":
            self.senders.append(call)
        else:
            call.outcome = sum(map(self.fits, call.orders))

    def fits(self, order):
        if self.is_full and self.backpressure != "drop":
            self.count("messages_rejected", self.backpressure == "reject")
            return False
        self.put(order)
        return True

    def has_accepted(self, call):
        call.accepted += 1
        if call.kind == "ask":
            self.waiters.append(call)
            self.distribute()
        elif call.accepted < len(call.orders):
            self.senders.append(call)  # in a row of single sends the next one comes last
        else:
            call.outcome = len(call.orders) if call.kind == "send batch" else None

    def receive(self, call, how):
        if self.output:
            call.get(self.collect(call.most or 1))
        elif self.is_over:
            call.outcome = self.refusal
        elif how == "nowait":
            call.outcome = Raised("QueueEmptyError")
        elif how == "once":
            call.outcome = Raised("QueueTimeoutError")
        else:
            self.waiters.append(call)

    def give_up(self, call, outcome):
        """Take a call that was cancelled, or ran out of time, out of every line."""
        call.outcome = outcome
        for line in (self.senders, self.waiters, self.terminators):
            if call in line:
                line.remove(call)

    def terminate(self, call, *, drain):
        if drain:
            self.run()
        self.close_input()
        self.terminators.append(call)
        if self.is_over:
            self.release()

    def close_input(self):
        if not self.is_open:
            return
        never_ran = self.state == "launched"
        self.state = "terminating"
        self.refuse_senders()
        if never_ran:
            self.end("terminated")

    def cut(self, call):
        """Terminate without time to wind down: code that waits is cancelled."""
        self.terminate(call, drain=False)
        if not self.is_over:
            self.count("errors", self.script == ["fail"])
            self.end("terminated")

    # What becomes of it.

    def run(self):
        while self.let_in() or self.go_on():
            pass

    def let_in(self):
        if not self.senders or self.is_full:
            return False
        call = self.senders.pop(0)
        self.put(call.orders[call.accepted])
        self.has_accepted(call)
        return True

    def go_on(self):
        """Let the code do one thing; whether it could."""
        if self.is_over or self.state == "launched":
            return False
        if self.script is None:
            return self.begin_next()
        if not self.script:
            self.script = None
            self.ask()
            return True
        step = self.script[0]
        if step in ("reply", "fail") and self.is_output_full:
            return False
        self.script.pop(0)
        getattr(self, f"do_{step}")()
        return True

    def begin_next(self):
        if self.state == "deactivated" or not (self.queue or self.state == "terminating"):
            return False
        if not self.queue:
            self.do_return()
            return True
        self.order, self.part, self.is_recorded = self.take_one(), 0, False
        self.script = steps_in(self.order, self.form)
        if self.script == ["fail"]:
            self.last_error = self.error_text
        return True

    def take_one(self):
        order = self.pop()
        self.trace.append(order.number)
        return order

    @property
    def error_text(self):
        return f"ValueError: {self.order.number}"

    def do_reply(self):
        self.part += 1
        self.put_reply(answer(self.order, self.part))

    def do_try_reply(self):
        if not self.is_output_full:
            self.do_reply()
        self.trace.append("tried")

    def do_fail(self):
        named = getattr(self.order, "message_id", None)
        self.put_reply(Failure(self.order.number, named))

    def do_take(self, most=1):
        self.ask()
        if self.state == "terminating" and not self.queue:
            self.do_return()
            return
        if self.state != "deactivated":
            for _ in range(min(most, len(self.queue))):
                self.take_one()
        self.trace.append("polled")

    def do_take_batch(self):
        self.do_take(2)

    def do_mark(self):
        self.is_recorded, self.last_error = True, self.error_text
        self.mark()

    def do_wind_down(self):
        self.close_input()

    def do_throw(self):
        self.fail(counted=False)

    def do_throw_marked(self):
        self.fail(counted=self.is_recorded)

    def do_return(self):
        self.ask()
        self.end("terminated")

    def fail(self, *, counted):
        """Let an exception leave the code, which starts again where it may."""
        if not counted:
            self.count("errors")
            self.last_error = self.error_text
        self.marked = self.in_flight  # so that the oldest ends as errored, and only that one
        self.land("messages_errored")
        self.count("messages_discarded", self.in_flight)
        self.in_flight = self.marked = 0
        if self.state == "terminating" or self.restarts_left == 0:
            self.failure = str(self.order.number)
            self.end("failed")
            return
        self.script = None
        self.restarts += 1
        self.restarts_left -= self.restarts_left != NO_END_OF_RESTARTS

    def end(self, state):
        self.discard()
        self.state, self.script = state, None
        self.refuse_senders()
        self.release()

    def refuse_senders(self):
        for call in self.senders:
            call.outcome = call.accepted or self.refusal
        self.refused += self.senders
        self.senders.clear()

    def release(self):
        """Tell everybody who still waits that it is over."""
        for call in self.refused:
            call.alternatives = (call.accepted or self.refusal,)  # it looks only now
        for call in self.waiters:
            call.outcome = self.refusal
        for call in self.terminators:
            call.outcome = None
        for line in (self.refused, self.waiters, self.terminators):
            line.clear()
