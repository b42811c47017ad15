"""Every call of a runtime, in every state, on kernels of every form, against a model of integers."""

import asyncio
import logging
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from surface.kernel_model import MOVES, NO_END_OF_RESTARTS, KernelModel
from surface.mailbox_model import Call, Raised
from surface.orders import (
    FORMS,
    USUAL_PRIORITY,
    Note,
    Order,
    executions_of,
    kernel_in,
    steps_in,
)
from surface.resting import (
    check_audit,
    check_conservation,
    check_readings,
    differences,
    outcome_of,
    turns_until,
)

from pydotcompute import RingKernelRuntime
from pydotcompute.options import KernelExecution

FOREVER = 1e6
AT_ONCE = 1e-9  # a window that is over before the next restart
LATE = (Raised("QueueTimeoutError"),)

kernels = st.sampled_from("ab")
sizes = st.integers(1, 4)
ways = st.sampled_from(["nowait", "once", "wait"])
steps = st.one_of(
    st.sampled_from(["reply", "reply", "replies", "mark"]),
    st.sampled_from(["reply", "try_reply", "take", "take_batch", "mark"]),
    st.sampled_from(["throw", "throw_marked", "return", "wind_down"]),
)
drafts = st.builds(
    dict,
    script=st.one_of(st.just(["reply"]), st.lists(steps, max_size=4)),
    priority=st.sampled_from([USUAL_PRIORITY] * 3 + [0, 255]),
    is_note=st.booleans(),
)
restarts = st.sampled_from([0, 1, NO_END_OF_RESTARTS])
launches = st.builds(
    dict,
    form=st.sampled_from(FORMS),
    restarts=restarts,
    queue_size=sizes,
    output_queue_size=sizes,
    backpressure=st.sampled_from(["block", "block", "reject", "drop"]),
    replies=st.sampled_from([True, True, False]),
)


