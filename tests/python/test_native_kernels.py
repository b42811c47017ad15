"""Kernels whose code is a C function, from launch to telemetry."""

import asyncio
import ctypes
import pickle
from typing import Annotated

import numpy as np
import pytest
from native_for_tests import Pair, counts, library, start

from pydotcompute import KernelExecution, dtype_of, message, native_kernel
from pydotcompute.exceptions import (
    InvalidArgumentError,
    InvalidTypeError,
    KernelExecutionError,
    MessageTypeError,
    MessageValidationError,
    QueueEmptyError,
    QueueFullError,
    QueueFullTimeoutError,
    QueueTimeoutError,
)
from pydotcompute.telemetry import CallerLedger, audit
from pydotcompute.testing import wait_until_idle


@pytest.fixture(scope="module")
def shared():
    return library()


@pytest.fixture
def gated():
    """Give a library of whose gate no other test knows; it is open at the end."""
    made = library()
    yield made
    made.open_gate()


async def test_a_message_is_handled_by_the_c_function(runtime, shared):
    await start(runtime, shared.kernel())
    reply = await runtime.send_and_receive("k", Pair(number=21, weight=1.0), timeout=5.0)
    assert isinstance(reply, Pair)
    assert (reply.number, reply.weight) == (42, 1.5)
    await wait_until_idle(runtime)
    assert counts(runtime) == (1, 1, 0, 0, 0, 1)


async def test_an_error_code_is_an_error_in_the_replys_place(runtime, shared):
    await start(runtime, shared.kernel())
    for number in (1, -7, 2):
        await runtime.send("k", Pair(number=number))
    assert (await runtime.receive("k", timeout=5.0)).number == 2
    with pytest.raises(KernelExecutionError, match="error code -7") as raised:
        await runtime.receive("k", timeout=5.0)
    assert raised.value.error_code == -7
    assert pickle.loads(pickle.dumps(raised.value)).error_code == -7  # noqa: S301 - our own
    assert (await runtime.receive("k", timeout=5.0)).number == 4
    assert counts(runtime) == (3, 2, 0, 1, 0, 2)
    shown = runtime.get_telemetry("k")
    assert (shown.errors, shown.last_error) == (1, "its handler returned the error code -7")


async def test_a_message_without_reply_is_unanswered(runtime, shared):
    await start(runtime, shared.kernel())
    batch = [Pair(number=number) for number in (1, 1000, 2, 1000)]
    assert await runtime.send_batch("k", batch) == 4
    await wait_until_idle(runtime)
    assert [(await runtime.receive("k")).number for _ in range(2)] == [2, 4]
    assert counts(runtime) == (4, 2, 2, 0, 0, 2)


async def test_a_kernel_that_gives_no_replies_has_processed_its_messages(runtime, shared):
    await start(runtime, shared.kernel(), replies=False)
    assert await runtime.send_batch("k", [Pair(number=1000)] * 3) == 3
    await wait_until_idle(runtime)
    assert counts(runtime) == (3, 3, 0, 0, 0, 0)


async def test_an_array_is_sent_and_received_as_an_array(runtime, shared):
    await start(runtime, shared.kernel(), queue_size=64)
    sent = np.zeros(1000, dtype_of(Pair))
    sent["number"] = np.arange(1000) % 500
    sending = asyncio.create_task(runtime.send_batch("k", sent))
    received = []
    while sum(map(len, received)) < 1000:
        received.append(await runtime.receive_batch("k", 300, timeout=5.0))
    assert await sending == 1000
    replies = np.concatenate(received)
    assert replies.dtype == dtype_of(Pair)
    assert (replies["number"] == 2 * sent["number"]).all()
    assert (replies["weight"] == 0.5).all()
    assert counts(runtime) == (1000, 1000, 0, 0, 0, 1000)


async def test_a_batch_of_replies_ends_before_an_error(runtime, shared):
    await start(runtime, shared.kernel())
    await runtime.send_batch("k", [Pair(number=number) for number in (1, 2, -1, 3)])
    await wait_until_idle(runtime)
    assert (await runtime.receive_batch("k", 9))["number"].tolist() == [2, 4]
    with pytest.raises(KernelExecutionError):
        await runtime.receive_batch("k", 9)
    assert (await runtime.receive_batch("k", 9))["number"].tolist() == [6]


