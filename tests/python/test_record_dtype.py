"""The dtype of a message class: what C makes of the same struct."""

import ctypes
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pydotcompute import dtype_of, message
from pydotcompute.exceptions import InvalidTypeError, MessageValidationError

C_TYPES = {
    int: ctypes.c_int64,
    float: ctypes.c_double,
    bool: ctypes.c_bool,
    np.int8: ctypes.c_int8,
    np.uint16: ctypes.c_uint16,
    np.int32: ctypes.c_int32,
    np.float32: ctypes.c_float,
    np.uint64: ctypes.c_uint64,
}


@message
class Sample:
    """What the page on device kernels shows."""

    unit: ClassVar[str] = "V"
    sensor: int
    values: Annotated[np.ndarray, (8, np.float32)]
    is_valid: bool = True


def message_of(annotations):
    """Make a message class of these fields, all of which are optional."""
    body = {"__annotations__": annotations} | dict.fromkeys(annotations)
    return message(type("Made", (), body))


def test_fields_are_members_in_their_order_and_the_envelope_is_none():
    dtype = dtype_of(Sample)
    assert dtype.names == ("sensor", "values", "is_valid")
    assert dtype["sensor"] == np.int64
    assert dtype["values"] == np.dtype((np.float32, (8,)))
    assert dtype["is_valid"] == np.bool_
    assert dtype.itemsize == 48
    assert dtype == dtype_of(Sample)


@given(st.lists(st.sampled_from(list(C_TYPES)), min_size=1, max_size=9))
def test_members_lie_where_c_puts_them(kinds):
    names = [f"f{number}" for number in range(len(kinds))]
    declared = dict(zip(names, kinds, strict=True))
    dtype = dtype_of(message_of(declared))
    members = [(name, C_TYPES[kind]) for name, kind in declared.items()]
    struct = type("Struct", (ctypes.Structure,), {"_fields_": members})
    assert dtype.itemsize == ctypes.sizeof(struct)
    assert [dtype.fields[n][1] for n in names] == [getattr(struct, n).offset for n in names]


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (np.float16, np.float16),
        (np.bool_, np.bool_),
        (np.complex64, np.complex64),
        (np.dtype("u2"), np.uint16),
        (Annotated[int, "metres"], np.int64),
        (Annotated[np.ndarray, (2, 3, np.int16)], (np.int16, (2, 3))),
        (Annotated[np.ndarray, "counts", (4, bool)], (np.bool_, (4,))),
        (Annotated[NDArray[np.float64], (1, float)], (np.float64, (1,))),
    ],
)
def test_what_a_field_may_be(declared, expected):
    assert dtype_of(message_of({"field": declared}))["field"] == np.dtype(expected)


def test_types_written_as_text_are_read():
    made = message_of({"a": "int", "b": "np.float32"})
    made.__module__ = __name__
    assert dtype_of(made)["b"] == np.float32


@pytest.mark.parametrize(
    "declared",
    [
        str,
        bytes,
        object,
        Any,
        None,
        complex,
        list[int],
        int | None,
        dict,
        Sample,
        np.ndarray,
        np.integer,
        np.floating,
        np.generic,
        np.str_,
        np.void,
        np.object_,
        np.datetime64,
        np.dtype("M8[ns]"),
        np.dtype("O"),
        np.dtype("S3"),
        np.dtype([("x", "f4")]),
        Annotated[np.ndarray, np.float32],
        Annotated[np.ndarray, (8, str)],
        Annotated[np.ndarray, (np.float32,)],
        Annotated[np.ndarray, (0, np.float32)],
        Annotated[np.ndarray, (True, np.float32)],
        Annotated[np.ndarray, (2.0, np.float32)],
        Annotated[np.ndarray, ()],
        Annotated[np.ndarray, (2, int), (3, int)],
        Annotated[list, (8, np.float32)],
    ],
    ids=str,
)
def test_a_field_without_a_fixed_layout_is_refused_and_named(declared):
    with pytest.raises(MessageValidationError, match=r"Made\.second: ") as refused:
        dtype_of(message_of({"first": int, "second": declared}))
    assert (refused.value.message_type, refused.value.field) == ("Made", "second")
    assert "Annotated[np.ndarray, (8, np.float32)]" in refused.value.reason


def test_another_byte_order_is_refused():
    with pytest.raises(MessageValidationError, match="byte order"):
        dtype_of(message_of({"field": np.dtype(np.int32).newbyteorder()}))


def test_a_type_that_is_not_there_is_refused_and_its_field_named():
    with pytest.raises(MessageValidationError, match="cannot be evaluated") as refused:
        dtype_of(message_of({"first": int, "second": "Nowhere"}))
    assert refused.value.field == "second"


def test_a_record_cannot_be_empty():
    with pytest.raises(MessageValidationError, match="no fields of its own"):
        dtype_of(message_of({}))


def test_a_record_that_is_too_large_is_refused_and_its_largest_field_named():
    declared = {"small": int, "large": Annotated[np.ndarray, (2**20, np.uint8)]}
    with pytest.raises(MessageValidationError, match="1048584 bytes") as refused:
        dtype_of(message_of(declared))
    assert refused.value.field == "large"


@dataclass
class Plain:
    """No message class."""

    number: int


@pytest.mark.parametrize("given_instead", [Plain, int, None, "Sample", Sample(sensor=1, values=())])
def test_what_is_no_message_class_is_refused(given_instead):
    with pytest.raises(InvalidTypeError, match="a class under @message"):
        dtype_of(given_instead)
