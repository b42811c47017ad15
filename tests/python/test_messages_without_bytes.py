"""What cannot be turned into bytes, or be made from them, is named: class, field and reason."""

from dataclasses import InitVar, dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Any, Generic, Literal, Optional
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from pydotcompute import message
from pydotcompute.exceptions import (
    InvalidTypeError,
    MessageSerializationError,
    MessageValidationError,
)
from pydotcompute.messages import RingKernelMessage

SOME_ID = UUID("0123456789abcdef0123456789abcdef")


@message
class Point:
    x: float
    y: float = 0.0


@message
@dataclass(frozen=True)
class Pair:
    left: int
    right: int


@message
class Tree:
    name: str
    children: list["Tree"] = field(default_factory=list)
    parent: Optional["Tree"] = None


def holding(declared):
    """Make a message class with one field."""
    return message(type("Holder", (), {"__annotations__": {"value": declared}}))


# What cannot be written.


class Nameless(tzinfo):
    """Berlin's time, under no name."""

    def utcoffset(self, moment):
        return moment.replace(tzinfo=ZoneInfo("Europe/Berlin")).utcoffset()

    def dst(self, _moment):
        return None


@pytest.mark.parametrize(
    ("declared", "value", "reason"),
    [
        (int, 2**64, "more than 64 bits"),
        (int, -(2**63) - 1, "more than 64 bits"),
        (Any, [2**64], "more than 64 bits"),
        (int, "1", "must be int, got str"),
        (int, None, "must be int, got None"),
        (bool, 1, "must be bool, got int"),
        (None, 1, "must be None, got int"),
        (float, "1", "must be float, got str"),
        (float, 2**53 + 1, "no float equals"),
        (float, 10**400, "no float equals"),
        (str, b"a", "must be str, got bytes"),
        (str, "a\ud800", "lone surrogate at position 1"),
        (Any, {"\ud800": 1}, "lone surrogate at position 0"),
        (bytes, "a", "must be bytes, got str"),
        (UUID, str(SOME_ID), "must be UUID, got str"),
        (datetime, "2020-01-01", "must be datetime, got str"),
        (datetime, datetime(2020, 10, 25, 2, 30, tzinfo=Nameless()), "twice or never"),
        (list[int], (1,), r"must be list\[int\], got tuple"),
        (list[int], ["a"], "must be int, got str"),
        (tuple[int, ...], [1], r"must be tuple\[int, \.\.\.\], got list"),
        (tuple[int, int], [1, 2], r"must be tuple\[int, int\], got list"),
        (tuple[int, int], (1,), "got 1 values"),
        (dict[str, int], [("a", 1)], r"must be dict\[str, int\], got list"),
        (dict[str, int], {1: 1}, "must be str, got int"),
        (dict[Any, int], {SOME_ID: 1}, "has a key that cannot be one"),
        (int | str, 1.5, r"must be int \| str, got float"),
        (list[int] | list[str], [1, "a"], "must be int, got str"),
        (Literal["a", 1], "b", r"must be Literal\['a', 1\], got str"),
        (Literal["a", 1], True, "got bool"),
        (Literal["a", 1], [], "got list"),
        (Point, Pair(1, 2), "must be Point, got Pair"),
        (RingKernelMessage, Point(1.0), "must be RingKernelMessage, got Point"),
        (Any, Point(1.0), "holds a Point where no type is declared"),
        (Any, {1, 2}, "holds a set"),
        (set[int], {1}, r"is declared set\[int\], which has no form"),
        (complex, 1j, "is declared complex"),
        (Literal[b"a", StrEnum("E", ["A"]).A], b"a", "has no form"),
        (Generic, None, "has no form"),
        ("Unknown", None, "name 'Unknown' is not defined"),
    ],
)
def test_what_cannot_be_written_is_named(declared, value, reason):
    sent = holding(declared)(value)
    with pytest.raises(MessageSerializationError, match=reason) as caught:
        sent.serialize()
    assert caught.value.message_type == "Holder"
    assert caught.value.reason in str(caught.value)


def test_the_field_is_named_from_the_outermost_in():
    with pytest.raises(MessageSerializationError, match=r"'children\.parent\.name' must be str"):
        Tree("a", [Tree("b", parent=Tree(3))]).serialize()


def test_a_field_that_was_never_set_is_named():
    @message
    class Late:
        value: int = field(init=False)

    with pytest.raises(MessageSerializationError, match="field 'value' was never set"):
        Late().serialize()


def test_a_constructor_that_asks_for_more_than_fields_is_refused():
    @message
    class Scaled:
        value: int
        scale: InitVar[int]

        def __post_init__(self, scale):
            self.value *= scale

    with pytest.raises(MessageSerializationError, match="'scale'"):
        Scaled(1, 2).serialize()


def test_what_lies_in_itself_is_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(MessageSerializationError, match="more than 100 levels deep"):
        holding(list)(loop).serialize()


@pytest.mark.parametrize("declared", [Any, list])
def test_a_hundred_levels_come_back_and_one_more_is_refused(declared):
    deepest = []
    for _ in range(98):
        deepest = [deepest]
    sent = holding(declared)(deepest)
    assert type(sent).deserialize(sent.serialize()) == sent
    with pytest.raises(MessageSerializationError, match="more than 100 levels deep"):
        holding(declared)([deepest]).serialize()


# What is no message.


def test_the_priority_in_bytes_is_checked():
    @message
    class Fixed:
        priority: int = field(default=9, init=False)

    sent = Fixed()
    sent.priority = 300
    for kind, data in ((Fixed, sent.serialize()), (Point, _with_priority(Point(1.0), 300))):
        with pytest.raises(MessageValidationError, match="from 0 to 255"):
            kind.deserialize(data)


def _with_priority(sent, priority):
    sent.priority = priority
    return sent.serialize()


def test_bytes_of_another_class_are_refused():
    @message
    class Other:
        x: float
        y: float

    with pytest.raises(MessageSerializationError, match=r"another class: '.*Other'"):
        Point.deserialize(Other(1.0, 2.0).serialize())


def test_a_constructor_that_refuses_the_fields_is_heard():
    @message
    class Positive:
        value: int

        def __post_init__(self):
            if self.value < 0:
                text = "below zero"
                raise ValueError(text)

    sent = Positive(1)
    sent.value = -1
    with pytest.raises(MessageSerializationError, match="ValueError: below zero") as caught:
        Positive.deserialize(sent.serialize())
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize("data", [None, "text", 5, Point(1.0)])
def test_what_is_no_bytes_is_refused(data):
    with pytest.raises(InvalidTypeError, match=r"deserialize\(\) takes bytes") as caught:
        Point.deserialize(data)
    assert caught.value.argument == "data"
