"""Every call of a runtime, in every state, on kernels of every form, against plain integers."""

import asyncio
import logging
from functools import partial

from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from surface.kernel_model import NO_END_OF_RESTARTS, WAY_ON, KernelModel
from surface.mailbox_model import Call, Raised
from surface.orders import USUAL_PRIORITY, Note, Order, can_run, kernel_in
from surface.resting import MOST_SECONDS, check_together, differences, outcome_of, turns_until
from surface.steps import KERNELS, launches, steps

from pydotcompute import RingKernelRuntime
from pydotcompute.options import KernelExecution

FOREVER = 1e6
AT_ONCE = 1e-9  # a window that is over before the next restart
LATE = Raised("QueueTimeoutError")
CANCELLED = Raised("CancelledError")
NO_TOTALS = {"processed": 0, "errors": 0}


class Surface(RuleBasedStateMachine):
    """Two kernels; after every step every count, state, order and outcome is the model's.

    A call begins in a task of its own and stays there where the model says that it waits. Where
    what comes of a call would depend on who runs first, the call is made a little tamer.
    """

    execution = KernelExecution.TASK

    def __init__(self):
        super().__init__()
        logging.getLogger("pydotcompute").setLevel(logging.CRITICAL)
        self.runner = asyncio.Runner()
        self.loop = self.runner.get_loop()
        self.runtime = RingKernelRuntime(enable_telemetry=True)
        self.models, self.traces, self.calls, self.kept = {}, {}, [], []
        self.number = 0
        self.doomed = None
        self.earlier = {name: dict.fromkeys(KERNELS, 0) for name in NO_TOTALS}
        self.totals = NO_TOTALS

    def teardown(self):
        self.runner.run(self.leave([call.task for call in self.calls]))
        self.runner.close()
        logging.getLogger("pydotcompute").setLevel(logging.NOTSET)

    async def leave(self, tasks):
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.runtime.terminate_all(timeout=0)
        await self.runtime.shutdown()

    @property
    def with_threads(self):
        return self.execution is KernelExecution.THREAD

    @initialize(launch_a=launches, launch_b=launches)
    def begin_with(self, launch_a, launch_b):
        for kernel, options in zip(KERNELS, (launch_a, launch_b), strict=True):
            self.launch(kernel, options)
            self.move(kernel, None)

    @rule(step=steps)
    def do(self, step):
        name, arguments = step
        getattr(self, name)(**arguments)

    # Beginning calls, and waiting for rest.

    def begin(self, call, coroutine):
        call.task = self.loop.create_task(coroutine)
        self.calls.append(call)

    async def at_once(self, method, *arguments):
        return method(*arguments)

    def wait_for(self, call):
        """Let a call end first, because the model has to know how, or another thread makes it."""
        self.runner.run(asyncio.wait([call.task], timeout=MOST_SECONDS))
        assert call.task.done(), f"{call.kind} {call.orders} never ends"

    def rest(self, then=None):
        """Wait until nothing happens any more, and compare; `then` is what the model does first."""
        self.runner.run(self.come_to_rest(then))
        self.calls = [call for call in self.calls if call.is_pending]

    async def come_to_rest(self, then):
        doomed, self.doomed = self.doomed, None
        if doomed is not None:
            turns, call, model = doomed
            self.cancel_after(turns, call.task)
            await self.turns_until(call.task.done)
            if call.task.cancelled():
                model.give_up(call, CANCELLED)
        if then is not None:
            then()
        for model in self.models.values():
            model.run()
        await self.turns_until(lambda: not self.differences())
        found = self.differences()
        assert not found, "\n".join(found)
        self.check_together()

    def turns_until(self, is_so):
        return turns_until(is_so, with_threads=self.with_threads)

    def differences(self):
        return differences(self.runtime, self.models, self.traces, self.calls)

    def check_together(self):
        """Check what is true of all kernels, of totals, and of snapshots kept from before."""
        check_together(self.runtime, self.models)
        assert all(telemetry.to_dict() == kept for telemetry, kept in self.kept)
        self.kept = [(t, t.to_dict()) for t in self.runtime.get_all_telemetry().values()]
        summary = self.runtime.get_summary()
        before = self.totals
        self.totals = {"processed": summary["total_messages"], "errors": summary["total_errors"]}
        for name, total in self.totals.items():
            now = sum(model.totals[name] for model in self.models.values())
            assert total == now + sum(self.earlier[name].values())
            assert total >= before[name]

    # Lives.

    def launch(self, kernel, options):
        if not can_run(options["form"], self.execution):
            options = options | {"form": "loop"}
        before, call, trace = self.models.get(kernel), Call("launch"), []
        self.begin(call, self.launching(kernel, trace, **options))
        if before is not None and not before.is_over:
            call.outcome = Raised("KernelAlreadyExistsError")
        else:
            call.outcome = None
            self.put_aside(kernel)
            self.models[kernel], self.traces[kernel] = KernelModel(**options), trace
        self.rest()

    def launching(self, kernel, trace, *, form, restarts, **options):
        function, form = kernel_in(form, trace)
        return self.runtime.launch(
            kernel,
            function,
            form=form,
            execution=self.execution,
            on_error="restart" if restarts else "fail",
            max_restarts=1,
            restart_window=AT_ONCE if restarts == NO_END_OF_RESTARTS else FOREVER,
            **options,
        )

    def put_aside(self, kernel):
        model = self.models.pop(kernel, None)
        for name, totals in self.earlier.items():
            totals[kernel] += 0 if model is None else model.totals[name]

    def launch_again(self, kernel, options, is_rash):
        """Launch and activate what is over; rashly: also what is not."""
        for name in [name for name, model in self.models.items() if model.is_over]:
            self.launch(name, options)
            self.move(name, None)
        if is_rash:
            self.launch(kernel, options)

    def move(self, kernel, to):
        """Move a kernel to another state; None: let it go on, where it can."""
        model = self.models[kernel]
        if to is None and model.state not in WAY_ON:
            return
        call = Call(to or WAY_ON[model.state])
        model.move(call)
        self.begin(call, getattr(self.runtime, call.kind)(kernel))
        self.rest()

    def terminate(self, kernel, way, last):
        """Cancel the code where it waits, or send what there is room for and wind down.

        That begins at once, or with `drain` when all was handled.
        """
        model, call = self.models[kernel], Call("terminate")
        if way == "cut" and (model.is_blocked or not model.queue or model.state == "launched"):
            self.begin(call, self.runtime.terminate(kernel, timeout=0))
            self.rest(partial(model.cut, call))
            return
        room = model.queue_size - len(model.queue) if model.is_open else 0
        may_throw = not (self.with_threads or model.waiters)
        allows = partial(model.is_the_same_at_an_end, may_throw=may_throw)
        orders = [self.make(draft, allows, is_usual=True) for draft in last[:room]]
        self.begin(call, self.send_and_terminate(kernel, orders, drain=way == "drain"))
        for order in orders:
            model.put(order)
        self.rest(partial(model.terminate, call, drain=way == "drain"))

    async def send_and_terminate(self, kernel, orders, *, drain):
        for order in orders:
            self.runtime.send_nowait(kernel, order)
        await self.runtime.terminate(kernel, timeout=FOREVER, drain=drain)

    # Messages.

    def make(self, draft, allows, *, is_usual):
        """Make an order of a draft, without the steps that are not allowed."""
        self.number += 1
        script, priority = draft
        script = tuple(step for step in script if allows(step))
        if priority is None:
            return Note(self.number, script)
        return Order(self.number, script, priority=USUAL_PRIORITY if is_usual else priority)

    def make_all(self, model, drafts, how, *, asks=False):
        """Make orders of drafts, and say how they can be sent, so that their end is no chance."""
        room, is_row = model.queue_size - len(model.queue), len(drafts) > 1
        waits = how == "wait" and model.backpressure == "block" and room < len(drafts)
        is_wild = is_row and not all(model.is_calm(step) for script, _ in drafts for step in script)
        if waits and (is_wild or not model.may_wait_for_room):
            how, waits = "once", False
        is_calm = waits or bool(model.senders)
        if self.with_threads and is_row:
            drafts, is_calm = drafts[: max(room, 1)], True

        def allows(step):
            if is_calm and not model.is_calm(step):
                return False
            if step == "try_reply":
                return not (asks or model.waiters)
            return step != "wind_down" or not self.with_threads

        return [self.make(draft, allows, is_usual=is_calm) for draft in drafts], how

    def send(self, kernel, draft, how, by_portal):
        model = self.models[kernel]
        (order,), how = self.make_all(model, [draft], how)
        call = Call("send", [order])
        if by_portal:
            model.send(call, "nowait")
            self.begin(call, asyncio.to_thread(self.runtime.portal().send_nowait, kernel, order))
            self.wait_for(call)
        elif how == "nowait":
            model.send(call, how)
            self.begin(call, self.at_once(self.runtime.send_nowait, kernel, order))
        else:
            model.send(call, how)
            timeout = 0 if how == "once" else None
            self.begin(call, self.runtime.send(kernel, order, timeout=timeout))
        self.rest()

    def send_batch(self, kernel, batch, waits):
        model = self.models[kernel]
        orders, how = self.make_all(model, batch, "wait" if waits else "once")
        call = Call("send batch", orders)
        model.send_batch(call, how)
        timeout = 0 if how == "once" else None
        self.begin(call, self.runtime.send_batch(kernel, orders, timeout=timeout))
        self.rest()

    def ask(self, kernel, draft, waits):
        model = self.models[kernel]
        waits = waits and model.may_wait_for_reply
        (order,), how = self.make_all(model, [draft], "wait" if waits else "once", asks=True)
        call = Call("ask", [order])
        timeout = 0 if how == "once" else None
        self.begin(call, self.runtime.send_and_receive(kernel, order, timeout=timeout))
        if timeout == 0:
            self.wait_for(call)
        model.send(call, how)
        if timeout == 0 and call.is_pending and outcome_of(call.task) == LATE:
            model.give_up(call, LATE)  # the message stays accepted, and its reply is anybody's
        self.rest()

    def receive(self, kernel, how, by_portal):
        model, call = self.models[kernel], Call("receive")
        how = "nowait" if by_portal or not model.may_wait_for_reply else how
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

    def receive_batch(self, kernel, most, waits):
        model = self.models[kernel]
        waits = waits and model.may_wait_for_reply
        if not model.output or self.with_threads:  # more may come while the first is taken
            most = max(1, min(most, len(model.output)))
        if self.with_threads and not model.may_wait_for_reply:
            most = 1  # the code may try to reply between the first and the second
        call = Call("receive batch", most=most)
        model.receive(call, "wait" if waits else "once")
        timeout = None if waits else 0
        self.begin(call, self.runtime.receive_batch(kernel, most, timeout=timeout))
        self.rest()

    # Cancellations and counts.

    def cancel(self, kernel, which, turns):
        """Cancel a call that waits; after some turns, if any: amid what may serve it just then."""
        model = self.models[kernel]
        waiting = [*model.senders, *model.waiters, *model.terminators]
        if not waiting:
            return
        call = waiting[which % len(waiting)]
        if turns is None or not call.tells_what_it_did:
            call.task.cancel()
            model.give_up(call, CANCELLED)
            self.rest()
            return
        self.doomed = (turns, call, model)
        if call in model.waiters and model.is_open:
            self.send(kernel, (("reply",), None), "nowait", by_portal=False)
        else:
            self.receive(kernel, "nowait", by_portal=False)

    def cancel_after(self, turns, task):
        if turns:
            self.loop.call_soon(self.cancel_after, turns - 1, task)
        else:
            task.cancel()

    def reset(self, kernel, is_all):
        self.runtime.reset_telemetry(None if is_all else kernel)
        for name in self.models if is_all else [kernel]:
            self.models[name].reset()
            for totals in self.earlier.values():
                totals[name] = 0
        self.totals = NO_TOTALS
        self.rest()
