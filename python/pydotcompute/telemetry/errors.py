"""What is remembered of an error: its text, and who counted it.

Exceptions are foreign objects: everything but their text is read without running their code.
"""

from typing import Any, Final
from weakref import WeakSet

_MARK: Final = "__pydotcompute_recorded__"
_TEXT_LIMIT: Final = 500
_dict_of: Final = BaseException.__dict__["__dict__"].__get__


def describe(error: BaseException) -> str:
    """Type and text of an exception in one line of at most 500 characters.

    An exception whose own text cannot be made is described by its type alone.
    """
    name = type(error).__qualname__
    try:
        text = str(error)
    except (KeyboardInterrupt, SystemExit):  # these may be meant for the program
        raise
    except BaseException as broken:  # noqa: BLE001 - foreign code; what it did is in the text
        text = f"<its text cannot be made: {type(broken).__qualname__}>"
    line = f"{name}: {text}" if text else name
    return line if len(line) <= _TEXT_LIMIT else line[: _TEXT_LIMIT - 1] + "…"


class _Marks:
    """Who counted one exception object. Keeps nobody alive, and a copy or pickle forgets them."""

    __slots__ = ("owner", "recorders")

    def __init__(self, owner: int = 0) -> None:
        self.owner = owner
        self.recorders: WeakSet[Any] = WeakSet()

    def __reduce__(self) -> tuple[type["_Marks"], tuple[()]]:
        return _Marks, ()


def mark_recorded(error: BaseException, recorder: object) -> None:
    """Remember that `recorder`, an incarnation of a kernel, counted this exception object.

    The mark lies on the exception, so that neither has to keep the other alive.
    """
    attributes = _dict_of(error)
    marks = attributes.get(_MARK)
    if marks is None or marks.owner != id(error):  # a copy shows the marks of its original
        marks = attributes[_MARK] = _Marks(id(error))
    marks.recorders.add(recorder)


def is_recorded(error: BaseException, recorder: object) -> bool:
    """Whether `recorder` counted this exception object before."""
    marks = _dict_of(error).get(_MARK)
    return marks is not None and marks.owner == id(error) and recorder in marks.recorders
