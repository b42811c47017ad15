"""A message is a dataclass of any kind, with an envelope that costs nothing until it is used."""

import copy
import dataclasses
import inspect
import os
import pickle
import threading
from dataclasses import FrozenInstanceError, dataclass, field
from pathlib import Path
from typing import Generic, TypeVar, get_type_hints
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydotcompute.exceptions import InvalidTypeError, MessageValidationError
from pydotcompute.messages import RingKernelMessage, message

ROOT = Path(__file__).parents[2]
ENVELOPE = ["message_id", "priority", "correlation_id"]
T = TypeVar("T")


@message
class Bare:
    value: object


@message
@dataclass
class Over:
    value: object


@message
@dataclass
class Declared:
    value: object
    message_id: UUID = field(default_factory=uuid4)
    priority: int = 128
    correlation_id: UUID | None = None


@message
class Typed(RingKernelMessage):
    value: object


@dataclass
class Direct(RingKernelMessage):
    value: object


@message
@dataclass(frozen=True)
class Frozen:
    value: object


@message
@dataclass(slots=True)
class Slots:
    value: object


@message
@dataclass(frozen=True, slots=True)
class FrozenSlots:
    value: object


@message
@dataclass(slots=True)
class DeclaredSlots:
    value: object
    message_id: UUID = field(default_factory=uuid4)
    priority: int = 128
    correlation_id: UUID | None = None


@message
class Box(Generic[T]):
    value: T


@message
@dataclass(slots=True)
class SlotBox(Generic[T]):
    value: T


@message
class Child(Bare):
    extra: int = 0


@dataclass
class PlainChild(Bare):
    extra: int = 0


@message
@dataclass(slots=True)
class SlotChild(Slots):
    extra: int = 0


IN_DICTS = [Bare, Over, Declared, Typed, Direct, Child, PlainChild, Box]
IN_SLOTS = [Slots, DeclaredSlots, SlotBox, SlotChild]
FROZEN = [Frozen, FrozenSlots]
KINDS = [*IN_DICTS, *IN_SLOTS, *FROZEN]
ON_DEMAND = [kind for kind in KINDS if kind not in (Direct, PlainChild)]
every_kind = pytest.mark.parametrize("kind", KINDS)

VALUES = st.none() | st.integers() | st.text() | st.lists(st.integers(), max_size=3)
MESSAGES = st.builds(
    lambda kind, **given_ones: kind(**given_ones),
    st.sampled_from(KINDS),
    value=VALUES,
    priority=st.integers(0, 255),
    correlation_id=st.none() | st.uuids(),
)


@pytest.fixture
def random_calls(monkeypatch):
    """List how often the system was asked for random bytes, as uuid4() does."""
    calls = []
    real = os.urandom
    monkeypatch.setattr(os, "urandom", lambda size: calls.append(size) or real(size))
    return calls


# The envelope.


@every_kind
def test_a_message_has_an_id_the_normal_priority_and_answers_nothing(kind):
    plain = kind(value=1)
    assert plain.value == 1
    assert isinstance(plain.message_id, UUID)
    assert (plain.priority, plain.correlation_id) == (128, None)


@every_kind
def test_the_envelope_can_be_given(kind):
    one, other = uuid4(), uuid4()
    full = kind(value=1, message_id=one, priority=255, correlation_id=other)
    assert (full.message_id, full.priority, full.correlation_id) == (one, 255, other)


@every_kind
def test_every_message_is_a_ring_kernel_message(kind):
    assert isinstance(kind(value=1), RingKernelMessage)
    assert issubclass(kind, RingKernelMessage)
    assert kind.__ring_message__ is True


def test_what_is_not_decorated_is_no_ring_kernel_message():
    @dataclass
    class Plain:
        value: int

    assert not isinstance(Plain(1), RingKernelMessage)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.__name__.startswith("Decl")])
def test_an_envelope_that_is_added_goes_by_keyword_only(kind):
    assert kind(5).value == 5
    parameters = inspect.signature(kind).parameters
    assert {parameters[name].kind for name in ENVELOPE} == {inspect.Parameter.KEYWORD_ONLY}


