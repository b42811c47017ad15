"""Bytes from anybody: they are a message of the class, or a MessageError, and nothing else."""

import tracemalloc
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack

from pydotcompute import message
from pydotcompute.exceptions import MessageError, MessageSerializationError

SOME_ID = UUID("0123456789abcdef0123456789abcdef")


@message
class Inner:
    value: int | str | None = None


@message
class Target:
    whole: int
    real: float
    text: str
    when: datetime
    row: tuple[int, ...]
    pair: tuple[str, bytes]
    ids: dict[str, UUID]
    keyed: dict[tuple[int, ...], bool]
    inner: Inner | None
    either: Inner | list[int] | dict[str, "Target"]
    named: Literal["a", 1]
    free: Any


def target(**changed):
    usual = {
        "whole": 1,
        "real": 1.5,
        "text": "a",
        "when": datetime(2020, 1, 1),  # noqa: DTZ001 - without a zone
        "row": (1, 2),
        "pair": ("a", b"b"),
        "ids": {"a": SOME_ID},
        "keyed": {(1, 2): True},
        "inner": Inner(3),
        "either": [1],
        "named": "a",
        "free": {"a": (SOME_ID, datetime(2020, 1, 1))},  # noqa: DTZ001
    }
    return Target(**(usual | changed))


GOOD = target().serialize()


def read(data):
    """Read a message, which then writes itself, or give None where the bytes are none."""
    try:
        made = Target.deserialize(data)
    except MessageError:
        return None
    assert type(made) is Target
    assert all(type(number) is int for number in made.row)
    assert Target.deserialize(made.serialize()) is not None
    return made


def extensions(inner):
    """Make extension values of known and unknown codes, of good and bad content."""
    data = st.binary(max_size=20) | inner.map(msgpack.encode)
    return st.builds(msgpack.Ext, st.integers(-128, 127) | st.integers(1, 3), data)


plain = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=20)
    | st.datetimes(timezones=st.timezones()).filter(lambda t: t.year > 1)
    | st.sampled_from([SOME_ID.bytes, "2020-01-01", "a"])
)
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3) | st.integers(0, 9), inner, max_size=3)
        | st.dictionaries(st.tuples(st.integers(0, 9)), inner, max_size=2)
        | extensions(inner)
    ),
    max_leaves=8,
)


def test_the_bytes_that_the_others_are_made_of_are_good():
    assert read(GOOD) == target()


@given(st.binary())
def test_any_bytes(data):
    assert read(data) is None


@given(st.integers(0, len(GOOD) - 1))
def test_good_bytes_cut_short(length):
    assert read(GOOD[:length]) is None


@given(st.binary(min_size=1))
def test_good_bytes_with_more_behind(more):
    assert read(GOOD + more) is None


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1))
def test_good_bytes_with_some_changed(changes):
    data = bytearray(GOOD)
    for place, byte in changes:
        data[place] = byte
    read(data)


@given(st.data())
def test_good_bytes_with_a_piece_out_of_place(data):
    start, end, at = (data.draw(st.integers(0, len(GOOD))) for _ in range(3))
    read(GOOD[:at] + GOOD[start:end] + GOOD[at:])


@given(values)
def test_any_msgpack(value):
    assert read(msgpack.encode(value)) is None


@given(st.sampled_from(list(msgpack.decode(GOOD))), values)
def test_any_msgpack_in_a_field(name, value):
    read(msgpack.encode(msgpack.decode(GOOD) | {name: value}))


@given(st.sampled_from(list(msgpack.decode(GOOD))))
def test_a_field_left_out(name):
    fields = msgpack.decode(GOOD)
    del fields[name]
    assert read(msgpack.encode(fields)) is None


def test_a_field_that_the_class_lacks():
    fields = msgpack.decode(GOOD) | {"more": 1, 7: 2}
    with pytest.raises(MessageSerializationError, match="other fields than Target: 'more', 7"):
        Target.deserialize(msgpack.encode(fields))


WRONG = [
    ("whole", True),
    ("whole", 1.0),
    ("real", 1),
    ("text", b"a"),
    ("when", "yesterday"),
    ("when", "2020-01-02T03:04:05["),
    ("when", "2020-01-02T03:04:05[Europe/Berlin]"),
    ("when", "2020-07-02T03:04:05+01:00[Europe/Berlin]"),
    ("when", "2020-01-02T03:04:05+00:00[Nowhere/At_all]"),
    ("when", "2020-01-02T03:04:05+00:00[../../etc/passwd]"),
    ("when", "2020-01-02T03:04:05+00:00[Europe]"),
    ("when", "2020-01-02T03:04:05+00:00[a\0b]"),
    ("when", datetime(2020, 1, 1).astimezone()),
    ("row", [1, None]),
    ("row", {"1": 1}),
    ("pair", ["a"]),
    ("pair", ["a", "b"]),
    ("ids", {"a": b"short"}),
    ("ids", [["a", SOME_ID.bytes]]),
    ("keyed", {1: True}),
    ("inner", {}),
    ("inner", []),
    ("either", [3, [1]]),
    ("either", [-1, [1]]),
    ("either", [True, [1]]),
    ("either", [1]),
    ("either", [1, [1], 2]),
    ("named", True),
    ("named", "b"),
    ("named", []),
    ("free", msgpack.Ext(0, b"")),
    ("free", msgpack.Ext(1, b"\x01")),
    ("free", msgpack.Ext(1, b"")),
    ("free", msgpack.Ext(2, b"short")),
    ("free", msgpack.Ext(3, b"\xff")),
    ("free", {(1, 2): 3}),
    ("free", datetime(2020, 1, 1).astimezone()),
    ("message_id", None),
    ("message_id", "a" * 16),
    ("priority", -1),
    ("priority", 256),
    ("priority", 128.0),
    ("correlation_id", b""),
    ("@message", "Inner"),
    ("@message", None),
    ("@message", ["Target"]),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_value_of_a_wrong_type_is_refused(name, value):
    assert read(msgpack.encode(msgpack.decode(GOOD) | {name: value})) is None


def nested_extensions(depth):
    data = b"\x90"
    for _ in range(depth):
        data = msgpack.encode([msgpack.Ext(1, data)])
    return msgpack.Ext(1, data)


def within(value):
    return msgpack.encode(msgpack.decode(GOOD) | {"free": value})


DEEP = [
    b"\x91" * 1_000_000,
    b"\x81\xa1a" * 300_000,
    GOOD[:-1] + b"\x91" * 100_000 + b"\xc0",
    within(nested_extensions(120)),
    within(nested_extensions(2000)),
]


@pytest.mark.parametrize("data", DEEP, ids=range(len(DEEP)))
def test_values_nested_too_deeply_are_refused(data):
    assert read(data) is None


def test_extensions_nested_less_deeply_are_read():
    assert read(within(nested_extensions(90))) is not None


LARGE = [
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xc9\xff\xff\xff\xff\x01",
    b"\xdd\x0f\xff\xff\xff" * 200,
    within(msgpack.Ext(1, b"\xdd\xff\xff\xff\xff")),
]


@pytest.mark.parametrize("data", LARGE, ids=range(len(LARGE)))
def test_a_length_that_is_not_there_takes_no_memory(data):
    read(GOOD)  # what is made at the first use is there
    tracemalloc.start()
    try:
        assert read(data) is None
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 10_000_000
