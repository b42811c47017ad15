"""Every waiting operation of the public surface, in every form, and what each of them is for."""

from waiting_for_tests import MOVING as EACH_END
from waiting_for_tests import Operation, Receive, Reply, Send, WaitActive

from pydotcompute import MessageQueue, RingKernelRuntime
from pydotcompute.ring_kernels.lifecycle import managed_kernel
from pydotcompute.runtime import KernelContext, KernelHandle


def scope(runtime, kernel):
    return runtime.kernel_scope("k", kernel)


def managed(runtime, kernel):
    return managed_kernel(runtime, "k", kernel)


class SendOne(Send):
    """runtime.send_batch() of one message on a full queue."""

    operation = RingKernelRuntime.send_batch

    def call(self, tag=None, **timeout):
        return self.runtime.send_batch("k", [tag], **timeout)


class SendByHandle(Send):
    """handle.send() on a full queue."""

    operation = KernelHandle.send

    def call(self, tag=None, **timeout):
        return KernelHandle(self.runtime, "k").send(tag, **timeout)


class ReceiveOne(Receive):
    """runtime.receive_batch() without a reply."""

    operation = RingKernelRuntime.receive_batch

    def call(self, _tag=None, **timeout):
        return self.runtime.receive_batch("k", 1, **timeout)


class ReceiveByHandle(Receive):
    """handle.receive() without a reply."""

    operation = KernelHandle.receive

    def call(self, _tag=None, **timeout):
        return KernelHandle(self.runtime, "k").receive(**timeout)


class ReplyOne(Reply):
    """ctx.send_batch() of one reply on a full output queue."""

    operation = KernelContext.send_batch

    def call(self, tag=None, **timeout):
        return self.ctx.send_batch([tag], **timeout)


class Put(Operation):
    """queue.put() on a full queue."""

    operation = MessageQueue.put

    @classmethod
    async def prepare(cls, _runtime):
        """Make a queue that makes the operation wait."""
        self = cls()
        self.queue = MessageQueue(1)
        self.passed = 0
        self.fill()
        return self

    def fill(self):
        self.queue.put_nowait("old")

    def call(self, _tag=None, **timeout):
        return self.queue.put("new", **timeout)

    def serve(self):
        assert self.queue.get_nowait() is not None
        self.passed += 1

    def counts(self):
        return self.queue.size

    def moved(self):
        return self.passed + self.queue.size


class Get(Put):
    """queue.get() without a message."""

    operation = MessageQueue.get

    def fill(self):
        pass

    def call(self, _tag=None, **timeout):
        return self.queue.get(**timeout)

    def serve(self):
        self.queue.put_nowait("new")
        self.passed += 1

    def moved(self):
        return self.passed - self.queue.size


MOVING = [*EACH_END, SendOne, SendByHandle, ReceiveOne, ReceiveByHandle, ReplyOne, Put, Get]
WAITING = [*MOVING, WaitActive]
