"""Handlers: called once a message; an exception costs that message alone."""

import asyncio
import logging

import pytest

from pydotcompute import KernelState, RingKernelRuntime, ring_kernel
from pydotcompute.exceptions import KernelExecutionError, KernelFailedError
from pydotcompute.testing import wait_until_idle


def invert(number):
    return 12 // number


async def invert_slowly(number):
    await asyncio.sleep(0)
    return 12 // number


def invert_later(number):
    return invert_slowly(number)


class Inverter:
    async def __call__(self, number):
        return 12 // number


HANDLERS = {
    "def": (invert, {}),
    "async def": (invert_slowly, {"form": "handler"}),
    "an object": (Inverter(), {"form": "handler"}),
    "def that returns an awaitable": (invert_later, {}),
}


@pytest.fixture
async def runtime():
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        yield runtime
        await runtime.terminate_all(timeout=0)


async def start(runtime, function, **options):
    await runtime.launch("k", function, **options)
    await runtime.activate("k")


@pytest.mark.parametrize(("function", "options"), HANDLERS.values(), ids=HANDLERS)
async def test_what_a_handler_returns_is_the_reply(runtime, function, options):
    await start(runtime, function, **options)
    for number in (1, 2, 3):
        await runtime.send("k", number)
        assert await runtime.receive("k", timeout=5.0) == 12 // number
    t = runtime.get_telemetry("k")
    assert (t.messages_processed, t.messages_sent) == (3, 3)


@pytest.mark.parametrize(("function", "options"), HANDLERS.values(), ids=HANDLERS)
async def test_an_exception_is_raised_in_the_replys_place_and_the_next_message_goes_on(
    runtime, function, options
):
    await start(runtime, function, **options)
    await runtime.send_batch("k", [1, 0, 2])
    assert await runtime.receive("k") == 12
    with pytest.raises(KernelExecutionError, match="ZeroDivisionError") as caught:
        await runtime.receive("k")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert caught.value.kernel_id == "k"
    assert await runtime.receive("k") == 6
    t = runtime.get_telemetry("k")
    assert (t.messages_processed, t.messages_errored, t.errors) == (2, 1, 1)
    assert (t.messages_sent, t.error_replies, t.replies_received) == (2, 1, 3)
    assert t.last_error.startswith("ZeroDivisionError")
    assert t.state is KernelState.ACTIVE


async def test_a_batch_gives_the_replies_before_an_error_and_the_next_call_raises_it(runtime):
    await start(runtime, invert)
    await runtime.send_batch("k", [1, 2, 0, 3])
    await wait_until_idle(runtime)
    assert await runtime.receive_batch("k", 10) == [12, 6]
    with pytest.raises(KernelExecutionError):
        await runtime.receive_batch("k", 10)
    assert await runtime.receive_batch("k", 10) == [4]


async def test_an_error_takes_a_place_in_the_output_queue_and_waits_for_it(runtime):
    await start(runtime, invert, output_queue_size=1)
    await runtime.send_batch("k", [0, 0, 1])
    await wait_until_idle(runtime)
    t = runtime.get_telemetry("k")
    assert (t.output_depth, t.error_replies, t.in_flight) == (1, 1, 1)
    for _ in range(2):
        with pytest.raises(KernelExecutionError):
            await runtime.receive("k", timeout=5.0)
    assert await runtime.receive("k", timeout=5.0) == 12


async def test_a_handler_that_returns_none_leaves_its_message_unanswered(runtime):
    seen = []
    await start(runtime, seen.append)
    await runtime.send_batch("k", [1, 2])
    await wait_until_idle(runtime)
    t = runtime.get_telemetry("k")
    assert (seen, t.messages_unanswered, t.messages_sent) == ([1, 2], 2, 0)


async def test_a_handler_without_replies_has_processed_its_messages(runtime):
    seen = []
    await start(runtime, seen.append, replies=False)
    await runtime.send_batch("k", [1, 2])
    await wait_until_idle(runtime)
    assert runtime.get_telemetry("k").messages_processed == 2


async def test_a_reply_of_a_wrong_type_is_an_error_of_its_message(runtime):
    await start(runtime, invert, output_type=str)
    await runtime.send("k", 1)
    with pytest.raises(KernelExecutionError, match="MessageTypeError"):
        await runtime.receive("k")
    assert runtime.get_telemetry("k").messages_errored == 1


async def test_an_exception_that_is_no_exception_ends_the_kernel(runtime, caplog):
    class Stop(BaseException):
        pass

    def stops(_message):
        raise Stop

    caplog.set_level(logging.CRITICAL, logger="pydotcompute")
    await start(runtime, stops)
    await runtime.send("k", 1)
    with pytest.raises(KernelFailedError) as caught:
        await runtime.receive("k")
    assert isinstance(caught.value.__cause__, Stop)
    t = runtime.get_telemetry("k")
    assert (t.state, t.errors, t.messages_errored) == (KernelState.FAILED, 1, 1)


async def test_a_handlers_exceptions_are_logged_at_debug_only(runtime, caplog):
    caplog.set_level(logging.DEBUG, logger="pydotcompute")
    await start(runtime, invert)
    await runtime.send("k", 0)
    await wait_until_idle(runtime)
    assert [record.levelname for record in caplog.records] == ["DEBUG"]
    assert "kernel 'k' failed for one message" in caplog.text


async def test_termination_hands_out_what_is_queued_and_then_ends_the_handler(runtime):
    await start(runtime, invert)
    await runtime.deactivate("k")
    await runtime.send_batch("k", [1, 2, 3])
    await runtime.terminate("k")
    assert runtime.get_state("k") is KernelState.TERMINATED
    assert await runtime.receive_batch("k", 5) == [12, 6, 4]


async def test_a_cancelled_handler_discards_its_message(runtime, caplog):
    caplog.set_level(logging.CRITICAL, logger="pydotcompute")
    called = asyncio.Event()

    async def hangs(_message):
        called.set()
        await asyncio.Event().wait()

    await start(runtime, hangs, form="handler")
    await runtime.send("k", 1)
    await called.wait()
    await runtime.terminate("k", timeout=0)
    t = runtime.get_telemetry("k")
    assert (t.messages_discarded, t.errors, t.state) == (1, 0, KernelState.TERMINATED)


async def test_a_decorated_handler_is_found_by_its_id(runtime):
    @ring_kernel(kernel_id="doubles")
    def double(number):
        return number * 2

    await runtime.launch("doubles_1")
    await runtime.activate("doubles_1")
    await runtime.send("doubles_1", 4)
    assert await runtime.receive("doubles_1") == 8


async def test_a_storm_of_exceptions_keeps_every_count(runtime):
    await start(runtime, invert)
    for _ in range(50):
        await runtime.send_batch("k", [0] * 20)
        for _ in range(20):
            with pytest.raises(KernelExecutionError):
                await runtime.receive("k")
    t = runtime.get_telemetry("k")
    assert (t.messages_errored, t.errors, t.error_replies, t.in_flight) == (1000, 1000, 1000, 0)
