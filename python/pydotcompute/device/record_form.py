"""Messages as records: bytes of one layout, which code that is not Python reads and writes."""

from collections.abc import Callable, Iterable
from struct import Struct
from struct import error as StructError  # noqa: N812 - an exception's name, in our own style
from typing import TYPE_CHECKING, Any, Final

from pydotcompute._core import RecordLayout
from pydotcompute.device.record_dtype import MAX_RECORD_BYTES, dtype_of
from pydotcompute.exceptions import InvalidTypeError, MessageTypeError, MessageValidationError

if TYPE_CHECKING:
    import numpy as np

NORMAL_PRIORITY: Final = 128
"""The one priority that records can have: they leave a queue in the order they came."""

_CODES: Final = {
    "b1": "?",
    "i1": "b",
    "u1": "B",
    "i2": "h",
    "u2": "H",
    "i4": "i",
    "u4": "I",
    "i8": "q",
    "u8": "Q",
    "f2": "e",
    "f4": "f",
    "f8": "d",
}
"""What `struct` calls the scalars that it knows; all others are bytes to it."""


class RecordForm:
    """How messages of one type lie in records. Immutable; any thread may use it."""

    __slots__ = ("_convert", "_names", "_restore", "_struct", "declared", "dtype", "layout")

    def __init__(self, declared: Any, argument: str) -> None:
        """Take a message class with a fixed layout, or a structured dtype.

        Raises:
            InvalidTypeError: It is neither.
            MessageValidationError: The class has no fixed layout, or the record is too large.
        """
        import numpy as np  # noqa: PLC0415 - imported where it is used, on use

        self.declared = declared
        is_dtype = isinstance(declared, np.dtype)
        if not is_dtype and not hasattr(declared, "__ring_message__"):
            text = (
                f"{argument} is a class under @message or a structured NumPy dtype, got "
                f"{declared!r:.80}"
            )
            raise InvalidTypeError(text, argument=argument, value_type=type(declared).__qualname__)
        self.dtype: np.dtype[Any] = _checked(declared) if is_dtype else dtype_of(declared)
        self._names = () if is_dtype else self.dtype.names or ()
        self._convert: dict[int, Callable[[Any], object]] = {}
        self._restore: dict[int, Callable[[bytes], object]] = {}
        self._struct = self._lay_out()
        self.layout = self._plain_layout()
        """Of messages that are scalars throughout; None of all others."""

    def _lay_out(self) -> Struct:
        layout, end = ["="], 0
        places: Any = self.dtype.fields
        for index, name in enumerate(self._names):
            kind, offset = places[name][:2]
            code = _CODES.get(kind.str[1:])
            if code is None:
                code = f"{kind.itemsize}s"
                self._convert[index] = _bytes_for(kind)
                self._restore[index] = _array_of(kind)
            elif code == "?":
                self._convert[index] = _flag
            layout.append(f"{offset - end}x{code}")
            end = offset + kind.itemsize
        layout.append(f"{self.dtype.itemsize - end}x")
        return Struct("".join(layout))

    def _plain_layout(self) -> RecordLayout | None:
        places: Any = self.dtype.fields
        kinds = [(name, *places[name][:2]) for name in self._names]
        fields = [(name, _CODES.get(kind.str[1:], "-"), offset) for name, kind, offset in kinds]
        is_plain = (
            bool(fields)
            and self.dtype.itemsize <= RecordLayout.MOST_BYTES
            and all(code in RecordLayout.LETTERS for _, code, _ in fields)
            and _is_made_by_position(self.declared, self._names)
        )
        if not is_plain:
            return None
        only_stores = _only_stores(self.declared)
        return RecordLayout(self.declared, fields, self.dtype.itemsize, only_stores=only_stores)

    def pack(self, message: Any, kernel_id: str) -> bytes:
        """Write a message as a record.

        Raises:
            MessageTypeError: It is of another type.
            MessageValidationError: A field does not fit the layout, or the priority is not 128.
        """
        if not self._names:
            return self._bytes_of(message, kernel_id)
        if not isinstance(message, self.declared):
            raise MessageTypeError(type(message), self.declared, kernel_id=kernel_id)
        kind = type(message).__name__
        if message.priority != NORMAL_PRIORITY:
            text = f"records have no priorities but {NORMAL_PRIORITY}; got {message.priority!r:.80}"
            raise MessageValidationError(kind, "priority", text)
        values = [getattr(message, name) for name in self._names]
        try:
            for index, convert in self._convert.items():
                values[index] = convert(values[index])
            return self._struct.pack(*values)
        except (StructError, OverflowError, TypeError, ValueError) as reason:
            raise MessageValidationError(kind, self._wrong(message), str(reason)) from None

    def pack_all(self, messages: Iterable[Any], kernel_id: str) -> Any:
        """Write messages as records side by side; an array of the dtype is that already.

        Raises:
            MessageTypeError, MessageValidationError: As `pack()`, of any of them.
        """
        import numpy as np  # noqa: PLC0415 - the form has imported it

        if isinstance(messages, np.ndarray) and messages.dtype.names is not None:
            if messages.dtype != self.dtype:
                raise MessageTypeError(str(messages.dtype), str(self.dtype), kernel_id=kernel_id)
            return np.ascontiguousarray(messages).reshape(-1)
        packed = b"".join(self.pack(message, kernel_id) for message in messages)
        return np.frombuffer(packed, self.dtype)

    def room_for(self, count: int) -> "np.ndarray[Any, np.dtype[Any]]":
        """Make room for so many records."""
        import numpy as np  # noqa: PLC0415

        return np.empty(count, self.dtype)

    def unpack(self, records: "np.ndarray[Any, np.dtype[Any]]") -> Any:
        """Read the first record: an instance of the class, or a record of the dtype."""
        if not self._names:
            return records[0]
        values = list(self._struct.unpack_from(records))  # type: ignore[arg-type]  # it is a buffer
        for index, restore in self._restore.items():
            values[index] = restore(values[index])
        return self.declared(**dict(zip(self._names, values, strict=True)))

    def _bytes_of(self, message: Any, kernel_id: str) -> bytes:
        dtype = getattr(message, "dtype", None)
        if dtype != self.dtype or message.size != 1:
            found = type(message) if dtype is None else str(dtype)
            raise MessageTypeError(found, str(self.dtype), kernel_id=kernel_id)
        packed: bytes = message.tobytes()
        return packed

    def _wrong(self, message: object) -> str:
        """Name the first field that does not fit by itself."""
        for index, name in enumerate(self._names):
            kind = self.dtype[name]
            try:
                value = getattr(message, name)
                value = self._convert[index](value) if index in self._convert else value
                Struct("=" + _CODES.get(kind.str[1:], f"{kind.itemsize}s")).pack(value)
            except (StructError, OverflowError, TypeError, ValueError):
                return name
        return "message"