def test_an_envelope_that_is_declared_keeps_its_place():
    one, other = uuid4(), uuid4()
    full = Declared(5, one, 7, other)
    assert (full.message_id, full.priority, full.correlation_id) == (one, 7, other)
    assert list(inspect.signature(Declared).parameters) == ["value", *ENVELOPE]


@every_kind
def test_fields_and_type_hints_name_the_envelope(kind):
    assert set(ENVELOPE) < {item.name for item in dataclasses.fields(kind)}
    hints = get_type_hints(kind)
    assert [hints[name] for name in ENVELOPE] == [UUID, int, UUID | None]


@pytest.mark.parametrize("kind", [Bare, Over, Declared, Frozen, Box])
def test_a_class_with_a_dict_is_decorated_in_place(kind):
    assert [owner for owner in kind.__mro__ if owner.__name__ == kind.__name__] == [kind]


@pytest.mark.parametrize("kind", [FrozenSlots, *IN_SLOTS])
def test_a_class_with_slots_keeps_to_slots(kind):
    assert not hasattr(kind(value=1), "__dict__")


# The id.


@pytest.mark.parametrize("kind", ON_DEMAND)
def test_an_id_is_made_at_its_first_use_and_stays(kind, random_calls):
    lazy = kind(value=1)
    assert (lazy == kind(value=1), str(lazy) == repr(lazy)) == (True, True)
    assert random_calls == []
    assert lazy.message_id == lazy.message_id
    assert len(random_calls) == 1


@every_kind
def test_two_messages_have_two_ids(kind):
    assert kind(value=1).message_id != kind(value=1).message_id


@pytest.mark.parametrize("kind", ON_DEMAND)
def test_none_for_an_id_asks_for_a_new_one(kind):
    first = kind(value=1, message_id=None)
    second = dataclasses.replace(first, message_id=None)
    assert isinstance(first.message_id, UUID)
    assert first.message_id != second.message_id


@pytest.mark.parametrize("kind", [Bare, Slots])
def test_threads_that_look_at_once_see_one_id(kind):
    for _ in range(50):
        shared, seen, start = kind(value=1), [], threading.Barrier(4)

        def look(shared=shared, seen=seen, start=start):
            start.wait()
            seen.append(shared.message_id)

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [shared.message_id] * 4


@every_kind
def test_a_class_has_no_id_of_its_own(kind):
    if kind is not Direct:
        with pytest.raises(AttributeError, match="message_id"):
            _ = kind.message_id


@pytest.mark.parametrize("kind", [*IN_DICTS, *IN_SLOTS])
def test_an_envelope_can_be_changed(kind):
    changed, new = kind(value=1), uuid4()
    changed.message_id, changed.priority, changed.correlation_id = new, 3, new
    assert (changed.message_id, changed.priority, changed.correlation_id) == (new, 3, new)


@pytest.mark.parametrize("kind", FROZEN)
@pytest.mark.parametrize("name", ["value", *ENVELOPE])
def test_a_frozen_message_does_not_change(kind, name):
    frozen = kind(value=1)
    with pytest.raises(FrozenInstanceError):
        setattr(frozen, name, 5)
    assert isinstance(frozen.message_id, UUID)


# What is refused.


@every_kind
@pytest.mark.parametrize("priority", [-1, 256, 2**70, True, 1.0, "5", None])
def test_a_priority_that_is_no_int_from_0_to_255_is_refused(kind, priority):
    with pytest.raises(MessageValidationError) as caught:
        kind(value=1, priority=priority)
    error = caught.value
    assert (error.message_type, error.field) == (kind.__qualname__, "priority")
    assert "an int from 0 to 255" in str(error)
    assert f"got {priority!r}, which is of type {type(priority).__name__}" in str(error)


@every_kind
@given(priority=st.integers(0, 255))
def test_every_priority_from_0_to_255_is_kept(kind, priority):
    assert kind(value=1, priority=priority).priority == priority