async def test_records_of_a_dtype_are_messages_too(runtime, shared):
    dtype = dtype_of(Pair)
    await start(runtime, shared.kernel(input_type=dtype, output_type=dtype))
    record = np.zeros(1, dtype)
    record["number"] = 4
    reply = await runtime.send_and_receive("k", record[0], timeout=5.0)
    assert (reply["number"], reply["weight"]) == (8, 0.5)
    with pytest.raises(MessageTypeError):
        await runtime.send("k", Pair(number=1))


async def test_room_for_a_reply_is_zeroed(runtime, shared):
    await start(runtime, shared.kernel("silent"))
    await runtime.send_batch("k", [Pair(number=7, weight=7.0)] * 200)
    await wait_until_idle(runtime)
    replies = await runtime.receive_batch("k", 200)
    assert not replies.view(np.uint8).any()


async def test_several_callers_are_served_in_the_order_they_sent(runtime, shared):
    await start(runtime, shared.kernel(), queue_size=2)
    calls = (runtime.send_and_receive("k", Pair(number=n), timeout=10.0) for n in range(100))
    replies = await asyncio.gather(*calls)
    assert [reply.number for reply in replies] == [2 * n for n in range(100)]


async def test_a_portal_reaches_a_native_kernel(runtime, shared):
    await start(runtime, shared.kernel())
    portal = runtime.portal()

    def call():
        portal.send("k", Pair(number=1))
        portal.send_batch("k", np.zeros(3, dtype_of(Pair)))
        return [portal.receive("k", timeout=5.0).number for _ in range(4)]

    assert await asyncio.to_thread(call) == [2, 0, 0, 0]


async def test_many_messages_of_many_kernels_are_all_accounted_for(runtime, shared):
    ids = [f"k_{number}" for number in range(5)]
    accepted = received = 0
    for kernel_id in ids:
        await start(runtime, shared.kernel(), kernel_id, queue_size=7, output_queue_size=3)

    async def drive(kernel_id):
        nonlocal accepted, received
        numbers = [n if n % 5 else -n - 2 for n in range(400)]

        batch = [Pair(number=number) for number in numbers]
        sending = asyncio.create_task(runtime.send_batch(kernel_id, batch))
        for number in numbers:
            try:
                reply = await runtime.receive(kernel_id, timeout=20.0)
                assert reply.number == 2 * number
            except KernelExecutionError as error:
                assert error.error_code == number  # noqa: PT017 - both are expected
            received += 1
        sent = await sending
        accepted += sent

    await asyncio.gather(*map(drive, ids))
    await wait_until_idle(runtime)
    result = audit(runtime.get_all_telemetry().values(), CallerLedger(accepted, received))
    assert (accepted, received) == (2000, 2000)
    assert result.is_balanced, str(result)


async def test_arrays_and_odd_scalars_of_a_message_travel(runtime, shared):
    @message
    class Odd:
        flag: bool
        z: np.complex64
        table: Annotated[np.ndarray, (2, 3, np.int16)]
        last: np.uint8

    table = np.arange(6, dtype=np.int16).reshape(2, 3)
    await start(runtime, shared.kernel("silent", Odd, Odd))
    await runtime.send("k", Odd(flag=True, z=1 + 2j, table=table, last=255))
    reply = await runtime.receive("k", timeout=5.0)
    assert (reply.flag, reply.z, reply.table.tolist(), reply.last) == (False, 0, [[0] * 3] * 2, 0)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"number": 2**31}, "number"),
        ({"number": 1.5}, "number"),
        ({"number": 1, "weight": "heavy"}, "weight"),
        ({"number": 1, "priority": 200}, "priority"),
    ],
)
async def test_a_message_that_fits_no_record_is_refused(runtime, shared, fields, wrong):
    await start(runtime, shared.kernel())
    with pytest.raises(MessageValidationError) as raised:
        await runtime.send("k", Pair(**fields))
    assert raised.value.field == wrong
    with pytest.raises(MessageValidationError):
        await runtime.send_batch("k", [Pair(number=1), Pair(**fields)])
    await wait_until_idle(runtime)
    assert counts(runtime) == (0, 0, 0, 0, 0, 0)


async def test_another_type_of_message_is_refused(runtime, shared):
    await start(runtime, shared.kernel())
    for wrong in (1, None, np.zeros(1, "i4,i4")):
        with pytest.raises(MessageTypeError):
            await runtime.send("k", wrong)
    with pytest.raises(MessageTypeError):
        await runtime.send_batch("k", np.zeros(2, "i4,i4"))
    with pytest.raises(MessageTypeError):
        runtime.send_nowait("k", 1)


