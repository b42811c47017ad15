"""Forms of values that hold no others."""

from datetime import datetime
from math import nan
from typing import Any, Final
from uuid import UUID

from pydotcompute.wire.form import Form, Refusal, Turn, refuse
from pydotcompute.wire.times import read_time, write_time

_INT_MIN: Final = -(2**63)
_INT_MAX: Final = 2**64 - 1
_UUID_BYTES: Final = 16


def _write_none(value: Any, _room: int) -> None:
    if value is not None:
        refuse(value, "None")


def _write_bool(value: Any, _room: int) -> bool:
    return value if isinstance(value, bool) else refuse(value, "bool")


def _write_int(value: Any, _room: int) -> int:
    if not isinstance(value, int):
        refuse(value, "int")
    if not _INT_MIN <= value <= _INT_MAX:
        reason = "is an int of more than 64 bits; write it as a str or as bytes"
        raise Refusal(reason)
    return int.__index__(value)  # of a subclass, the plain number


def _write_float(value: Any, _room: int) -> float:
    if isinstance(value, float):
        return float(value)
    if not isinstance(value, int):
        refuse(value, "float")
    try:
        number = float(value)
    except OverflowError:
        number = nan  # which equals nothing
    if number != value:
        reason = f"is an int that no float equals, of {value.bit_length()} bits; declare it int"
        raise Refusal(reason)
    return number


def _write_str(value: Any, _room: int) -> str:
    if not isinstance(value, str):
        refuse(value, "str")
    text = str.__str__(value)  # of a subclass, the plain text
    if not text.isascii():
        _encode(text)
    return text


def _encode(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        reason = f"has a lone surrogate at position {error.start}, which UTF-8 cannot hold"
        raise Refusal(reason) from None


def _write_bytes(value: Any, _room: int) -> bytes:
    return bytes(value) if isinstance(value, bytes) else refuse(value, "bytes")


def _write_uuid(value: Any, _room: int) -> bytes:
    return value.bytes if isinstance(value, UUID) else refuse(value, "UUID")


def _read_uuid(wire: Any, _room: int) -> UUID:
    if type(wire) is not bytes or len(wire) != _UUID_BYTES:
        refuse(wire, f"the {_UUID_BYTES} bytes of a UUID")
    return UUID(bytes=wire)


def _plain(kind: type, write: Turn) -> Form:
    """Make the form of what msgpack holds as it is."""
    label = "None" if kind is type(None) else kind.__name__

    def read(wire: Any, _room: int) -> Any:
        return wire if type(wire) is kind else refuse(wire, label)

    return Form(label, kind, write, read)


SCALARS: Final = {
    form.kind: form
    for form in (
        _plain(type(None), _write_none),
        _plain(bool, _write_bool),
        _plain(int, _write_int),
        _plain(float, _write_float),
        _plain(str, _write_str),
        _plain(bytes, _write_bytes),
        Form("UUID", UUID, _write_uuid, _read_uuid),
        Form("datetime", datetime, write_time, read_time),
    )
}
"""By class."""
