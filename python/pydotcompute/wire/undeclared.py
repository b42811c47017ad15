"""The form of values for which no type is declared: they say themselves what they are."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydotcompute.wire.containers import dict_of, list_of, tuple_of
from pydotcompute.wire.form import Form, Refusal, Turn, refuse
from pydotcompute.wire.packed import as_extension, extension, pack, unpack
from pydotcompute.wire.scalars import SCALARS

_TUPLE, _UUID, _DATETIME = 1, 2, 3
_HAS_EXTENSION: Final = frozenset((UUID, datetime))


def _write(value: Any, room: int) -> Any:
    for kind in type(value).__mro__:
        write = _WRITE.get(kind)
        if write is not None:
            return write(value, room)
    reason = f"holds a {type(value).__qualname__} where no type is declared; declare the type"
    raise Refusal(reason)


def _read(wire: Any, room: int) -> Any:
    read = _READ.get(type(wire))
    return _read_extension(wire, room) if read is None else read(wire, room)


def _read_extension(wire: Any, room: int) -> Any:
    found = as_extension(wire)
    code = None if found is None else found.code
    if found is None or code not in _READ_EXTENSION:
        refuse(wire, "a value that says what it is")
    return _READ_EXTENSION[found.code](bytes(found.data), room)


ANYTHING: Final = Form("object", None, _write, _read)
"""Of all that has a form but messages: no class is looked up by a name that stands in bytes."""

_LIST: Final = list_of(ANYTHING)
_DICT: Final = dict_of(ANYTHING, ANYTHING)
_TUPLES: Final = tuple_of(ANYTHING)


def _write_tuple(value: Any, room: int) -> Any:
    return extension(_TUPLE, pack(_TUPLES.write(value, room)))


def _write_uuid(value: Any, room: int) -> Any:
    return extension(_UUID, SCALARS[UUID].write(value, room))


def _write_datetime(value: Any, room: int) -> Any:
    text: str = SCALARS[datetime].write(value, room)
    return extension(_DATETIME, text.encode())


def _read_tuple(data: bytes, room: int) -> Any:
    return _TUPLES.read(unpack(data), room)


def _read_uuid(data: bytes, room: int) -> Any:
    return SCALARS[UUID].read(data, room)


def _read_datetime(data: bytes, room: int) -> Any:
    return SCALARS[datetime].read(data.decode(errors="replace"), room)


_PLAIN: Final = {kind: form for kind, form in SCALARS.items() if kind not in _HAS_EXTENSION}
_WRITE: Final[dict[Any, Turn]] = {
    **{kind: form.write for kind, form in _PLAIN.items()},
    list: _LIST.write,
    dict: _DICT.write,
    tuple: _write_tuple,
    UUID: _write_uuid,
    datetime: _write_datetime,
}
_READ: Final[dict[Any, Turn]] = {
    **{kind: form.read for kind, form in _PLAIN.items()},
    list: _LIST.read,
    dict: _DICT.read,
}
_READ_EXTENSION: Final[dict[int, Turn]] = {
    _TUPLE: _read_tuple,
    _UUID: _read_uuid,
    _DATETIME: _read_datetime,
}