def _checked(dtype: "np.dtype[Any]") -> "np.dtype[Any]":
    if dtype.names is None or dtype.hasobject:
        text = f"a record is a structured dtype without Python objects, got {dtype}"
        raise InvalidTypeError(text, argument="dtype", value_type=str(dtype))
    if not 1 <= dtype.itemsize <= MAX_RECORD_BYTES:
        size = f"a record has 1 to {MAX_RECORD_BYTES} bytes, got {dtype.itemsize}"
        raise MessageValidationError(str(dtype), dtype.names[0] if dtype.names else "record", size)
    return dtype


def _is_made_by_position(cls: Any, names: tuple[str, ...]) -> bool:
    """Whether a call of the class with just these values does what one by name does."""
    code = getattr(cls.__init__, "__code__", None)
    takes_values = (
        code is not None
        and code.co_argcount > len(names)
        and code.co_varnames[1 : 1 + len(names)] == names
    )
    is_usual = cls.__new__ is object.__new__ and type(cls).__call__ is type.__call__
    return takes_values and is_usual


def _only_stores(cls: Any) -> bool:
    """Whether making an instance does no more than to store the values that are given."""
    is_usual = cls.__setattr__ is object.__setattr__ or cls.__dataclass_params__.frozen
    marked = getattr(cls.__init__, "__ring_only_stores__", None)
    return is_usual and marked is not None and marked is cls.__init__.__code__


def _flag(value: object) -> bool:
    import numpy as np  # noqa: PLC0415

    if not isinstance(value, bool | np.bool_):
        text = f"a bool is wanted, got {value!r:.80}"
        raise TypeError(text)
    return bool(value)


def _bytes_for(kind: "np.dtype[Any]") -> Callable[[Any], bytes]:
    """Make what turns an array, or a scalar that `struct` does not know, into its bytes."""
    import numpy as np  # noqa: PLC0415

    base, shape = kind.base, kind.shape

    def convert(value: Any) -> bytes:
        given = np.asarray(value)
        if given.shape != shape:
            text = f"an array of shape {shape} is wanted, got one of {given.shape}"
            raise ValueError(text)
        if given.dtype == base:
            return given.tobytes()
        converted = given.astype(base)
        if base.kind in "biu" and not np.array_equal(converted, given):
            text = f"values of {base} are wanted, got {given.dtype} that do not fit"
            raise ValueError(text)
        return converted.tobytes()

    return convert


def _array_of(kind: "np.dtype[Any]") -> Callable[[bytes], Any]:
    import numpy as np  # noqa: PLC0415

    base, shape = kind.base, kind.shape

    def restore(packed: bytes) -> Any:
        return np.frombuffer(packed, base).reshape(shape).copy()[()]

    return restore
