"""Messages: dataclasses with an id, a priority and a link to what they answer.

These three fields are called the envelope. A class may declare any of them itself, and may be a
dataclass of any kind; what `@message` adds to it costs next to nothing when a message is made.
"""

import sys
from abc import ABCMeta
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import MISSING, Field, dataclass, field, fields
from operator import attrgetter
from reprlib import recursive_repr
from threading import RLock
from types import MemberDescriptorType, new_class
from typing import Any, ClassVar, Final, NoReturn, TypeVar, dataclass_transform, overload
from uuid import UUID, uuid4

from pydotcompute.exceptions import InvalidTypeError, MessageValidationError
from pydotcompute.priority import NORMAL_PRIORITY, check_priority
from pydotcompute.serializable import Serializable

T = TypeVar("T")
R = TypeVar("R")


@dataclass
class RingKernelMessage(Serializable, metaclass=ABCMeta):
    """What every message is an instance of: each class under `@message`, and each subclass.

    A subclass under `@dataclass` alone is a message too, whose id is made with it. Under
    `@message` the id is made at its first use, about a microsecond later or never.

    Subclassing shows the envelope and `reply` to type checkers; at run time `@message` is enough.
    """

    message_id: UUID = field(default_factory=uuid4, kw_only=True, compare=False, repr=False)
    """Names this message; a copy has the same. Equality and repr leave it out."""
    priority: int = field(default=NORMAL_PRIORITY, kw_only=True)
    """0 to 255; a message of a higher priority overtakes."""
    correlation_id: UUID | None = field(default=None, kw_only=True)
    """The `message_id` of the message that this one answers."""

    __ring_message__: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the priority; a subclass with a `__post_init__` of its own calls this one.

        Raises:
            MessageValidationError: The priority is no int from 0 to 255.
        """
        check_priority(type(self), self.priority)

    def __getstate__(self) -> object:
        """Describe the message to pickle and copy; the id must be there before there are two."""
        _ = self.message_id
        return object.__getstate__(self)

    def reply(self, reply_type: type[R], /, **fields: Any) -> R:
        """Make a message that answers this one.

        Args:
            reply_type: Its class, under `@message`.
            fields: Its fields; `correlation_id` is this message's id where it is left out.

        Raises:
            InvalidTypeError: `reply_type` is no message class.
            MessageValidationError: The priority is no int from 0 to 255.
            TypeError: A field is unknown or missing.
        """
        if not (isinstance(reply_type, type) and hasattr(reply_type, "__ring_message__")):
            text = f"reply() takes a class under @message and its fields, got {reply_type!r:.80}"
            kind = type(reply_type).__qualname__
            raise InvalidTypeError(text, argument="reply_type", value_type=kind)
        if "correlation_id" not in fields:
            fields["correlation_id"] = self.message_id
        return reply_type(**fields)


_INHERITED: Final = ("__ring_message__", "__getstate__", "__post_init__")
_METHODS: Final = ("reply", "serialize", "deserialize")
_ENVELOPE: Final = {item.name: item for item in fields(RingKernelMessage)}


@overload
def message(cls: type[T], /) -> type[T]: ...
@overload
def message() -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(field_specifiers=(field, Field))
def message(cls: type[T] | None = None, /) -> type[T] | Callable[[type[T]], type[T]]:
    """Make a class of messages: a dataclass with the envelope, `reply()` and `serialize()`.

    A class that is no dataclass yet becomes one; for options such as `frozen` or `slots`, put
    `@dataclass(...)` under this decorator. Envelope fields that the class does not declare are
    added, by keyword only. Two messages are equal where all fields but `message_id` are. Methods
    that the class writes itself stay as they are.

    Returns:
        The class; where it has slots and no `__dict__`, a subclass of it that has room for the
        envelope, under the same name.

    Raises:
        InvalidTypeError: What is decorated is no class.
        MessageValidationError: The class has something else under the name of an envelope field,
            or a default priority that is no int from 0 to 255.
    """
    if cls is None:
        return message
    if not isinstance(cls, type):
        text = f"@message decorates a class, got {cls!r:.80}"
        raise InvalidTypeError(text, argument="cls", value_type=type(cls).__qualname__)
    if "__dataclass_fields__" not in cls.__dict__:
        cls = dataclass(cls)
    return _as_message(cls)


def _as_message(cls: type[Any]) -> type[Any]:
    written = _written_by_dataclass(cls)
    cls = _with_envelope(cls)
    _set_up_id(cls)
    _inherit(cls)
    priority = cls.__dataclass_fields__["priority"].default
    if priority is not MISSING:
        check_priority(cls, priority)
    for name, write in _WRITERS.items():
        if name in written and getattr(cls, name) is not None:  # no hash is None
            setattr(cls, name, write(cls))
    return cls


def _written_by_dataclass(cls: type) -> set[str]:
    """Tell the methods that `@dataclass` wrote from those of the class's own body.

    A class's dict keeps its order, and `@dataclass` leaves its parameters there before it writes.
    """
    names = list(cls.__dict__)
    return set(names[names.index("__dataclass_params__") :])


def _with_envelope(cls: type[Any]) -> type[Any]:
    declared = {item.name for item in fields(cls)}
    missing = {name: item for name, item in _ENVELOPE.items() if name not in declared}
    for name in missing:
        if name in cls.__dataclass_fields__ or _find(cls, name) is not MISSING:
            reason = (
                "is a field of every message, but the class has something else under this name; "
                f"declare it as a field, `{name}: ... = ...`, or rename the other"
            )
            raise MessageValidationError(cls.__qualname__, name, reason)
    if missing and cls.__dictoffset__ == 0:
        return _with_room_for(cls, missing)
    cls.__annotations__ = _annotations_of(cls) | {n: item.type for n, item in missing.items()}
    for name, item in missing.items():
        cls.__dataclass_fields__[name] = item
        if item.default is not MISSING:
            setattr(cls, name, item.default)
    return cls


def _annotations_of(cls: type) -> dict[str, Any]:
    from inspect import get_annotations  # noqa: PLC0415 - only where a class is decorated

    if sys.version_info >= (3, 14):
        # Annotations are evaluated when read, which fails for names imported for typing only.
        from annotationlib import Format  # noqa: PLC0415 - not there before 3.14

        return get_annotations(cls, format=Format.FORWARDREF)
    return get_annotations(cls)


def _with_room_for(cls: type[Any], missing: dict[str, Field[Any]]) -> type[Any]:
    """Subclass a class without `__dict__`: slots cannot be added to a class that exists."""
    body = {name: copy(item) for name, item in missing.items()} | {
        "__annotations__": {name: item.type for name, item in missing.items()},
        "__doc__": cls.__doc__,
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
    }
    parameters = getattr(cls, "__parameters__", ())  # it stays as generic as it was
    base = cls[parameters] if parameters else cls
    roomy = new_class(cls.__name__, (base,), exec_body=lambda namespace: namespace.update(body))
    frozen = cls.__dataclass_params__.frozen
    return dataclass(init=False, repr=False, eq=False, frozen=frozen, slots=True)(roomy)


def _inherit(cls: type[Any]) -> None:
    """Give a class what a subclass of RingKernelMessage inherits, where it has none of its own."""
    RingKernelMessage.register(cls)
    for name in (*_INHERITED, *_METHODS):
        if _find(cls, name) is _find(object, name) and name not in cls.__dataclass_fields__:
            setattr(cls, name, _find(RingKernelMessage, name))


def _find(cls: type, name: str) -> object:
    """Find a class attribute without asking it for its value; MISSING where there is none."""
    for owner in cls.__mro__:
        if name in owner.__dict__:
            return owner.__dict__[name]
    return MISSING


# The id on demand. uuid4() takes ten times as long as all else about making a message.


def _set_up_id(cls: type[Any]) -> None:
    declared = copy(cls.__dataclass_fields__["message_id"])  # a base may have the same field object
    declared.compare = declared.repr = False
    cls.__dataclass_fields__["message_id"] = declared
    place = _find(cls, "message_id")
    if not _is_id_on_demand(declared) or isinstance(place, _IdInDict | _IdInSlot):
        return
    cls.message_id = _IdInSlot(place) if isinstance(place, MemberDescriptorType) else _IdInDict()


def _is_id_on_demand(item: Field[Any]) -> bool:
    return item.name == "message_id" and item.default_factory is uuid4


class _IdInDict:
    """Makes the id of a message at the first look; from then on the instance's dict is seen."""

    def __get__(self, instance: object, owner: type) -> UUID:
        if instance is None:
            _refuse_class_attribute(owner)
        made: UUID = instance.__dict__.setdefault("message_id", uuid4())  # one id for all threads
        return made


