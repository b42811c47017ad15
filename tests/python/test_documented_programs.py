"""Programs as the pages for users of ring kernels teach them, with exact results.

Their loops poll with a timeout, look at the state, and catch what comes, often everything.
"""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from kernels_for_tests import counts

from pydotcompute import KernelState, RingKernelRuntime, message, ring_kernel
from pydotcompute.exceptions import (
    KernelNotFoundError,
    KernelStateError,
    MessageTypeError,
    QueueFullError,
)
from pydotcompute.ring_kernels.lifecycle import KernelContext, managed_kernel
from pydotcompute.ring_kernels.message import RingKernelMessage
from pydotcompute.ring_kernels.queue import BackpressureStrategy, MessageQueue
from pydotcompute.testing import wait_until_idle


@message
@dataclass
class Order:
    price: float
    count: int = 1
    action: str = "buy"


@message
@dataclass
class Receipt:
    total: float = 0.0
    success: bool = True
    error: str | None = None
    message_id: UUID = field(default_factory=uuid4)
    priority: int = 128
    correlation_id: UUID | None = None


def bill(order):
    if order.action == "haggle":
        text = "prices are fixed"
        raise ValueError(text)
    return order.price / (order.count and 1) * order.count


@ring_kernel(kernel_id="till")
async def till(ctx: KernelContext[Order, Receipt]) -> None:
    while not ctx.should_terminate:
        if not ctx.is_active:
            await ctx.wait_active()
            continue
        try:
            order = await ctx.receive(timeout=0.1)
            await ctx.send(Receipt(total=bill(order), correlation_id=order.message_id))
        except asyncio.TimeoutError:  # noqa: UP041 - as the pages spell it
            continue


@ring_kernel(kernel_id="careless")
async def careless(ctx):
    while not ctx.should_terminate:
        if not ctx.is_active:
            await ctx.wait_active()
            continue
        try:
            order = await ctx.receive(timeout=0.1)
            await ctx.send(Receipt(total=bill(order)))
        except:  # noqa: E722, S112 - as the pages teach it
            continue


@ring_kernel(kernel_id="polite")
async def polite(ctx):
    while not ctx.should_terminate:
        try:
            order = await ctx.receive(timeout=0.1)
            try:
                await ctx.send(Receipt(total=bill(order), correlation_id=order.message_id))
            except ZeroDivisionError:
                await ctx.send(Receipt(success=False, error="nothing ordered"))
            except ValueError as error:
                await ctx.send(Receipt(success=False, error=str(error)))
        except TimeoutError:
            continue


@ring_kernel(kernel_id="stock")
async def stock(ctx):
    """Keep a number of its own between messages."""
    left = 10
    while not ctx.should_terminate:
        try:
            order = await ctx.receive(timeout=0.1)
        except asyncio.TimeoutError:  # noqa: UP041 - as the pages spell it
            continue
        left += {"buy": -1, "return": 1}[order.action] * order.count
        await ctx.send(left)


LOOPS = ["till", "careless", "polite"]


@pytest.mark.parametrize("kernel_id", LOOPS)
async def test_a_request_is_answered(kernel_id):
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch(kernel_id)
        await runtime.activate(kernel_id)
        for count in range(1, 101):
            await runtime.send(kernel_id, Order(price=2.5, count=count))
            receipt = await runtime.receive(kernel_id, timeout=1.0)
            assert receipt.total == 2.5 * count
        telemetry = runtime.get_telemetry(kernel_id)
        assert telemetry.messages_processed == 100
        assert telemetry.errors == 0
        summary = runtime.get_summary()
        assert (summary["kernel_count"], summary["total_messages"]) == (1, 100)


async def test_a_response_names_its_request(runtime):
    await runtime.launch("till")
    await runtime.activate("till")
    order = Order(price=3.0, count=2)
    await runtime.send("till", order)
    receipt = await runtime.receive("till", timeout=1.0)
    assert receipt.correlation_id == order.message_id


