"""Messages turned into bytes come back equal, and of the types that their classes declare."""

from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum, StrEnum
from typing import Any, Final, Generic, Literal, NewType, Optional, TypeVar
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydotcompute import message
from pydotcompute.exceptions import (
    MessageSerializationError,
)
from pydotcompute.messages import RingKernelMessage

T = TypeVar("T")
Ident = NewType("Ident", UUID)
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


@message
class Box(Generic[T]):
    value: T


@message
class Everything:
    whole: int
    real: float
    flag: bool
    text: str
    raw: bytes
    nothing: None
    name: UUID
    when: datetime
    points: list[Point]
    row: tuple[int, ...]
    pair: tuple[str, UUID]
    ids: dict[str, UUID]
    keyed: dict[tuple[int, UUID], list[bytes]]
    maybe: Point | None
    either: int | str | bytes | UUID | datetime | Point | Pair | list[int] | None
    free: Any


def holding(declared):
    """Make a message class with one field."""
    return message(type("Holder", (), {"__annotations__": {"value": declared}}))


def there_and_back(sent):
    got = type(sent).deserialize(sent.serialize())
    assert got == sent
    assert got.message_id == sent.message_id
    return got


def same_types(one, other):
    """Tell whether two values are of the same types all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return same_types(list(one), list(other)) and same_types(
            list(one.values()), list(other.values())
        )
    if isinstance(one, (list, tuple)):
        return all(map(same_types, one, other))
    return True


ints = st.integers(-(2**63), 2**64 - 1)
reals = st.floats(allow_nan=False)
texts = st.text()  # without surrogates
uuids = st.uuids()
minutes = st.integers(-14 * 60, 14 * 60)
zones = st.none() | st.builds(lambda m: timezone(timedelta(minutes=m)), minutes)
times = st.datetimes(timezones=zones)
points = st.builds(Point, reals, reals, priority=st.integers(0, 255))
pairs = st.builds(Pair, ints, ints, correlation_id=st.none() | uuids)
scalars = st.none() | st.booleans() | ints | reals | texts | st.binary() | uuids | times
plain_keys = texts | ints | st.booleans() | st.binary()
free = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(plain_keys, inner, max_size=4)
    ),
    max_leaves=12,
)
everything = st.builds(
    Everything,
    whole=ints,
    real=reals,
    flag=st.booleans(),
    text=texts,
    raw=st.binary(),
    nothing=st.none(),
    name=uuids,
    when=times,
    points=st.lists(points, max_size=3),
    row=st.lists(ints).map(tuple),
    pair=st.tuples(texts, uuids),
    ids=st.dictionaries(texts, uuids, max_size=3),
    keyed=st.dictionaries(st.tuples(ints, uuids), st.lists(st.binary()), max_size=3),
    maybe=st.none() | points,
    either=scalars.filter(lambda v: not isinstance(v, (bool, float)))
    | points
    | pairs
    | st.lists(ints),
    free=free,
    priority=st.integers(0, 255),
    correlation_id=st.none() | uuids,
)


@given(everything)
def test_a_message_of_all_types_comes_back_equal_and_of_those_types(sent):
    got = there_and_back(sent)
    for item in fields(sent):
        assert same_types(getattr(got, item.name), getattr(sent, item.name))


@given(free)
def test_what_no_type_is_declared_for_comes_back_equal_and_of_its_type(value):
    got = there_and_back(holding(Any)(value))
    assert same_types(got.value, value)


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        (list, [1, "a", None]),
        (tuple, (1, (SOME_ID,))),
        (dict, {"a": SOME_ID, 3: (1, 2)}),
        (object, {"deep": [{"deeper": (SOME_ID,)}]}),
        (tuple[()], ()),
        (tuple[int, str, None], (1, "a", None)),
        (Final[int], 3),
        (Ident, SOME_ID),
        (Literal["add", 3] | None, "add"),
        (Literal["add", 3] | None, 3),
        (Literal["add", 3] | None, None),
        (int | None, None),
        (float | int, 3),
        (int | float, 3.0),
        (bool | int, True),
        (list[int] | list[str], ["a"]),
        (list[str] | dict[str, int], {"a": 1}),
        (dict[int, dict[UUID, str]], {1: {SOME_ID: "a"}}),
        (dict[datetime, bool], {datetime(2020, 1, 1, tzinfo=UTC): True}),
        (dict[int | str, int], {1: 1, "1": 2}),
        (dict[tuple[int | str, ...], int], {(1, "1"): 2}),
        (Pair | Point, Point(1.0)),
        (Point | Pair | None, Pair(1, 2)),
        (list[Point | None], [Point(1.0), None]),
        (Box[int], Box(3)),
        (T, "free"),
        (int, 2**64 - 1),
        (int, -(2**63)),
        (float, float("-inf")),
        (str, "ü\0" * 40_000),
        (bytes, bytes(70_000)),
        (list[int], list(range(70_000))),
    ],
)
def test_a_declared_type_comes_back(declared, value):
    got = there_and_back(holding(declared)(value))
    assert same_types(got.value, value)


def test_id_priority_and_correlation_travel():
    sent = Point(1.0, priority=200, correlation_id=uuid4())
    got = Point.deserialize(sent.serialize())
    assert (got.message_id, got.priority) == (sent.message_id, 200)
    assert got.correlation_id == sent.correlation_id


def test_an_int_where_a_float_is_declared_comes_back_as_a_float():
    got = there_and_back(Point(1, 2))
    assert same_types([got.x, got.y], [1.0, 2.0])


def test_a_nan_comes_back():
    got = Point.deserialize(Point(float("nan")).serialize())
    assert got.x != got.x


@given(st.datetimes(timezones=st.timezones()))
def test_a_time_in_any_zone_comes_back_equal(when):
    there_and_back(holding(datetime)(when))


@pytest.mark.parametrize("month", [3, 10], ids=["never", "twice"])
@pytest.mark.parametrize("fold", [0, 1])
def test_a_time_that_clocks_show_twice_or_never_comes_back_in_its_zone(month, fold):
    day = 29 if month == 3 else 25
    when = datetime(2020, month, day, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold)
    got = there_and_back(holding(datetime)(when))
    assert got.value.tzinfo is when.tzinfo
    assert (got.value.fold, got.value.timestamp()) == (fold, when.timestamp())


def test_a_copy_of_a_class_has_bytes_of_its_own():
    there_and_back(Point(1.0))
    copied = type("Point", (), dict(vars(Point)))
    assert type(copied.deserialize(Point(1.0).serialize())) is copied


def test_values_of_subclasses_come_back_as_what_is_declared():
    class Colour(StrEnum):
        RED = "red"

    class Size(IntEnum):
        SMALL = 1

    got = there_and_back(holding(tuple[str, int, Any])((Colour.RED, Size.SMALL, Colour.RED)))
    assert same_types(got.value, ("red", 1, "red"))


def test_messages_in_messages_come_back_of_their_class():
    leaf = Tree("leaf", priority=3)
    got = there_and_back(Tree("root", [leaf, Tree("twig", [leaf])], Tree("ground")))
    assert type(got.children[1].children[0]) is Tree
    assert got.children[0].message_id == leaf.message_id
    assert got.children[0].priority == 3


def test_a_class_in_a_function_may_name_itself():
    @message
    class Node:
        rest: "Node | None" = None

    there_and_back(Node(Node()))


@pytest.mark.parametrize("options", [{"frozen": True}, {"slots": True}, {"kw_only": True}])
def test_dataclasses_of_every_kind_come_back(options):
    @message
    @dataclass(**options)
    class Kind:
        value: tuple[int, ...]

    there_and_back(Kind(value=(1, 2)))


def test_a_subclass_of_the_base_class_comes_back():
    @dataclass
    class Plain(RingKernelMessage):
        value: int = 0

    there_and_back(Plain(3, priority=9))
    there_and_back(RingKernelMessage(priority=9))


def test_an_envelope_that_the_class_declares_comes_back():
    @message
    class Declared:
        value: float = 0.0
        message_id: UUID = field(default_factory=uuid4)
        priority: int = 7
        correlation_id: UUID | None = None

    assert there_and_back(Declared(1.5)).priority == 7
    assert there_and_back(Declared(1.5, priority=8)).priority == 8


def test_fields_out_of_the_constructor_come_back_too():
    @message
    @dataclass(frozen=True)
    class Sum:
        parts: list[int]
        total: int = field(init=False)
        priority: int = field(default=9, init=False)

        def __post_init__(self):
            object.__setattr__(self, "total", sum(self.parts))

    assert there_and_back(Sum([1, 2])).total == 3


def test_what_the_constructor_changes_is_not_changed_twice():
    @message
    class Doubled:
        value: int

        def __post_init__(self):
            self.value *= 2

    assert there_and_back(Doubled(3)).value == 6


def test_methods_that_the_class_writes_itself_stay():
    @message
    class Own:
        value: int

        def serialize(self):
            return b"own"

    assert Own(1).serialize() == b"own"
    with pytest.raises(MessageSerializationError):
        Own.deserialize(b"own")


def test_bytes_may_come_in_any_buffer():
    data = Point(1.0).serialize()
    assert Point.deserialize(bytearray(data)) == Point.deserialize(memoryview(data)) == Point(1.0)


# The bytes.


def test_the_wire_is_a_map_that_others_can_read():
    from msgspec import msgpack  # noqa: PLC0415 - read by this test alone

    sent = holding(dict[str, Any])({"a": [1, None, "b"]})
    sent.message_id = SOME_ID
    assert msgpack.decode(sent.serialize()) == {
        "@message": "Holder",
        "value": {"a": [1, None, "b"]},
        "message_id": SOME_ID.bytes,
        "priority": 128,
        "correlation_id": None,
    }
    sent = holding(tuple[UUID, datetime])((SOME_ID, datetime(2020, 1, 2, tzinfo=UTC)))
    wire = msgpack.decode(sent.serialize())
    assert wire["value"] == [SOME_ID.bytes, "2020-01-02T00:00:00+00:00"]


def test_a_text_of_16_letters_is_no_id():
    data = Point(1.0).serialize()
    start = data.index(b"\xc4\x10")
    forged = data[:start] + b"\xd9\x10" + b"a" * 16 + data[start + 18 :]
    with pytest.raises(MessageSerializationError, match="the 16 bytes of a UUID, got str"):
        Point.deserialize(forged)