@pytest.mark.parametrize(
    "options",
    [
        {"backpressure": "drop"},
        {"execution": "thread"},
        {"form": "loop"},
        {"on_error": "restart"},
        {"input_type": int},
    ],
)
async def test_an_option_without_meaning_for_it_is_refused(runtime, shared, options):
    with pytest.raises(InvalidArgumentError) as raised:
        await runtime.launch("k", shared.kernel(), **options)
    assert raised.value.argument in options
    assert runtime.kernel_ids == []


async def test_a_python_function_does_not_run_natively(runtime):
    with pytest.raises(InvalidArgumentError, match="native_kernel"):
        await runtime.launch("k", lambda item: item, execution=KernelExecution.NATIVE)


@pytest.mark.parametrize("address", [0, -1, 2**64])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(InvalidArgumentError):
        native_kernel(address, input_type=Pair, output_type=Pair)


@pytest.mark.parametrize("code", [None, "twice", print, True, 1.5])
def test_what_holds_no_address_is_refused(code):
    with pytest.raises(InvalidTypeError):
        native_kernel(code, input_type=Pair, output_type=Pair)


def test_a_function_that_calls_into_python_is_refused():
    kind = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)
    with pytest.raises(InvalidTypeError, match="must not call into Python"):
        native_kernel(kind(lambda _input, _output: 0), input_type=Pair, output_type=Pair)


@pytest.mark.parametrize("declared", [int, "Pair", np.dtype("f8"), np.dtype([("a", object)])])
def test_a_type_without_a_record_is_refused(shared, declared):
    with pytest.raises(InvalidTypeError):
        shared.kernel(input_type=declared)


async def test_an_address_is_taken_as_a_number(runtime, shared):
    function = ctypes.cast(shared.functions.twice, ctypes.c_void_p).value
    await start(runtime, native_kernel(function, input_type=Pair, output_type=Pair))
    assert (await runtime.send_and_receive("k", Pair(number=1), timeout=5.0)).number == 2


async def test_block_waits_for_room_and_times_out(runtime, gated):
    await start(runtime, gated.kernel("held"), queue_size=1)
    await runtime.send("k", Pair(number=1))
    await gated.until_entered()
    await runtime.send("k", Pair(number=2))
    with pytest.raises(QueueFullTimeoutError):
        await runtime.send("k", Pair(number=3), timeout=0.01)
    with pytest.raises(QueueTimeoutError):
        await runtime.receive("k", timeout=0.01)
    with pytest.raises(QueueFullError):
        runtime.send_nowait("k", Pair(number=3))
    with pytest.raises(QueueEmptyError):
        runtime.receive_nowait("k")
    waiting = asyncio.create_task(runtime.send("k", Pair(number=3)))
    await asyncio.sleep(0)
    gated.open_gate()
    await waiting
    assert [(await runtime.receive("k", timeout=5.0)).number for _ in range(3)] == [2, 4, 6]
    assert runtime.get_telemetry("k").messages_rejected == 1


async def test_reject_refuses_each_message_that_did_not_fit(runtime, gated):
    await start(runtime, gated.kernel("held"), queue_size=2, backpressure="reject")
    await runtime.send("k", Pair(number=1))
    await gated.until_entered()
    assert await runtime.send_batch("k", [Pair(number=n) for n in range(5)]) == 2
    with pytest.raises(QueueFullError):
        await runtime.send("k", Pair(number=9))
    assert runtime.get_telemetry("k").messages_rejected == 4
    gated.open_gate()
    assert [(await runtime.receive("k", timeout=5.0)).number for _ in range(3)] == [2, 0, 2]


async def test_a_cancelled_wait_has_moved_nothing(runtime, gated):
    await start(runtime, gated.kernel("held"), queue_size=1)
    await runtime.send("k", Pair(number=1))
    await gated.until_entered()
    await runtime.send("k", Pair(number=2))
    waits = [
        asyncio.create_task(runtime.send("k", Pair(number=3))),
        asyncio.create_task(runtime.receive("k")),
    ]
    await asyncio.sleep(0)
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    gated.open_gate()
    assert [(await runtime.receive("k", timeout=5.0)).number for _ in range(2)] == [2, 4]
    await wait_until_idle(runtime)
    assert counts(runtime) == (2, 2, 0, 0, 0, 2)