async def test_states_follow_the_calls():
    async with RingKernelRuntime() as runtime:
        with pytest.raises(KernelNotFoundError):
            runtime.get_state("till")
        await runtime.launch("till")
        assert runtime.get_state("till") == KernelState.LAUNCHED
        with pytest.raises(KernelStateError):
            await runtime.launch("till")
        await runtime.activate("till")
        with pytest.raises(KernelStateError):
            await runtime.activate("till")
        assert runtime.get_state("till") == KernelState.ACTIVE
        assert runtime.active_kernels == runtime.kernel_ids == ["till"]
        await runtime.terminate("till", timeout=5.0)
        assert runtime.get_state("till") == KernelState.TERMINATED


@pytest.mark.parametrize("kernel_id", LOOPS)
async def test_a_pause_keeps_messages_and_loses_none(runtime, kernel_id):
    await runtime.launch(kernel_id)
    await runtime.activate(kernel_id)
    for count in range(3):
        await runtime.send(kernel_id, Order(1.0, count + 1))
    await wait_until_idle(runtime)
    await runtime.deactivate(kernel_id)
    assert runtime.get_state(kernel_id) == KernelState.DEACTIVATED
    for count in range(3, 6):
        await runtime.send(kernel_id, Order(1.0, count + 1))
    assert counts(runtime, kernel_id)["queue_depth"] == 3
    await runtime.reactivate(kernel_id)
    totals = [(await runtime.receive(kernel_id, timeout=1.0)).total for _ in range(6)]
    assert totals == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


@pytest.mark.parametrize("kernel_id", [*LOOPS, "stock"])
@pytest.mark.parametrize("paused", [False, True], ids=["active", "paused"])
async def test_a_polling_loop_ends_when_it_is_told_to(runtime, kernel_id, paused):
    await runtime.launch(kernel_id)
    await runtime.activate(kernel_id)
    await wait_until_idle(runtime)
    if paused:
        await runtime.deactivate(kernel_id)
    async with asyncio.timeout(2):
        await runtime.terminate(kernel_id, timeout=60)
    assert runtime.get_state(kernel_id) == KernelState.TERMINATED
    assert counts(runtime, kernel_id) == {}


async def test_an_exception_that_a_bare_except_swallows_leaves_its_message_unanswered(runtime):
    await runtime.launch("careless")
    await runtime.activate("careless")
    for action in ("buy", "haggle", "buy", "haggle", "buy"):
        await runtime.send("careless", Order(1.0, action=action))
    for _ in range(3):
        assert (await runtime.receive("careless", timeout=1.0)).total == 1.0
    await wait_until_idle(runtime)
    assert counts(runtime, "careless") == {
        "received": 5,
        "processed": 3,
        "sent": 3,
        "replies_received": 3,
        "unanswered": 2,
        "queue_depth_peak": 5,
    }


async def test_errors_are_answered_where_the_kernel_answers_them(runtime):
    await runtime.launch("polite")
    await runtime.activate("polite")
    for order in (Order(1.0), Order(1.0, count=0), Order(1.0, action="haggle")):
        await runtime.send("polite", order)
    receipts = [await runtime.receive("polite", timeout=1.0) for _ in range(3)]
    assert [(r.success, r.error) for r in receipts] == [
        (True, None),
        (False, "nothing ordered"),
        (False, "prices are fixed"),
    ]
    assert counts(runtime, "polite")["processed"] == 3


async def test_a_batch_is_sent_and_counted(runtime):
    await runtime.launch("till", queue_size=2)
    assert await runtime.send_batch("till", []) == 0
    assert await runtime.send_batch("till", [Order(1.0), Order(2.0), Order(3.0)], timeout=0) == 2
    await runtime.activate("till")
    assert [(await runtime.receive("till", timeout=1.0)).total for _ in range(2)] == [1.0, 2.0]