class _IdInSlot:
    """Makes the id of a message at the first look into its slot, which is empty until then."""

    _looking: ClassVar = RLock()  # a finalizer may look at another message in the middle of this

    def __init__(self, slot: MemberDescriptorType) -> None:
        self._slot = slot

    def __get__(self, instance: object, owner: type) -> UUID:
        if instance is None:
            _refuse_class_attribute(owner)
        with self._looking:
            try:
                found: UUID = self._slot.__get__(instance, owner)
            except AttributeError:
                found = uuid4()
                self._slot.__set__(instance, found)
            return found

    def __set__(self, instance: object, value: object) -> None:
        self._slot.__set__(instance, value)


def _refuse_class_attribute(owner: type) -> NoReturn:
    text = f"type object {owner.__name__!r} has no attribute 'message_id'; its instances have"
    raise AttributeError(text)  # as without a default, which @dataclass looks for in this place


# The methods. Names that written code needs begin with __ring_, out of the way of fields.


_SET: Final = "{0}.{1} = {2}"
_PUT: Final = "__ring_put({0}, {1!r}, {2})"


def _write_init(cls: type[Any]) -> Callable[..., None]:
    """Write the `__init__` that `@dataclass` would, but for the envelope.

    Of the envelope, only what differs from the class's own attributes is stored in the instance.
    """
    positional, by_name, defaults = _parameters_of(cls)
    names = [*positional, *by_name]
    spelled = [f"{name}=__ring_default_{name}" if name in defaults else name for name in names]
    if by_name:
        spelled.insert(len(positional), "*")
    this = "__ring_self" if "self" in names else "self"
    body = [line for item in fields(cls) for line in _lines_for(cls, item, this)]
    check = RingKernelMessage.__post_init__
    if getattr(cls, "__post_init__", check) is not check:  # the priority's line does that check
        passed = set(names) - {item.name for item in fields(cls)}
        ordered = [name for name in cls.__dataclass_fields__ if name in passed]
        body.append(f"{this}.__post_init__({', '.join(ordered)})")
    init = _compile(cls, f"__init__({', '.join((this, *spelled))})", body, defaults)
    types = {name: cls.__dataclass_fields__[name].type for name in names}
    init.__annotations__ = types | {"return": None}
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    own = [name for name in names if name not in _ENVELOPE]
    stores = {form.format(this, name, name) for name in own for form in (_SET, _PUT)}
    if all(line.startswith("if ") or line in stores for line in body):
        # Who stores the fields does all that it does. Its own code, for wrappers copy attributes.
        vars(init)["__ring_only_stores__"] = init.__code__
    return init


