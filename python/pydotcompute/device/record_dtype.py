"""The record that a message class is: NumPy's dtype of its fields."""

from dataclasses import fields, is_dataclass
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    NoReturn,
    get_args,
    get_origin,
    get_type_hints,
)

from pydotcompute.exceptions import InvalidTypeError, MessageValidationError
from pydotcompute.messages import RingKernelMessage

if TYPE_CHECKING:
    import numpy as np

MAX_RECORD_BYTES: Final = 2**20
"""The largest record, in bytes."""

_ENVELOPE: Final = frozenset(item.name for item in fields(RingKernelMessage))
_KINDS: Final = "biufc"  # bool, int, unsigned int, float, complex: bits that mean the same anywhere
_WAY_OUT: Final = (
    "declare it as int, float, bool, a NumPy scalar type, or a fixed array as in "
    "Annotated[np.ndarray, (8, np.float32)]"
)


def dtype_of(cls: type) -> "np.dtype[np.void]":
    """Give the layout of a message class as a structured dtype, aligned as C aligns a struct.

    Each field but those of the envelope (`message_id`, `priority`, `correlation_id`) is a member,
    in the order of declaration. `int` is 64 bits and signed, `float` 64 bits, `bool` a byte; a
    NumPy scalar type is itself; `Annotated[np.ndarray, (2, 3, np.int16)]` is an array of two by
    three. Byte order is that of the machine.

    May be called from any thread. NumPy is imported by the first call.

    Args:
        cls: A class under `@message`.

    Returns:
        The dtype; its `itemsize` is at most 2**20 bytes. `np.empty(n, dtype)` makes n records.

    Raises:
        InvalidTypeError: It is no message class.
        MessageValidationError: A field has no fixed layout, which the error names, or there are no
            fields but the envelope, or too many bytes.
    """
    import numpy as np  # noqa: PLC0415 - imported where it is used, on use

    if not (isinstance(cls, type) and is_dataclass(cls) and hasattr(cls, "__ring_message__")):
        text = f"dtype_of() takes a class under @message, got {cls!r:.80}"
        raise InvalidTypeError(text, argument="cls", value_type=type(cls).__qualname__)
    hints = _hints_of(cls)
    names = [item.name for item in fields(cls) if item.name not in _ENVELOPE]
    if not names:
        _refuse(cls, "message", "has no fields of its own, and a record cannot be empty: add one")
    members = [_member(cls, name, hints[name]) for name in names]
    dtype = np.dtype({"names": names, "formats": members}, align=True)
    if dtype.itemsize > MAX_RECORD_BYTES:
        largest = max(names, key=lambda name: dtype[name].itemsize)
        size = f"{dtype.itemsize} bytes, and a record has at most {MAX_RECORD_BYTES}"
        _refuse(cls, largest, f"is the largest field of a record of {size}: make it smaller")
    return dtype


def _hints_of(cls: type[Any]) -> dict[str, Any]:
    """Evaluate the declared types; a class in a function may name itself."""
    try:
        return get_type_hints(cls, localns={cls.__name__: cls}, include_extras=True)
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        _refuse(cls, _unreadable_field(cls), f"has a type that cannot be evaluated: {error}")


def _unreadable_field(cls: type[Any]) -> str:
    """Name the first field that cannot be evaluated by itself."""
    for item in fields(cls):
        alone = type(cls.__name__, (), {"__annotations__": {item.name: item.type}})
        alone.__module__ = cls.__module__
        try:
            get_type_hints(alone, localns={cls.__name__: cls})
        except (NameError, AttributeError, SyntaxError, TypeError):
            return item.name
    return "message"


def _member(cls: type, name: str, declared: Any) -> "np.dtype[Any]":
    """Give the dtype of one field."""
    import numpy as np  # noqa: PLC0415

    if get_origin(declared) is Annotated:
        kind, *notes = get_args(declared)
        if not _is_array(kind):
            return _member(cls, name, kind)
        shapes = [note for note in notes if isinstance(note, tuple) and note]
        if len(shapes) != 1:
            _refuse(cls, name, f"is an array without one shape: {_WAY_OUT}")
        *shape, item = shapes[0]
        if not all(type(length) is int and length > 0 for length in shape) or not shape:
            _refuse(cls, name, f"has an array's shape of other than integers above 0: {_WAY_OUT}")
        return np.dtype((_scalar(cls, name, item), tuple(shape)))
    return _scalar(cls, name, declared)


def _is_array(kind: Any) -> bool:
    """Tell an array's type, also behind an alias: NumPy's NDArray is one from CPython 3.12 on."""
    import numpy as np  # noqa: PLC0415

    origin = get_origin(kind) or kind
    aliased = getattr(origin, "__value__", origin)
    return (get_origin(aliased) or aliased) is np.ndarray


def _scalar(cls: type, name: str, declared: Any) -> "np.dtype[Any]":
    """Give the dtype of a scalar: a type that stands for one, or the dtype itself."""
    import numpy as np  # noqa: PLC0415

    if not isinstance(declared, type | np.dtype):
        _refuse_layout(cls, name, declared)
    known = declared in (int, float, bool) or declared in np.sctypeDict.values()  # none abstract
    if not known and not isinstance(declared, np.dtype):
        _refuse_layout(cls, name, declared)
    dtype: np.dtype[Any] = np.dtype(np.int64 if declared is int else declared)
    if dtype.kind not in _KINDS:
        _refuse_layout(cls, name, declared)
    if not dtype.isnative:
        _refuse(cls, name, f"is declared {declared}, not in the byte order of this machine")
    return dtype


def _refuse_layout(cls: type, name: str, declared: Any) -> NoReturn:
    _refuse(cls, name, f"is declared {_shown(declared)}, which has no fixed layout: {_WAY_OUT}")


def _shown(declared: Any) -> str:
    return declared.__qualname__ if isinstance(declared, type) else f"{declared!s:.80}"


def _refuse(cls: type, field: str, reason: str) -> NoReturn:
    raise MessageValidationError(cls.__qualname__, field, reason)
