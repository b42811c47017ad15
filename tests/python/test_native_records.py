"""What a message is, as a record and back, whichever call moves it."""

import asyncio
from dataclasses import dataclass
from functools import wraps

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native_for_tests import library, start

from pydotcompute import RingKernelRuntime, message
from pydotcompute._core import NativePath, NativeWorker, RecordLayout, RecordMailbox
from pydotcompute.device.record_form import RecordForm
from pydotcompute.exceptions import MessageTypeError, MessageValidationError
from pydotcompute.testing import wait_until_idle

SHARED = library()


@message
class Scalars:
    flag: bool = False
    i1: np.int8 = 0
    u1: np.uint8 = 0
    i2: np.int16 = 0
    u2: np.uint16 = 0
    i4: np.int32 = 0
    u4: np.uint32 = 0
    i8: int = 0
    u8: np.uint64 = 0
    f4: np.float32 = 0.0
    f8: float = 0.0


FORM = RecordForm(Scalars, "input_type")
SIGNED = {f"i{size}": st.integers(-(256**size) // 2, 256**size // 2 - 1) for size in (1, 2, 4, 8)}
UNSIGNED = {f"u{size}": st.integers(0, 256**size - 1) for size in (1, 2, 4, 8)}
FLOATS = {"f4": st.floats(width=32), "f8": st.floats()}
VALUES = st.builds(Scalars, flag=st.booleans(), **SIGNED, **UNSIGNED, **FLOATS)


def packed(one):
    """Give bytes, in which no NaN differs from itself."""
    return FORM.pack(one, "k")


async def echoed_each_way(messages):
    """Send and receive with calls that may wait, then with those that never do."""
    async with RingKernelRuntime() as runtime:
        await start(runtime, SHARED.kernel("same48", Scalars, Scalars))
        for sent in messages:
            await runtime.send("k", sent)
        one_way = [await runtime.receive("k", timeout=5.0) for _ in messages]
        for sent in messages:
            runtime.send_nowait("k", sent)
        await wait_until_idle(runtime)
        return one_way, [runtime.receive_nowait("k") for _ in messages]


@settings(max_examples=25)
@given(st.lists(VALUES, min_size=1, max_size=20))
def test_scalars_come_back_as_they_were_sent(messages):
    one_way, other_way = asyncio.run(echoed_each_way(messages))
    for sent, one, other in zip(messages, one_way, other_way, strict=True):
        assert type(one) is type(other) is Scalars
        assert packed(sent) == packed(one) == packed(other)
        values = [getattr(one, name) for name in FORM.dtype.names]
        assert [type(value) for value in values] == [bool, *[int] * 8, *[float] * 2]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("flag", 1),
        ("i1", 128),
        ("u1", -1),
        ("i2", -(2**15) - 1),
        ("u2", 2**16),
        ("i4", 2**31),
        ("u4", "7"),
        ("i8", 1.0),
        ("i8", 2**63),
        ("u8", 2**64),
        ("f4", 1e39),
        ("f8", None),
        ("f8", 10**400),
    ],
)
async def test_a_value_that_does_not_fit_is_refused_either_way(runtime, name, value):
    await start(runtime, SHARED.kernel("same48", Scalars, Scalars))
    wrong = Scalars(**{name: value})
    with pytest.raises(MessageValidationError) as raised:
        await runtime.send("k", wrong)
    assert raised.value.field == name
    with pytest.raises(MessageValidationError, match=name):
        runtime.send_nowait("k", wrong)
    await wait_until_idle(runtime)
    assert runtime.get_telemetry("k").messages_received == 0


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("flag", np.True_, True),
        ("i8", np.int64(-5), -5),
        ("u8", True, 1),
        ("f8", 3, 3.0),
        ("f4", np.float32(0.5), 0.5),
        ("f4", float("inf"), float("inf")),
    ],
)
async def test_a_value_of_a_kindred_type_is_taken(runtime, name, value, expected):
    await start(runtime, SHARED.kernel("same48", Scalars, Scalars))
    reply = await runtime.send_and_receive("k", Scalars(**{name: value}), timeout=5.0)
    assert getattr(reply, name) == expected
    assert type(getattr(reply, name)) is type(expected)