def _parameters_of(cls: type[Any]) -> tuple[list[str], list[str], dict[str, object]]:
    """Read the parameters of the `__init__` of `@dataclass`, and add those of the envelope."""
    init = cls.__init__
    names, count = init.__code__.co_varnames, init.__code__.co_argcount
    positional = list(names[1:count])
    by_name = list(names[count : count + init.__code__.co_kwonlyargcount])
    given = init.__defaults__ or ()
    defaults = dict(zip(positional[len(positional) - len(given) :], given, strict=True))
    defaults |= init.__kwdefaults__ or {}
    for item in fields(cls):
        if item.default is not MISSING:
            defaults[item.name] = item.default
        if _is_id_on_demand(item):
            defaults[item.name] = None
        if item.init and item.name not in (*positional, *by_name):
            by_name.append(item.name)
    return positional, by_name, defaults


def _lines_for(cls: type[Any], item: Field[Any], this: str) -> Iterator[str]:
    name, value = item.name, _value_for(item)
    if value is None:
        return
    is_on_demand = _is_id_on_demand(item)
    has_usual = name in _ENVELOPE and item.init and (is_on_demand or item.default is not MISSING)
    if_unusual = f"if {name} is not __ring_default_{name}: " if has_usual else ""
    # An instance that stores nothing shows the class's attribute; a class with slots has none.
    shows_default = is_on_demand or _find(cls, name) is item.default
    is_frozen = cls.__dataclass_params__.frozen
    store = (_PUT if is_frozen else _SET).format(this, name, value)
    yield f"{if_unusual if shows_default else ''}{store}"
    if name == "priority":
        yield f"{if_unusual}__ring_check(type({this}), {this}.priority)"


