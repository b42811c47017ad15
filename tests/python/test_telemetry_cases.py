"""Each case that the telemetry contract tells apart, against counts kept by the test itself."""

import asyncio
import logging

import pytest

from pydotcompute import KernelState, KernelTelemetry, RingKernelRuntime
from pydotcompute.exceptions import KernelFailedError, QueueTimeoutError
from pydotcompute.testing import wait_until_idle


async def shown(kernel, *messages, runtime_options=None, **options):
    """Launch `kernel`, send it messages, let it come to rest and return its telemetry."""
    async with RingKernelRuntime(enable_telemetry=True, **(runtime_options or {})) as runtime:
        await runtime.launch("k", kernel, **options)
        await runtime.activate("k")
        for message in messages:
            await runtime.send("k", message)
        await wait_until_idle(runtime)
        telemetry = runtime.get_telemetry("k")
    assert_conserved(telemetry)
    return telemetry


def assert_conserved(t: KernelTelemetry) -> None:
    ended = t.messages_processed + t.messages_unanswered + t.messages_errored
    ended += t.messages_dropped + t.messages_discarded
    assert t.messages_received == ended + t.queue_depth + t.in_flight
    assert t.messages_sent + t.error_replies == (
        t.replies_received + t.output_depth + t.replies_discarded
    )


def outcomes(t: KernelTelemetry) -> dict[str, int]:
    names = ["processed", "unanswered", "errored", "dropped", "discarded"]
    return {name: n for name in names if (n := getattr(t, f"messages_{name}"))}


async def echo(ctx):
    while True:
        await ctx.send(await ctx.receive())


async def test_a_message_answered_is_processed_and_sent():
    t = await shown(echo, 1, 2, 3)
    assert outcomes(t) == {"processed": 3}
    assert (t.messages_received, t.messages_sent, t.output_depth) == (3, 3, 3)


async def test_a_sink_that_gives_no_replies_has_processed_what_it_moved_on_from():
    async def sink(ctx):
        while True:
            await ctx.receive()

    t = await shown(sink, 1, 2, 3, replies=False)
    assert outcomes(t) == {"processed": 3}
    assert t.messages_sent == 0


async def test_a_sink_that_did_not_say_so_leaves_its_messages_unanswered():
    async def sink(ctx):
        while True:
            await ctx.receive()

    t = await shown(sink, 1, 2, 3)
    assert outcomes(t) == {"unanswered": 3}
    assert t.error_rate == 0.0