@every_kind
def test_an_unknown_or_missing_field_is_named_as_for_any_function(kind):
    with pytest.raises(TypeError, match=rf"{kind.__name__}.__init__\(\).*'valeu'"):
        kind(value=1, valeu=2)
    with pytest.raises(TypeError, match=rf"{kind.__name__}.__init__\(\).*'value'"):
        kind()


# Equality, hash, repr.


@every_kind
def test_messages_are_equal_where_all_but_the_id_is(kind):
    link = uuid4()
    one = kind(value=1, priority=3, correlation_id=link, message_id=uuid4())
    assert one == kind(value=1, priority=3, correlation_id=link, message_id=uuid4())
    assert one != kind(value=2, priority=3, correlation_id=link)
    assert one != kind(value=1, priority=4, correlation_id=link)
    assert one != kind(value=1, priority=3, correlation_id=uuid4())


def test_messages_of_two_classes_are_not_equal():
    assert Bare(1) != Over(1)
    assert Bare(1) != Child(1)
    assert Bare(1) != 1


@pytest.mark.parametrize("kind", FROZEN)
def test_frozen_messages_have_a_hash_that_leaves_the_id_out(kind):
    first = kind(value=1, priority=3, message_id=uuid4())
    assert hash(first) == hash(kind(value=1, priority=3, message_id=uuid4()))
    assert hash(first) != hash(kind(value=1, priority=4))


@pytest.mark.parametrize("kind", [Bare, Slots, Typed, Declared])
def test_messages_that_can_change_have_no_hash(kind):
    with pytest.raises(TypeError, match="unhashable"):
        hash(kind(value=1))


def test_a_repr_shows_of_the_envelope_what_is_not_as_usual():
    link = UUID(int=5)
    assert repr(Bare(1)) == "Bare(value=1)"
    assert repr(Declared(1, priority=7)) == "Declared(value=1, priority=7)"
    assert repr(Slots(1, correlation_id=link)) == f"Slots(value=1, correlation_id={link!r})"


# Replies.


@every_kind
def test_a_reply_is_linked_to_its_request(kind):
    request = Over(1)
    reply = request.reply(kind, value=2, priority=9)
    assert (type(reply), reply.value, reply.priority) == (kind, 2, 9)
    assert reply.correlation_id == request.message_id


@every_kind
def test_every_message_can_be_replied_to(kind):
    request = kind(value=1)
    assert request.reply(Over, value=2).correlation_id == request.message_id


def test_a_correlation_given_to_a_reply_counts(random_calls):
    link = UUID(int=5)
    assert Over(1).reply(Over, value=2, correlation_id=link).correlation_id == link
    assert Over(1).reply(Over, value=2, correlation_id=None).correlation_id is None
    assert random_calls == []


@pytest.mark.parametrize("kind", [int, "Over", None, Over(1)], ids=repr)
def test_a_reply_of_no_message_class_is_refused(kind):
    with pytest.raises(InvalidTypeError, match="takes a class under @message") as caught:
        Over(1).reply(kind, value=2)
    assert repr(kind) in str(caught.value)


# Copies.


def copies_of(original):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        yield pickle.loads(pickle.dumps(original, protocol))  # noqa: S301 - made here
    yield copy.copy(original)
    yield copy.deepcopy(original)
    yield dataclasses.replace(original)


@given(original=MESSAGES, looks_before=st.booleans())
def test_a_copy_is_equal_and_has_the_same_id_whenever_that_is_made(original, looks_before):
    if looks_before:
        _ = original.message_id
    for copied in copies_of(original):
        assert copied == original
        assert type(copied) is type(original)
        assert copied.message_id == original.message_id


@given(original=MESSAGES)
def test_the_fields_of_a_message_make_an_equal_one(original):
    as_dict = dataclasses.asdict(original)
    again = type(original)(**as_dict)
    assert again == original
    assert dataclasses.asdict(again) == as_dict


@given(original=MESSAGES, value=VALUES)
def test_a_replaced_field_changes_nothing_else(original, value):
    replaced = dataclasses.replace(original, value=value)
    assert replaced.value == value
    assert dataclasses.replace(replaced, value=original.value) == original