def _value_for(item: Field[Any]) -> str | None:
    """Spell what a field is set to; None where `__init__` leaves it alone."""
    name, default = item.name, f"__ring_default_{item.name}"
    if _is_id_on_demand(item):
        return name if item.init else None
    if item.default_factory is not MISSING:
        made = f"__ring_make_{name}()"
        return f"{made} if {name} is {default} else {name}" if item.init else made
    if item.init:
        return name
    return None if item.default is MISSING else default


def _compile(
    cls: type[Any], head: str, body: list[str], defaults: dict[str, object]
) -> Callable[..., None]:
    """Compile a function in the class's module, as `@dataclass` does."""
    cells: dict[str, object] = {"__ring_check": check_priority, "__ring_put": object.__setattr__}
    cells |= {f"__ring_default_{name}": value for name, value in defaults.items()}
    cells |= {f"__ring_make_{item.name}": item.default_factory for item in fields(cls)}
    lines = [f"def write({', '.join(cells)}):", f" def {head}:"]
    lines += [f"  {line}" for line in body or ["pass"]]
    lines.append(f" return {head.partition('(')[0]}")
    module = sys.modules.get(cls.__module__)
    names: dict[str, Callable[..., Callable[..., None]]] = {}
    exec("\n".join(lines), vars(module) if module else {}, names)  # noqa: S102 - our own text
    return names["write"](**cells)


@recursive_repr()
def _repr(self: Any) -> str:
    """Show the fields, then of the envelope what is not as usual."""
    ordered = sorted(fields(self), key=lambda item: item.name in _ENVELOPE)
    values = [(item, getattr(self, item.name)) for item in ordered if item.repr]
    shown = (
        f"{item.name}={value!r}"
        for item, value in values
        if item.name not in _ENVELOPE or value != item.default
    )
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _write_eq(cls: type[Any]) -> Callable[[object, object], bool]:
    key = attrgetter("__class__", *(item.name for item in fields(cls) if item.compare))

    def __eq__(self: object, other: object) -> bool:  # noqa: N807 - becomes that method
        if other.__class__ is not self.__class__:
            return NotImplemented
        return bool(key(self) == key(other))

    return __eq__


def _write_hash(cls: type[Any]) -> Callable[[object], int]:
    hashed = [i.name for i in fields(cls) if (i.compare if i.hash is None else i.hash)]
    key = attrgetter("__class__", *hashed)
    return lambda self: hash(key(self))


_WRITERS: Final[dict[str, Callable[[type[Any]], Callable[..., object]]]] = {
    "__init__": _write_init,
    "__repr__": lambda _: _repr,
    "__eq__": _write_eq,
    "__hash__": _write_hash,
}