async def test_a_swallowed_exception_shows_as_unanswered_and_not_as_success():
    async def swallows(ctx):
        while not ctx.should_terminate:
            try:
                await ctx.send(1 // await ctx.receive())
            except ZeroDivisionError:
                continue

    t = await shown(swallows, 1, 0, 1, 0)
    assert outcomes(t) == {"processed": 2, "unanswered": 2}
    assert t.errors == 0


async def test_a_raise_fails_the_kernel_and_ends_its_message_as_errored():
    async def fails(ctx):
        raise ValueError(await ctx.receive())

    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", fails)
        await runtime.activate("k")
        await runtime.send("k", "first")
        await runtime.send("k", "second")
        with pytest.raises(KernelFailedError):
            await runtime.receive("k")
        t = runtime.get_telemetry("k")
    assert_conserved(t)
    assert outcomes(t) == {"errored": 1, "discarded": 1}
    assert (t.state, t.errors, t.last_error) == (KernelState.FAILED, 1, "ValueError: first")


async def test_reply_then_raise_is_processed_and_one_error():
    async def kernel(ctx):
        await ctx.send(await ctx.receive())
        raise ValueError

    t = await shown(kernel, 1)
    assert outcomes(t) == {"processed": 1}
    assert (t.errors, t.last_error) == (1, "ValueError")


async def test_a_second_reply_to_a_message_is_sent_only():
    async def twice(ctx):
        while True:
            message = await ctx.receive()
            await ctx.send(message)
            await ctx.send(message)

    t = await shown(twice, 1, 2)
    assert outcomes(t) == {"processed": 2}
    assert t.messages_sent == 4


async def test_a_second_reply_answers_a_message_left_unanswered():
    async def skips_then_answers_twice(ctx):
        await ctx.receive()
        message = await ctx.receive()
        await ctx.send(message)
        await ctx.send(message)
        await ctx.receive()

    t = await shown(skips_then_answers_twice, 1, 2)
    assert outcomes(t) == {"processed": 2}


async def test_a_reply_with_nothing_in_flight_and_nothing_unanswered_is_sent_only():
    async def talks_first(ctx):
        await ctx.send("hello")
        await ctx.receive()

    t = await shown(talks_first)
    assert (t.messages_sent, t.messages_received, outcomes(t)) == (1, 0, {})


async def test_an_exception_with_nothing_in_flight_is_an_error_and_ends_no_message():
    async def fails_at_once(_ctx):
        raise RuntimeError

    t = await shown(fails_at_once)
    assert (t.errors, outcomes(t)) == (1, {})
    assert t.error_rate == 1.0


async def test_a_recorded_error_ends_its_message_as_errored_when_asked_past():
    async def records(ctx):
        while True:
            ctx.record_error(ValueError(await ctx.receive()))

    t = await shown(records, "a", "b")
    assert outcomes(t) == {"errored": 2}
    assert (t.errors, t.last_error) == (2, "ValueError: b")


async def test_a_recorded_error_ends_its_message_as_errored_when_answered():
    async def records_and_answers(ctx):
        while True:
            message = await ctx.receive()
            ctx.record_error(ValueError(message))
            await ctx.send(message)

    t = await shown(records_and_answers, "a", "b")
    assert outcomes(t) == {"errored": 2}
    assert (t.messages_sent, t.errors) == (2, 2)


async def test_a_recorded_error_ends_its_message_as_errored_when_returned_past():
    async def records_and_returns(ctx):
        ctx.record_error(ValueError(await ctx.receive()))

    t = await shown(records_and_returns, "a")
    assert outcomes(t) == {"errored": 1}
    assert t.state is KernelState.TERMINATED


async def test_an_error_recorded_with_nothing_to_mark_counts_alone():
    async def records(ctx):
        ctx.record_error(ValueError("idle"))
        await ctx.send(await ctx.receive())
        await ctx.receive()

    t = await shown(records, 1)
    assert (t.errors, outcomes(t)) == (1, {"processed": 1})


async def test_an_exception_recorded_and_then_raised_counts_once():
    async def records_and_raises(ctx):
        error = ValueError(await ctx.receive())
        ctx.record_error(error)
        raise error

    t = await shown(records_and_raises, "a")
    assert (t.errors, outcomes(t)) == (1, {"errored": 1})


async def test_an_exception_recorded_by_one_kernel_and_raised_by_another_counts_for_each():
    error = ValueError("shared")

    async def records(ctx):
        ctx.record_error(error)
        await ctx.receive()

    async def raises(_ctx):
        raise error

    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        for kernel_id, kernel in {"a": records, "b": raises}.items():
            await runtime.launch(kernel_id, kernel)
            await runtime.activate(kernel_id)
        await wait_until_idle(runtime)
        assert [t.errors for t in runtime.get_all_telemetry().values()] == [1, 1]


async def test_a_kernel_that_tries_again_with_the_same_exception_counts_each_record():
    error = ValueError("again")

    async def records_twice(ctx):
        ctx.record_error(error)
        ctx.record_error(error)
        await ctx.receive()

    assert (await shown(records_twice)).errors == 2


async def test_a_timeout_that_the_kernel_caught_is_no_error():
    async def polls(ctx):
        while not ctx.should_terminate:
            try:
                await ctx.send(await ctx.receive(timeout=0))
            except TimeoutError:
                continue

    t = await shown(polls, 1, 2)
    assert (t.errors, outcomes(t)) == (0, {"processed": 2})


async def test_a_timeout_that_left_the_kernel_is_an_error_like_any_other():
    async def gives_up(ctx):
        await ctx.receive(timeout=0)

    t = await shown(gives_up)
    assert (t.errors, t.state) == (1, KernelState.FAILED)


async def test_asking_ends_the_earlier_message_also_where_the_asking_times_out():
    asked = asyncio.Event()

    async def asks_again(ctx):
        await ctx.receive()
        with pytest.raises(QueueTimeoutError):
            await ctx.receive(timeout=0)
        asked.set()
        await asyncio.Event().wait()

    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", asks_again)
        await runtime.activate("k")
        await runtime.send("k", 1)
        await asked.wait()
        t = runtime.get_telemetry("k")
        await runtime.terminate("k", timeout=0)
    assert (outcomes(t), t.in_flight) == ({"unanswered": 1}, 0)


async def test_three_taken_then_three_replies_are_three_processed():
    async def late(ctx):
        messages = [await ctx.receive() for _ in range(3)]
        for message in messages:
            await ctx.send(message)
        await ctx.receive()

    t = await shown(late, 1, 2, 3)
    assert outcomes(t) == {"processed": 3}


async def test_of_several_in_flight_each_reply_ends_the_oldest_and_asking_ends_the_rest():
    async def batches(ctx):
        assert await ctx.receive_batch(3) == [1, 2, 3]
        ctx.record_error(ValueError("first"))
        await ctx.send("first")
        await ctx.send("second")
        await ctx.receive()

    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", batches)
        for message in (1, 2, 3):
            await runtime.send("k", message)
        await runtime.activate("k")
        await wait_until_idle(runtime)
        t = runtime.get_telemetry("k")
    assert outcomes(t) == {"errored": 1, "processed": 1, "unanswered": 1}


async def test_an_exception_with_several_in_flight_errors_the_oldest_and_discards_the_rest():
    async def batch_fails(ctx):
        await ctx.receive_batch(3)
        raise ValueError

    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", batch_fails)
        for message in (1, 2, 3):
            await runtime.send("k", message)
        await runtime.activate("k")
        await wait_until_idle(runtime)
        t = runtime.get_telemetry("k")
    assert_conserved(t)
    assert outcomes(t) == {"errored": 1, "discarded": 2}


@pytest.mark.parametrize("how", ["return", "end of stream"])
async def test_what_is_in_flight_at_a_return_or_the_end_of_input_is_unanswered(how):
    async def ends(ctx):
        await ctx.receive()
        if how == "end of stream":
            ctx.request_termination()
            await ctx.receive()

    t = await shown(ends, 1)
    assert (outcomes(t), t.errors) == ({"unanswered": 1}, 0)


async def test_what_is_in_flight_or_queued_at_a_cancellation_is_discarded(caplog):
    taken = asyncio.Event()

    async def holds(ctx):
        await ctx.receive()
        taken.set()
        await asyncio.Event().wait()

    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("k", holds)
        await runtime.activate("k")
        for message in (1, 2, 3):
            await runtime.send("k", message)
        await taken.wait()
        with caplog.at_level(logging.WARNING, logger="pydotcompute"):
            await runtime.terminate("k", timeout=0)
        t = runtime.get_telemetry("k")
    assert_conserved(t)
    assert (outcomes(t), t.errors) == ({"discarded": 3}, 0)
    assert [record.getMessage() for record in caplog.records] == [
        "kernel 'k' ended and discarded 3 messages"
    ]
