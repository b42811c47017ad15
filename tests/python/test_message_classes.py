"""What may be decorated as a message, and what comes of it: dataclasses in all their ways."""

import copy
import dataclasses
import inspect
import os
import subprocess
import sys
from dataclasses import KW_ONLY, InitVar, dataclass, field
from pathlib import Path
from typing import ClassVar, Generic, TypeVar, get_type_hints
from uuid import UUID, uuid4

import pytest

from pydotcompute.exceptions import InvalidTypeError, MessageValidationError
from pydotcompute.messages import RingKernelMessage, message

ROOT = Path(__file__).parents[2]
ENVELOPE = ["message_id", "priority", "correlation_id"]
T = TypeVar("T")


@message
class Bare:
    value: object


@message
class Child(Bare):
    extra: int = 0


@message
class Box(Generic[T]):
    value: T


@message
@dataclass(slots=True)
class SlotBox(Generic[T]):
    value: T


# An envelope of the class's own.


def test_a_declared_default_counts():
    @message
    class Urgent:
        value: int = 0
        priority: int = 200

    @message
    class Calm(Urgent):
        priority: int = 20

    assert (Urgent().priority, Urgent(priority=128).priority) == (200, 128)
    assert (Calm().priority, Calm(priority=200).priority) == (20, 200)


def test_a_declared_field_may_be_required_or_made():
    @message
    class Strict:
        correlation_id: UUID
        message_id: UUID
        priority: int = field(default_factory=lambda: 9)

    one, other = uuid4(), uuid4()
    assert Strict(one, other).priority == 9
    assert (Strict(one, other).correlation_id, Strict(one, other).message_id) == (one, other)
    with pytest.raises(TypeError, match="message_id"):
        Strict(one)


def test_a_declared_field_may_be_out_of_the_constructor():
    @message
    class Fixed:
        value: int
        message_id: UUID = field(default_factory=uuid4, init=False)
        priority: int = field(default=200, init=False)

    assert Fixed(1).priority == 200
    assert isinstance(Fixed(1).message_id, UUID)
    assert list(inspect.signature(Fixed).parameters) == ["value", "correlation_id"]


# What is refused.


@pytest.mark.parametrize("declared", [300, field(default_factory=lambda: 300)])
def test_a_declared_default_out_of_range_is_refused(declared):
    plain = type("Loud", (), {"__annotations__": {"priority": int}, "priority": declared})
    with pytest.raises(
        MessageValidationError, match=r"Loud\.priority: must be an int from 0 to 255"
    ):
        message(plain)()


@pytest.mark.parametrize("name", ENVELOPE)
@pytest.mark.parametrize(
    "thing", [property(lambda _: 5), lambda self: self, 5], ids=["property", "method", "attribute"]
)
def test_something_else_under_the_name_of_an_envelope_field_is_refused(name, thing):
    taken = type("Taken", (), {name: thing})
    with pytest.raises(MessageValidationError, match=f"{name}.*declare it as a field") as caught:
        message(taken)
    assert (caught.value.message_type, caught.value.field) == ("Taken", name)


@pytest.mark.parametrize("kind", [ClassVar[int], InitVar[int]])
def test_an_envelope_field_is_a_field_and_no_less(kind):
    plain = type("Taken", (), {"__annotations__": {"priority": kind}})
    with pytest.raises(MessageValidationError, match="declare it as a field"):
        message(plain)


@pytest.mark.parametrize("thing", [5, "Request", None, lambda: 5])
def test_what_is_no_class_is_no_class_of_messages(thing):
    if thing is None:
        assert message(None) is message
        return
    with pytest.raises(InvalidTypeError, match="@message decorates a class, got"):
        message(thing)


# Methods.


def test_a_declared_id_is_left_out_of_a_hash_that_was_asked_for():
    @message
    @dataclass(unsafe_hash=True)
    class Hashed:
        value: int = field(hash=False)
        message_id: UUID = field(default_factory=uuid4)

    assert hash(Hashed(1)) == hash(Hashed(2))
    assert hash(Hashed(1)) != hash(Hashed(1, priority=5))


def test_a_repr_survives_a_message_that_holds_itself():
    knot = Bare(None)
    knot.value = knot
    assert repr(knot) == "Bare(value=...)"


def test_methods_that_a_class_writes_itself_stay():
    @message
    class Own:
        value: int

        def __init__(self, value):
            self.value = value + 1

        def __repr__(self):
            return "own repr"

        def __eq__(self, other):
            return True

        def __hash__(self):
            return 7

        def reply(self):
            return "own reply"

        def __getstate__(self):
            return {"value": 40}

    own = Own(1)
    assert (own.value, own.priority, repr(own), own == 3, hash(own)) == (
        2,
        128,
        "own repr",
        True,
        7,
    )
    assert (own.reply(), copy.copy(own).value) == ("own reply", 40)
    assert isinstance(own.message_id, UUID)


def test_methods_that_dataclass_was_told_not_to_write_are_not_written():
    @message
    @dataclass(init=False, repr=False, eq=False)
    class Silent:
        value: int = 3

    assert Silent().value == 3
    assert Silent() != Silent()
    assert "object at" in repr(Silent())
    assert isinstance(hash(Silent()), int)