async def test_a_kernel_keeps_its_state_between_messages(runtime):
    await runtime.launch("stock")
    await runtime.activate("stock")
    left = []
    for action, count in (("buy", 3), ("return", 1), ("buy", 5)):
        await runtime.send("stock", Order(1.0, count, action))
        left.append(await runtime.receive("stock", timeout=1.0))
    assert left == [7, 8, 3]


async def test_kernels_in_a_row_hand_messages_on():
    async def doubled(ctx):
        while not ctx.should_terminate:
            try:
                await ctx.send(await ctx.receive(timeout=0.1) * 2)
            except:  # noqa: E722, S112 - as the pages teach it
                continue

    async with RingKernelRuntime() as runtime:
        for stage in ("first", "second", "third"):
            await runtime.launch(stage, doubled)
        for stage in runtime.kernel_ids:
            await runtime.activate(stage)
        number = 1
        for stage in runtime.active_kernels:
            await runtime.send(stage, number)
            number = await runtime.receive(stage, timeout=1.0)
        assert number == 8


async def test_declared_types_are_checked(runtime):
    @ring_kernel(kernel_id="strict", input_type=Order, output_type=Receipt, auto_register=False)
    async def strict(ctx):
        await ctx.send(Receipt(total=bill(await ctx.receive())))

    with pytest.raises(KernelNotFoundError):
        await runtime.launch("strict")
    await runtime.launch("strict", strict)
    await runtime.activate("strict")
    with pytest.raises(MessageTypeError):
        await runtime.send("strict", "no order")
    await runtime.send("strict", Order(1.5))
    assert (await runtime.receive("strict", timeout=1.0)).total == 1.5


async def test_the_queue_of_the_decorator_counts(runtime):
    @ring_kernel(kernel_id="newest", queue_size=2, backpressure=BackpressureStrategy.DROP_OLDEST)
    async def newest(ctx):
        while not ctx.should_terminate:
            try:
                await ctx.send(await ctx.receive(timeout=0.01))
            except:  # noqa: E722, S112 - as the pages teach it
                continue

    await runtime.launch("newest")
    for number in range(5):
        await runtime.send("newest", number)
    await runtime.activate("newest")
    assert [await runtime.receive("newest", timeout=1.0) for _ in range(2)] == [3, 4]
    assert counts(runtime, "newest")["dropped"] == 3


async def test_a_managed_kernel_is_there_for_its_block(runtime):
    async with managed_kernel(runtime, "counter", till) as kernel_id:
        await runtime.send(kernel_id, Order(2.0))
        assert (await runtime.receive(kernel_id)).total == 2.0
    assert runtime.get_state("counter") == KernelState.TERMINATED


async def test_a_queue_of_ones_own():
    queue = MessageQueue(max_size=3, backpressure=BackpressureStrategy.REJECT)
    await queue.put(Order(1.0, priority=100))
    await queue.put(Order(2.0, priority=200))
    await queue.put(Order(3.0, priority=100))
    with pytest.raises(QueueFullError):
        await queue.put(Order(4.0))
    assert queue.size / queue.max_size == 1.0
    assert queue.peek().price == 2.0
    assert [(await queue.get()).price for _ in range(3)] == [2.0, 1.0, 3.0]
    assert queue.get_nowait() is None
    with pytest.raises(asyncio.TimeoutError):
        await queue.get(timeout=0.01)


async def test_a_full_queue_is_told_after_the_timeout():
    queue = MessageQueue(max_size=1)
    await queue.put(Order(1.0))
    with pytest.raises(QueueFullError):
        await queue.put(Order(2.0), timeout=0.01)
    assert queue.size == 1


def test_a_message_is_turned_into_bytes_and_back():
    sent = Receipt(total=1.5, error="none", priority=200, correlation_id=uuid4())
    restored = Receipt.deserialize(sent.serialize())
    assert (restored.total, restored.error, restored.priority) == (1.5, "none", 200)
    assert restored == sent
    assert restored.message_id == sent.message_id
    assert isinstance(restored, RingKernelMessage)
    assert Order.deserialize(Order(price=10, count=5).serialize()).price == 10.0
