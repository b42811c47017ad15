"""From a declared type to its form."""

from collections.abc import Callable
from types import UnionType
from typing import Any, Final, Literal, NewType, TypeAlias, TypeVar, Union, get_args, get_origin

from pydotcompute.wire.containers import (
    dict_of,
    list_of,
    literal_of,
    tuple_of,
    tuple_with,
    union_of,
)
from pydotcompute.wire.form import Form, Refusal
from pydotcompute.wire.scalars import SCALARS
from pydotcompute.wire.undeclared import ANYTHING

MessageForm: TypeAlias = Callable[[type], Form]
"""Gives the form of a message class."""

_LITERALS: Final = (type(None), bool, int, str, bytes)


def form_of(declared: Any, message_form: MessageForm) -> Form:
    """Find the form of a declared type.

    Args:
        declared: A type without strings in it: what `typing.get_type_hints` gives.
        message_form: Gives the form of a message class; may be asked before that one is complete.

    Raises:
        Refusal: It has none.
    """
    if declared is Any or declared is object or isinstance(declared, TypeVar):
        return ANYTHING
    if isinstance(declared, NewType):
        return form_of(declared.__supertype__, message_form)
    if hasattr(declared, "__value__"):  # an alias made by a `type` statement
        return form_of(declared.__value__, message_form)
    origin, inner = get_origin(declared), get_args(declared)
    if origin is None:
        return _form_of_class(declared, message_form)
    return _form_of_parts(declared, origin, inner, message_form)


def _form_of_class(declared: Any, message_form: MessageForm) -> Form:
    if declared is None:  # inside a generic type it stands for itself
        return SCALARS[type(None)]
    if declared in SCALARS:
        return SCALARS[declared]
    if declared in _BARE:
        return _BARE[declared]
    if isinstance(declared, type) and hasattr(declared, "__ring_message__"):
        return message_form(declared)
    raise _no_form(declared)


def _form_of_parts(
    declared: Any, origin: Any, inner: tuple[Any, ...], message_form: MessageForm
) -> Form:
    if origin is Literal:
        return _form_of_literal(declared, inner)
    if origin is tuple:
        return _form_of_tuple(inner, message_form)
    if isinstance(origin, type) and hasattr(origin, "__ring_message__"):
        return message_form(origin)
    make = _OF_PARTS.get(origin)
    if make is None:
        raise _no_form(declared)
    return make(*(form_of(part, message_form) for part in inner))


def _form_of_tuple(inner: tuple[Any, ...], message_form: MessageForm) -> Form:
    forms = tuple(form_of(part, message_form) for part in inner if part is not ...)
    return tuple_of(*forms) if ... in inner else tuple_with(forms)


def _form_of_literal(declared: Any, values: tuple[Any, ...]) -> Form:
    if any(type(value) not in _LITERALS for value in values):
        raise _no_form(declared)
    return literal_of(values, tuple(SCALARS[type(value)] for value in values))


def _no_form(declared: Any) -> Refusal:
    name = declared.__qualname__ if isinstance(declared, type) else repr(declared)
    return Refusal(
        f"is declared {name:.80}, which has no form in bytes; those that have are int, float, "
        "bool, str, bytes, list, tuple, dict, UUID, datetime, None, Literal, messages, and unions "
        "of these"
    )


_BARE: Final = {
    list: list_of(ANYTHING),
    tuple: tuple_of(ANYTHING),
    dict: dict_of(ANYTHING, ANYTHING),
}
_OF_PARTS: Final[dict[Any, Callable[..., Form]]] = {
    Final: lambda form: form,
    list: list_of,
    dict: dict_of,
    Union: lambda *forms: union_of(forms),
    UnionType: lambda *forms: union_of(forms),
}