class Surface(RuleBasedStateMachine):
    """Two kernels; after every step every count, state, order and outcome is the model's.

    A call begins in a task of its own and stays there where the model says that it waits. Where
    it would depend on who runs first what comes of a call, the call is made a little tamer.
    """

    execution = KernelExecution.TASK

    def __init__(self):
        super().__init__()
        logging.getLogger("pydotcompute").setLevel(logging.CRITICAL)
        self.runner = asyncio.Runner()
        self.loop = self.runner.get_loop()
        self.runtime = RingKernelRuntime(enable_telemetry=True)
        self.models, self.taken, self.calls = {}, {}, []
        self.number = 0
        self.doomed = None
        self.earlier = {name: dict.fromkeys("ab", 0) for name in ("messages_processed", "errors")}
        self.totals = (0, 0)
        self.kept = []

    def teardown(self):
        pending = [call.task for call in self.calls if not call.task.done()]
        for task in pending:
            task.cancel()
        self.runner.run(self.leave(pending))
        self.runner.close()
        logging.getLogger("pydotcompute").setLevel(logging.NOTSET)

    async def leave(self, pending):
        await asyncio.gather(*pending, return_exceptions=True)
        await self.runtime.terminate_all(timeout=0)
        await self.runtime.shutdown()

    @property
    def with_threads(self):
        return self.execution is KernelExecution.THREAD

    # Steps.

    def begin(self, call, coroutine):
        call.task = self.loop.create_task(coroutine)
        self.calls.append(call)

    def rest(self, then=None):
        """Wait until nothing happens any more, and compare; `then` is what the model does first."""
        doomed, self.doomed = self.doomed, None
        self.runner.run(self.come_to_rest(doomed, then))
        self.calls = [call for call in self.calls if call.is_pending]

    async def come_to_rest(self, doomed, then):
        if doomed is not None:
            turns, call, model = doomed
            self.cancel_after(turns, call.task)
            await self.turns_until(call.task.done)
            if call.task.cancelled():
                self.forget(model, call)
        if then is not None:
            then()
        for model in self.models.values():
            model.run()
        await self.turns_until(lambda: not self.differences())
        assert self.differences() == []

    def turns_until(self, is_so):
        return turns_until(is_so, with_threads=self.with_threads)

    def differences(self):
        return differences(self.runtime, self.models, self.taken, self.calls)

    def forget(self, model, call):
        model.give_up(call)
        call.outcome = Raised("CancelledError")

    async def at_once(self, method, *arguments):
        return method(*arguments)

    def make(self, draft, allows=lambda step: True, *, is_usual=False):
        """Make an order of a draft, without the steps that are not allowed."""
        self.number += 1
        forbidden = ("wind_down",) if self.with_threads else ()
        script = tuple(s for s in draft["script"] if s not in forbidden and allows(s))
        if draft["is_note"]:
            return Note(self.number, script)
        priority = USUAL_PRIORITY if is_usual else draft["priority"]
        return Order(self.number, script, priority=priority)

    def orders_for(self, model, drafts, how, *, asks=False):
        """Make orders of drafts, and say how they can be sent, so that their end is no chance."""
        room = model.queue_size - len(model.queue)
        is_row = len(drafts) > 1
        waits = how == "wait" and model.backpressure == "block" and room < len(drafts)
        if waits and not model.may_wait_for_room:
            how, waits = "once", False
        if self.with_threads and is_row:
            drafts = drafts[: max(room, 1)]
        is_calm = waits or bool(model.senders) or (self.with_threads and is_row)
        waiting = asks or bool(model.waiters)

        def allows(step):
            is_tame = not is_calm or all(map(model.is_calm, self.parts(step, model)))
            return is_tame and not (waiting and step == "try_reply")

        return [self.make(draft, allows, is_usual=is_calm) for draft in drafts], how

    def parts(self, step, model):
        return steps_in(Note(0, (step,)), model.form)

    # Lives.

    @initialize(launch_a=launches, launch_b=launches)
    def launch_both(self, launch_a, launch_b):
        for kernel, options in zip("ab", (launch_a, launch_b), strict=True):
            self.launch(kernel, options)
            self.move(kernel, "activate")

    @rule(kernel=kernels, options=launches)
    def launch(self, kernel, options):
        if self.execution not in executions_of(options["form"]):
            options = options | {"form": "loop"}
        before, call, taken = self.models.get(kernel), Call("launch"), []
        function, form = kernel_in(options["form"], taken)
        self.begin(call, self.launching(kernel, function, form, options))
        if before is not None and not before.is_over:
            call.outcome = Raised("KernelAlreadyExistsError")
        else:
            call.outcome = None
            self.put_aside(kernel)
            self.models[kernel], self.taken[kernel] = KernelModel(**options), taken
        self.rest()

    def launching(self, kernel, function, form, options):
        restarts = options["restarts"]
        return self.runtime.launch(
            kernel,
            function,
            form=form,
            execution=self.execution,
            on_error="restart" if restarts else "fail",
            max_restarts=1,
            restart_window=AT_ONCE if restarts == NO_END_OF_RESTARTS else FOREVER,
            **{name: options[name] for name in options if name not in ("form", "restarts")},
        )

    def put_aside(self, kernel):
        model = self.models.pop(kernel, None)
        if model is not None:
            for name, totals in self.earlier.items():
                totals[kernel] += model.counts[name]

    @rule(kernel=kernels, name=st.sampled_from(list(MOVES)))
    def move(self, kernel, name):
        call = Call(name)
        self.models[kernel].move(call, name)
        self.begin(call, getattr(self.runtime, name)(kernel))
        self.rest()

    @rule(kernel=kernels)
    def pause_or_go_on(self, kernel):
        moves = {origin: name for name, (origin, _) in MOVES.items()}
        if self.models[kernel].is_open:
            self.move(kernel, moves[self.models[kernel].state])

    @rule(kernel=kernels, drain=st.booleans(), last=st.lists(drafts, max_size=3))
    def terminate(self, kernel, drain, last):
        """Send what there is room for, then wind down at once, or when that is handled."""
        model, call = self.models[kernel], Call("terminate")
        room = model.queue_size - len(model.queue) if model.is_open else 0
        may_throw = not (self.with_threads or model.waiters)

        def allows(step):
            parts = self.parts(step, model)
            return all(part in ("reply", "mark") or (may_throw and model.is_calm(part)) for part in parts)

        orders = [self.make(draft, allows, is_usual=True) for draft in last[:room]]
        self.begin(call, self.send_and_terminate(kernel, orders, drain))
        for order in orders:
            model.put(order)
        self.rest(partial(model.terminate, call, drain=drain))

    async def send_and_terminate(self, kernel, orders, drain):
        for order in orders:
            self.runtime.send_nowait(kernel, order)
        await self.runtime.terminate(kernel, timeout=FOREVER, drain=drain)

    @rule(kernel=kernels)
    def cut_short(self, kernel):
        """Cancel the code where it waits."""
        model, call = self.models[kernel], Call("terminate")
        if model.is_blocked or not model.queue or model.state == "launched":
            self.begin(call, self.runtime.terminate(kernel, timeout=0))
            self.rest(partial(self.cut, model, call))

    def cut(self, model, call):
        model.terminate(call, drain=False)
        if not model.is_over:
            model.cancel()

    # Messages.

    @rule(kernel=kernels, draft=drafts, how=ways, by_portal=st.sampled_from([False] * 4 + [True]))
    def send(self, kernel, draft, how, by_portal):
        model = self.models[kernel]
        (order,), how = self.orders_for(model, [draft], how)
        call = Call("send", [order])
        caller = self.runtime.portal() if by_portal else self.runtime
        if by_portal:
            how = "once" if how == "wait" else how
        model.send(call, how)
        self.begin(call, self.sending(caller, kernel, order, how))
        if by_portal:
            self.wait_for(call)
        self.rest()

    def sending(self, caller, kernel, order, how):
        is_elsewhere = caller is not self.runtime
        if how == "nowait":
            run = asyncio.to_thread if is_elsewhere else self.at_once
            return run(caller.send_nowait, kernel, order)
        timeout = 0 if how == "once" else None
        if is_elsewhere:
            return asyncio.to_thread(caller.send, kernel, order, timeout=timeout)
        return caller.send(kernel, order, timeout=timeout)

    def wait_for(self, call):
        """Let a call end that no model knows the outcome of, or that another thread makes."""
        self.runner.run(asyncio.wait([call.task], timeout=FOREVER))

    @rule(kernel=kernels, batch=st.lists(drafts, max_size=6), waits=st.booleans())
    def send_batch(self, kernel, batch, waits):
        model = self.models[kernel]
        orders, how = self.orders_for(model, batch, "wait" if waits else "once")
        call = Call("send batch", orders)
        model.send_batch(call, how)
        timeout = None if how == "wait" else 0
        self.begin(call, self.runtime.send_batch(kernel, orders, timeout=timeout))
        self.rest()

    @rule(kernel=kernels, draft=drafts, waits=st.booleans())
    def send_and_receive(self, kernel, draft, waits):
        model = self.models[kernel]
        waits = waits and model.may_wait_for_reply
        (order,), how = self.orders_for(model, [draft], "wait" if waits else "once", asks=True)
        call = Call("ask", [order])
        timeout = None if waits and how == "wait" else 0
        self.begin(call, self.runtime.send_and_receive(kernel, order, timeout=timeout))
        if timeout == 0:
            self.wait_for(call)
        model.send(call, how if timeout is None else "once")
        if timeout == 0 and call.is_pending and outcome_of(call.task) in LATE:
            model.give_up(call)  # its message stays accepted, and its reply is anybody's
            call.outcome = LATE[0]
        self.rest()

    @rule(kernel=kernels, how=ways, by_portal=st.sampled_from([False] * 4 + [True]))
    def receive(self, kernel, how, by_portal):
        model, call = self.models[kernel], Call("receive")
        if by_portal or (how == "wait" and not model.may_wait_for_reply):
            how = "nowait"
        model.receive(call, how)
        if by_portal:
            self.begin(call, asyncio.to_thread(self.runtime.portal().receive_nowait, kernel))
            self.wait_for(call)
        elif how == "nowait":
            self.begin(call, self.at_once(self.runtime.receive_nowait, kernel))
        else:
            timeout = 0 if how == "once" else None
            self.begin(call, self.runtime.receive(kernel, timeout=timeout))
        self.rest()

    @rule(kernel=kernels, most=st.integers(1, 5), waits=st.booleans())
    def receive_batch(self, kernel, most, waits):
        model = self.models[kernel]
        waits = waits and model.may_wait_for_reply
        if not model.output or self.with_threads:  # more may come while the first is taken
            most = max(1, min(most, len(model.output)))
        call = Call("receive batch", most=most)
        model.receive(call, "wait" if waits else "once")
        timeout = None if waits else 0
        self.begin(call, self.runtime.receive_batch(kernel, most, timeout=timeout))
        self.rest()

    # Cancellations.

    def waiting(self, lines):
        """List the calls that wait in some lines, each with its model."""
        return [
            (call, model)
            for model in self.models.values()
            for line in lines
            for call in getattr(model, line)
        ]

    @rule(which=st.integers(0, 9))
    def cancel(self, which):
        waiting = self.waiting(("senders", "waiters", "terminators"))
        if waiting:
            call, model = waiting[which % len(waiting)]
            self.doomed = None
            call.task.cancel()
            self.forget(model, call)
            self.rest()

    @rule(which=st.integers(0, 9), turns=st.integers(0, 6))
    def cancel_amid_the_next_step(self, which, turns):
        """Cancel a call while something else happens; it may be done by then."""
        waiting = self.waiting(("senders", "waiters", "terminators"))
        single = [(call, model) for call, model in waiting if self.tells_what_it_did(call)]
        if single:
            self.doomed = (turns, *single[which % len(single)])

    def tells_what_it_did(self, call):
        """Whether its end says if its message was accepted."""
        return call.kind != "send batch" and (call.kind != "ask" or call.accepted)

    def cancel_after(self, turns, task):
        if turns:
            self.loop.call_soon(self.cancel_after, turns - 1, task)
        else:
            task.cancel()

    # Counts.

    @rule(kernel=st.sampled_from("abb") | st.none())
    def reset(self, kernel):
        self.runtime.reset_telemetry(kernel)
        for name in self.models if kernel is None else [kernel]:
            self.models[name].reset()
            for totals in self.earlier.values():
                totals[name] = 0
        self.totals = (0, 0)

    @rule()
    def keep_a_snapshot(self):
        self.kept = [(t, t.to_dict()) for t in self.runtime.get_all_telemetry().values()]

    @invariant()
    def everything_is_the_models(self):
        assert self.differences() == []
        check_conservation(self.runtime, self.models)
        check_audit(self.runtime, self.models)
        check_readings(self.runtime, self.models)

    @invariant()
    def totals_shrink_only_by_a_reset(self):
        summary = self.runtime.get_summary()
        totals = (summary["total_messages"], summary["total_errors"])
        for total, before, name in zip(totals, self.totals, self.earlier, strict=True):
            assert total >= before
            now = sum(model.counts[name] for model in self.models.values())
            assert total == now + sum(self.earlier[name].values())
        self.totals = totals

    @invariant()
    def snapshots_do_not_change(self):
        assert all(telemetry.to_dict() == kept for telemetry, kept in self.kept)