@message
class Plain:
    value: int


@message
@dataclass(frozen=True)
class Frozen:
    value: int


@message
@dataclass(slots=True)
class Slotted:
    value: int


@message
@dataclass(kw_only=True)
class Named:
    value: int


@message
@dataclass
class Urgent:
    priority: int = 128
    value: int = 0


@message
@dataclass(init=False)
class OfItsOwn:
    value: int

    def __init__(self, *, value):
        self.value = value


@message
class Remembered:
    value: int

    def __new__(cls, **fields):
        made = super().__new__(cls)
        made.remembered = fields
        return made


def noticing(cls):
    """Let instances notice what they were made of, in an `__init__` around the one there is."""
    made = cls.__init__

    @wraps(made)
    def wrapped(self, value):
        made(self, value)
        self.noticed = value

    cls.__init__ = wrapped
    return cls


@noticing
@message
class Wrapped:
    value: int


@message
class Watching:
    value: int

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        super().__setattr__("noticed", value)


@message
class Noticed:
    value: int

    def __post_init__(self):
        self.noticed = self.value


@pytest.mark.parametrize("kind", [Plain, Frozen, Slotted, Named, Urgent, OfItsOwn, Remembered])
async def test_a_reply_is_made_as_its_class_makes_instances(runtime, kind):
    await start(runtime, SHARED.kernel("same8", kind, kind))
    for number in (1, -1):
        await runtime.send("k", kind(value=number))
        reply = await runtime.receive("k", timeout=5.0)
        assert type(reply) is kind
        assert reply == kind(value=number)
        assert (reply.value, reply.priority, reply.correlation_id) == (number, 128, None)
        assert reply.message_id != kind(value=number).message_id
    if kind is Remembered:
        assert reply.remembered == {"value": -1}


@pytest.mark.parametrize("kind", [Wrapped, Watching, Noticed])
async def test_a_reply_is_made_with_all_that_its_class_does(runtime, kind):
    await start(runtime, SHARED.kernel("same8", Plain, kind))
    await runtime.send("k", Plain(value=7))
    assert (await runtime.receive("k", timeout=5.0)).noticed == 7


async def test_a_message_of_a_subclass_is_one_of_the_class(runtime):
    @message
    class More(Plain):
        extra: str = ""

    await start(runtime, SHARED.kernel("same8", Plain, Plain))
    await runtime.send("k", More(value=3, extra="left out"))
    assert (await runtime.receive("k", timeout=5.0)) == Plain(value=3)
    with pytest.raises(MessageTypeError):
        await runtime.send("k", Named(value=3))


async def test_a_message_with_another_priority_is_refused_either_way(runtime):
    await start(runtime, SHARED.kernel("same8", Plain, Plain))
    await runtime.send("k", Plain(value=1, priority=128))
    for send in (runtime.send, _nowait(runtime.send_nowait)):
        with pytest.raises(MessageValidationError, match="priorities"):
            await send("k", Plain(value=1, priority=129))
    await wait_until_idle(runtime)
    assert runtime.get_telemetry("k").messages_received == 1


def _nowait(send):
    async def called(*arguments):
        send(*arguments)

    return called


@pytest.mark.parametrize(
    ("place", "record_bytes"),
    [
        (("value", "q", 1), 8),
        (("value", "q", 2**64 - 1), 8),
        (("value", "z", 0), 8),
        (("value", "q", 0), RecordLayout.MOST_BYTES + 8),
    ],
)
def test_a_layout_that_is_none_is_refused(place, record_bytes):
    with pytest.raises(ValueError, match="no scalar"):
        RecordLayout(Plain, [place], record_bytes)


async def test_a_layout_of_other_records_is_refused():
    core = RecordMailbox("k", input_bytes=8, output_bytes=4, queue_size=1, output_queue_size=1)
    worker = NativeWorker(core, SHARED.kernel("same8", Plain, Plain).address, SHARED)
    layout = RecordLayout(Plain, [("value", "q", 0)], 8)
    parts = {"home": asyncio.get_running_loop(), "input_space": [], "output_ready": []}
    with pytest.raises(ValueError, match="8 bytes for records of 4"):
        NativePath(core, worker, **parts, messages=layout, replies=layout)
