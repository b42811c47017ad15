"""Forms of values that hold others, and of values of one of several types.

What is written as the key of a map must be hashable, so a tuple is written as one; msgpack gives
the arrays among keys back as tuples, and all others as lists.
"""

from typing import Any

from pydotcompute.wire.form import Form, Refusal, Turn, deeper, refuse


def list_of(item: Form) -> Form:
    """Make the form of lists of one type."""
    label = f"list[{item.label}]"

    def write(value: Any, room: int) -> list[Any]:
        if not isinstance(value, list):
            refuse(value, label)
        below, write_item = deeper(room), item.write
        return [write_item(each, below) for each in value]

    def read(wire: Any, room: int) -> list[Any]:
        if type(wire) is not list:
            refuse(wire, label)
        below, read_item = deeper(room), item.read
        return [read_item(each, below) for each in wire]

    return Form(label, list, write, read)


def tuple_of(item: Form) -> Form:
    """Make the form of tuples of any length, of one type."""
    label = f"tuple[{item.label}, ...]"

    def write(value: Any, room: int) -> tuple[Any, ...]:
        if not isinstance(value, tuple):
            refuse(value, label)
        below, write_item = deeper(room), item.write
        return tuple([write_item(each, below) for each in value])

    def read(wire: Any, room: int) -> tuple[Any, ...]:
        if not isinstance(wire, (list, tuple)):
            refuse(wire, label)
        below, read_item = deeper(room), item.read
        return tuple([read_item(each, below) for each in wire])

    return Form(label, tuple, write, read)


def tuple_with(items: tuple[Form, ...]) -> Form:
    """Make the form of tuples with a type for each place."""
    label = f"tuple[{', '.join(item.label for item in items) or '()'}]"

    def check_length(value: Any) -> None:
        if len(value) != len(items):
            reason = f"must be {label}, got {len(value)} values"
            raise Refusal(reason)

    def write(value: Any, room: int) -> tuple[Any, ...]:
        if not isinstance(value, tuple):
            refuse(value, label)
        check_length(value)
        below = deeper(room)
        return tuple([i.write(each, below) for i, each in zip(items, value, strict=True)])

    def read(wire: Any, room: int) -> tuple[Any, ...]:
        if not isinstance(wire, (list, tuple)):
            refuse(wire, label)
        check_length(wire)
        below = deeper(room)
        return tuple([i.read(each, below) for i, each in zip(items, wire, strict=True)])

    return Form(label, tuple, write, read)


def dict_of(key: Form, value: Form) -> Form:
    """Make the form of dicts with keys of one type and values of one type."""
    label = f"dict[{key.label}, {value.label}]"

    def turn(turn_key: Turn, turn_value: Turn, pairs: Any, room: int) -> dict[Any, Any]:
        below, turned = deeper(room), {}
        for each, held in pairs.items():
            turned_key, turned_value = turn_key(each, below), turn_value(held, below)
            try:
                turned[turned_key] = turned_value
            except TypeError:
                reason = f"has a key that cannot be one in msgpack, of type {key.label}"
                raise Refusal(reason) from None
        return turned

    def write(mapping: Any, room: int) -> dict[Any, Any]:
        if not isinstance(mapping, dict):
            refuse(mapping, label)
        return turn(key.write, value.write, mapping, room)

    def read(wire: Any, room: int) -> dict[Any, Any]:
        if type(wire) is not dict:
            refuse(wire, label)
        return turn(key.read, value.read, wire, room)

    return Form(label, dict, write, read)


def literal_of(values: tuple[object, ...], forms: tuple[Form, ...]) -> Form:
    """Make the form of some values; each is written in the form that stands in its place."""
    label = f"Literal[{', '.join(map(repr, values))}]"
    known = {(type(value), value): form for value, form in zip(values, forms, strict=True)}

    def write(value: Any, room: int) -> Any:
        form = known.get((type(value), value)) if isinstance(value, _HASHABLE) else None
        return refuse(value, label) if form is None else form.write(value, room)

    def read(wire: Any, _room: int) -> Any:
        is_known = isinstance(wire, _HASHABLE) and (type(wire), wire) in known
        return wire if is_known else refuse(wire, label)

    return Form(label, None, write, read)


_HASHABLE = (type(None), bool, int, str, bytes)


def union_of(members: tuple[Form, ...]) -> Form:
    """Make the form of values of one of several types: the number of the type, and the value.

    None is written as such and, where only one other type is left, so is that one's value.
    """
    others = tuple(member for member in members if member.kind is not type(None))
    optional = len(others) < len(members)
    several = _one_of(others) if len(others) > 1 else others[0]
    if not optional:
        return several

    def write(value: Any, room: int) -> Any:
        return None if value is None else several.write(value, room)

    def read(wire: Any, room: int) -> Any:
        return None if wire is None else several.read(wire, room)

    return Form(f"{several.label} | None", None, write, read)


def _one_of(members: tuple[Form, ...]) -> Form:
    label = " | ".join(member.label for member in members)
    numbers = {member.kind: number for number, member in reversed(list(enumerate(members)))}

    def write(value: Any, room: int) -> tuple[int, Any]:
        below, likely = deeper(room), numbers.get(type(value), 0)
        refusals = []
        for number in (likely, *range(likely), *range(likely + 1, len(members))):
            try:
                return number, members[number].write(value, below)
            except Refusal as refusal:
                refusals.append(refusal)
        if type(value) in numbers:
            raise refusals[0]
        return refuse(value, label)

    def read(wire: Any, room: int) -> Any:
        below = deeper(room)
        if not isinstance(wire, (list, tuple)) or len(wire) != 2:  # noqa: PLR2004 - a pair
            refuse(wire, f"a number and a value of {label}")
        number, held = wire
        if type(number) is not int or not 0 <= number < len(members):
            refuse(number, f"the number of one of {label}")
        return members[number].read(held, below)

    return Form(label, None, write, read)
