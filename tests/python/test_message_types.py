"""Messages and replies are of the types that the kernel was launched for."""

import pytest
from kernels_for_tests import counts, echo, start, start_puppet, turns
from refusals_for_tests import called

from pydotcompute import KernelState, message, ring_kernel
from pydotcompute.exceptions import MessageTypeError, MessageValidationError


@message
class Request:
    """A number."""

    number: int = 0


@message
class Response:
    """Its answer."""

    number: int = 0


class Special(Request):
    """A request of its own class."""


TAKEN = [
    (Request, Request(), True),
    (Request, Special(), True),
    (Request, Response(), False),
    (Request, Request, False),
    (Request, None, False),
    (int, True, True),
    (int, 1.0, False),
    (int | str, "x", True),
    (int | None, None, True),
    (int | str, b"x", False),
    ((int, str), 1, True),
    ((int, (str, bytes)), b"x", True),
    ((int, str), None, False),
    (object, None, True),
]
taken = pytest.mark.parametrize(("declared", "sent", "is_taken"), TAKEN)


async def refuse_sends(runtime, sent):
    with pytest.raises(MessageTypeError) as caught:
        await runtime.send("k", sent)
    with pytest.raises(MessageTypeError):
        await runtime.send("k", sent, timeout=0)
    with pytest.raises(MessageTypeError):
        runtime.send_nowait("k", sent)
    return caught.value


@taken
async def test_a_message_is_of_the_declared_input_type(runtime, declared, sent, is_taken):
    await start(runtime, "k", echo, input_type=declared)
    if is_taken:
        await runtime.send("k", sent)
        assert await runtime.receive("k") is sent
        return
    error = await refuse_sends(runtime, sent)
    assert (error.kernel_id, error.message_type) == ("k", type(sent).__name__)
    assert counts(runtime) == {}
    assert runtime.get_state("k") is KernelState.ACTIVE


@taken
async def test_a_reply_is_of_the_declared_output_type(runtime, declared, sent, is_taken):
    puppet = await start_puppet(runtime, output_type=declared)
    if is_taken:
        await puppet.ctx.send(sent)
        assert await runtime.receive("k") is sent
        return
    with pytest.raises(MessageTypeError) as caught:
        await puppet.ctx.send(sent)
    assert caught.value.kernel_id == "k"
    assert counts(runtime) == {}


async def test_the_text_names_both_types_and_the_way_out(runtime):
    await start(runtime, "k", echo, input_type=(Request, int))
    error = await refuse_sends(runtime, Response())
    assert isinstance(error, TypeError)
    assert (error.message_type, error.expected_type) == ("Response", "Request or int")
    for named in ("'k'", "Response", "Request", "int", "input_type"):
        assert named in str(error)


async def test_a_kernel_that_lets_a_wrong_reply_out_fails_with_it(runtime):
    await start(runtime, "k", echo, output_type=str)
    await runtime.send("k", 1)
    await turns()
    assert runtime.get_state("k") is KernelState.FAILED
    assert counts(runtime)["errored"] == 1
    assert "sent" not in counts(runtime)
    assert runtime.get_telemetry("k").last_error.startswith("MessageTypeError")


async def test_types_of_the_decorator_are_checked_unless_the_launch_says_otherwise(runtime):
    @ring_kernel(kernel_id="typed", input_type=int, auto_register=False)
    async def typed(ctx):
        await echo(ctx)

    await start(runtime, "k", typed)
    await refuse_sends(runtime, "x")
    await start(runtime, "other", typed, input_type=str)
    await runtime.send("other", "x")


async def test_a_wrong_type_is_told_before_a_full_queue(runtime):
    await start_puppet(runtime, queue_size=1, input_type=int, backpressure="reject")
    runtime.send_nowait("k", 1)
    await refuse_sends(runtime, "x")
    assert "rejected" not in counts(runtime)


@pytest.mark.parametrize("priority", [-1, 256, 2**70, 1.5, "high", None])
async def test_a_priority_spoilt_after_the_construction_is_refused(runtime, priority):
    await start(runtime, "k", echo)
    spoilt = Request(number=1)
    spoilt.priority = priority
    for send in (runtime.send, runtime.send_nowait):
        with pytest.raises(MessageValidationError) as caught:
            await called(send, "k", spoilt)
        assert (caught.value.message_type, caught.value.field) == ("Request", "priority")
        assert all(named in str(caught.value) for named in (repr(priority), "0 to 255"))
    assert counts(runtime) == {}
    spoilt.priority = 0
    await runtime.send("k", spoilt)
    assert await runtime.receive("k") is spoilt