def test_a_field_called_reply_is_a_field():
    @message
    @dataclass(slots=True)
    class Wrapped:
        reply: str

    @message
    class Loose:
        reply: str

    @message
    class Again(Loose):
        reply: str

    assert (Wrapped("yes").reply, Loose("yes").reply) == ("yes", "yes")
    with pytest.raises(TypeError, match="'reply'"):
        Again()


def test_a_base_that_is_no_message_is_left_as_it_is():
    @dataclass
    class Named:
        message_id: UUID = field(default_factory=uuid4)

    @message
    class Sent(Named):
        pass

    (declared,) = dataclasses.fields(Named)
    assert (declared.compare, declared.repr) == (True, True)
    assert Named() != Named()
    assert Sent() == Sent()


# Dataclasses of every kind.


def test_defaults_factories_and_class_variables_are_as_in_any_dataclass():
    @message
    class Full:
        limit: ClassVar[int] = 3
        items: list[int] = field(default_factory=list)
        size: int = 4
        total: int = field(init=False, default=7)
        log: list[int] = field(init=False, default_factory=list)
        _: KW_ONLY
        name: str

    one, other = Full(name="a"), Full([1], 5, name="b")
    one.items.append(3)
    one.log.append(4)
    assert (one.items, one.size, one.total, one.log, one.name) == ([3], 4, 7, [4], "a")
    assert (other.items, other.size, other.total, other.log) == ([1], 5, 7, [])
    assert (Full.limit, Full.__match_args__) == (3, ("items", "size"))


def test_a_post_init_sees_all_fields_and_its_init_variables():
    @message
    class Scaled:
        factor: InitVar[int]
        value: int
        offset: InitVar[int] = 0

        def __post_init__(self, factor, offset):
            self.value = self.value * factor + offset + self.priority

    assert Scaled(10, 2).value == 148
    assert Scaled(10, 2, 5, priority=0).value == 25


@pytest.mark.parametrize("base", [object, RingKernelMessage])
def test_a_post_init_of_a_frozen_or_slotted_class_is_called(base):
    seen = []

    @message
    @dataclass(slots=True)
    class Seen(base):
        value: int

        def __post_init__(self):
            seen.append((self.value, self.priority))

    Seen(5, priority=6)
    assert seen == [(5, 6)]


def test_fields_may_have_any_name():
    @message
    class Named:
        self: int
        cls: int = 2
        name: int = field(default_factory=lambda: 3)

    assert repr(Named(1)) == f"{Named.__qualname__}(self=1, cls=2, name=3)"


def test_a_class_without_fields_is_a_message():
    @message
    class Ping:
        pass

    assert Ping() == Ping()
    assert Ping() != Ping(priority=1)


def test_a_class_of_no_known_module_can_be_decorated():
    lost = message(type("Lost", (), {"__annotations__": {"value": int}, "__module__": "nowhere"}))
    assert lost(5).value == 5


@pytest.mark.parametrize("kind", [Box, SlotBox])
def test_a_generic_message_stays_generic(kind):
    assert kind[int](value=3) == kind(value=3)
    assert kind.__parameters__ == (T,)

    @message
    class Narrow(kind[int]):
        pass

    assert Narrow(3).value == 3


def test_a_subclass_has_the_fields_of_both():
    child = Child(1, 2, priority=3)
    assert (child.value, child.extra, child.priority) == (1, 2, 3)
    assert repr(child) == "Child(value=1, extra=2, priority=3)"
    assert isinstance(child, Bare)


def test_a_subclass_that_is_not_decorated_is_a_message_like_its_base():
    class Loose(Bare):
        pass

    assert Loose(1, priority=5).priority == 5
    assert Loose(1) == Loose(1)
    assert isinstance(Loose(1), RingKernelMessage)


def test_the_init_says_what_it_takes():
    signature = inspect.signature(Child.__init__)
    assert list(signature.parameters) == ["self", "value", "extra", *ENVELOPE]
    assert get_type_hints(Child.__init__)["extra"] is int
    assert Child.__init__.__qualname__ == "Child.__init__"
    assert Child.__init__.__module__ == __name__


def test_the_decorator_may_be_called_without_arguments():
    @message()
    class Called:
        value: int

    assert Called(1, priority=3).priority == 3


def test_decorating_twice_changes_nothing():
    twice = message(message(dataclass(type("Twice", (), {"__annotations__": {"value": int}}))))
    assert twice(1, priority=3) == twice(value=1, priority=3)
    assert [item.name for item in dataclasses.fields(twice)] == ["value", *ENVELOPE]


# Type checkers.

CHECKED = """
from dataclasses import dataclass, field
from pydotcompute.messages import RingKernelMessage, message

@message
class Request:
    data: int
    names: list[str] = field(default_factory=list)

@message
@dataclass
class Over:
    data: int

@message
class Typed(RingKernelMessage):
    data: int

Request(data=1, names=["a"])
Over(data=1)
typed = Typed(data=1, priority=3)
reveal_type(typed.reply(Request, data=typed.priority))
Request(dta=1)
"""


def test_a_type_checker_knows_the_fields_and_the_reply(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(CHECKED)
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", str(program)]
    environment = os.environ | {"MYPYPATH": str(ROOT / "python")}
    checked = subprocess.run(
        command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True
    )
    errors = [line for line in checked.stdout.splitlines() if ": error:" in line]
    assert 'Revealed type is "program.Request"' in checked.stdout
    assert len(errors) == 1
    assert 'Unexpected keyword argument "dta"' in errors[0]
