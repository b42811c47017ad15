"""Messages as bytes: msgpack, written and read by the types that their classes declare."""

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, Final, TypeVar, get_type_hints

from pydotcompute.exceptions import InvalidTypeError, MessageError, MessageSerializationError
from pydotcompute.priority import check_priority
from pydotcompute.wire.declared import form_of
from pydotcompute.wire.form import MAX_DEPTH, Form, Refusal, deeper, refuse
from pydotcompute.wire.packed import pack, unpack

T = TypeVar("T")

_NAME: Final = "@message"  # beside the fields, and no name that a field can have
_MARK: Final = "__ring_codec__"


def serialize(message: object) -> bytes:
    """Turn a message into bytes; see `Serializable.serialize`."""
    return _trying(type(message), lambda codec: pack(codec.write(message, MAX_DEPTH)))


def deserialize(cls: type[T], data: bytes) -> T:
    """Make a message of a class from bytes; see `Serializable.deserialize`."""
    if not isinstance(data, (bytes, bytearray, memoryview)):
        text = f"deserialize() takes bytes, got {data!r:.80}"
        raise InvalidTypeError(text, argument="data", value_type=type(data).__qualname__)
    made: T = _trying(cls, lambda codec: codec.read_bytes(bytes(data)))
    return made


class _Codec:
    """Writes and reads the messages of one class."""

    def __init__(self, cls: type[Any]) -> None:
        self.kind = cls
        self._name = cls.__qualname__
        self._forms = _forms_of(cls)
        self._keys = {_NAME, *self._forms}
        self._arguments = [item.name for item in fields(cls) if item.init]
        _check_constructor(cls, self._arguments)

    def write(self, message: object, room: int) -> dict[str, Any]:
        """Write a message as a map."""
        if type(message) is not self.kind:
            refuse(message, self._name)
        below = deeper(room)
        written: dict[str, Any] = {_NAME: self._name}
        for name, form in self._forms.items():
            try:
                written[name] = form.write(_value_of(message, name), below)
            except Refusal as refusal:
                raise refusal.inside(name) from None
        return written

    def read_bytes(self, data: bytes) -> Any:
        """Read a message from bytes."""
        return self.read(unpack(data), MAX_DEPTH)

    def read(self, wire: Any, room: int) -> Any:
        """Read a message from a map."""
        below = deeper(room)
        if type(wire) is not dict:
            refuse(wire, "a map of fields")
        self._check_keys(wire)
        values = {}
        for name, form in self._forms.items():
            try:
                values[name] = form.read(wire[name], below)
            except Refusal as refusal:
                raise refusal.inside(name) from refusal.__cause__
        check_priority(self.kind, values["priority"])
        return self._make(values)

    def _check_keys(self, wire: dict[Any, Any]) -> None:
        if wire.get(_NAME) != self._name:
            reason = f"is of another class: {wire.get(_NAME)!r:.80}"
            raise Refusal(reason)
        if wire.keys() != self._keys:
            names = sorted(map(repr, wire.keys() ^ self._keys))
            reason = f"has other fields than {self._name}: {', '.join(names):.80}"
            raise Refusal(reason)

    def _make(self, values: dict[str, Any]) -> Any:
        made = self._construct({name: values[name] for name in self._arguments})
        for name, value in values.items():
            if getattr(made, name, MISSING) is not value:
                object.__setattr__(made, name, value)  # a frozen one too
        return made

    def _construct(self, arguments: dict[str, Any]) -> Any:
        try:
            return self.kind(**arguments)
        except MessageError:
            raise
        except Exception as error:
            kind = type(error).__qualname__
            reason = f"was refused by its constructor: {kind}: {error!s:.200}"
            raise Refusal(reason) from error


def _trying(cls: type, work: Callable[[_Codec], T]) -> T:
    try:
        return work(_codec_of(cls))
    except Refusal as refusal:
        reason, cause = str(refusal), refusal.__cause__
    except RecursionError:
        reason, cause = "the message is nested deeper than the stack allows here", None
    raise MessageSerializationError(cls.__qualname__, reason) from cause


def _codec_of(cls: type[Any]) -> _Codec:
    found: _Codec | None = cls.__dict__.get(_MARK)
    if found is None or found.kind is not cls:  # a copy of a class has the mark of the original
        found = _Codec(cls)
        setattr(cls, _MARK, found)
    return found


def _form_of_message(cls: type[Any]) -> Form:
    """Give the form of a message class, whose own forms are made at their first use.

    So a class may hold messages of its own.
    """

    def write(value: Any, room: int) -> Any:
        return _codec_of(cls).write(value, room)

    def read(wire: Any, room: int) -> Any:
        return _codec_of(cls).read(wire, room)

    return Form(cls.__qualname__, cls, write, read)


def _forms_of(cls: type[Any]) -> dict[str, Form]:
    hints, forms = _hints_of(cls), {}
    for item in fields(cls):
        try:
            forms[item.name] = form_of(hints[item.name], _form_of_message)
        except Refusal as refusal:
            raise refusal.inside(item.name) from None
    return forms


def _hints_of(cls: type[Any]) -> dict[str, Any]:
    """Evaluate the declared types; a class in a function may name itself."""
    try:
        return get_type_hints(cls, localns={cls.__name__: cls})
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        reason = f"has declared types that cannot be evaluated: {error}"
        raise Refusal(reason) from error


def _check_constructor(cls: type[Any], arguments: list[str]) -> None:
    from inspect import signature  # noqa: PLC0415 - once a class, where it is written or read

    try:
        signature(cls.__init__).bind(None, **dict.fromkeys(arguments))
    except TypeError as mismatch:
        reason = f"has a constructor that does not take its fields, or asks for more: {mismatch}"
        raise Refusal(reason) from None


def _value_of(message: object, name: str) -> Any:
    try:
        return getattr(message, name)
    except AttributeError:
        reason = "was never set"
        raise Refusal(reason) from None
