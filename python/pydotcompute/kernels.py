"""Kernel functions: the decorator that describes one, and the registry that finds it."""

import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, overload

from pydotcompute.exceptions import InvalidArgumentError, InvalidTypeError, KernelNotFoundError
from pydotcompute.options import (
    BackpressureStrategy,
    KernelOptions,
    LaunchOptions,
    MessageType,
    check_flag,
    check_kernel_id,
)

if TYPE_CHECKING:
    from inspect import Signature

KernelFunction: TypeAlias = Callable[[Any], Awaitable[object]]
"""`async def kernel(ctx)`, or anything that is called like one."""

F = TypeVar("F", bound=KernelFunction)

_MARK: Final = "__ring_kernel__"
_NEAR_COUNT: Final = 3
_NEAR_AMONG: Final = 1000  # comparing with so many ids takes about 10 ms


@dataclass(frozen=True, slots=True)
class KernelDefinition:
    """A kernel's function and options under its id."""

    kernel_id: str
    function: KernelFunction
    options: KernelOptions


@dataclass(frozen=True, slots=True)
class KernelLaunch:
    """What a launch runs, under which id, and how."""

    kernel_id: str
    function: KernelFunction
    options: LaunchOptions


class KernelRegistry:
    """Definitions of kernels by id; of two under one id, the latest counts.

    May be used from any number of threads.
    """

    def __init__(self) -> None:
        """Make an empty registry."""
        self._definitions: dict[str, KernelDefinition] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the registered kernels, in the order of their first registration."""
        return tuple(self._definitions)

    def register(self, definition: KernelDefinition) -> None:
        """Make a definition findable, in place of the one there was under its id."""
        self._definitions[definition.kernel_id] = definition

    def find(self, kernel_id: str) -> KernelDefinition:
        """Find the kernel registered under an id or, for `name_<digits>`, under `name`.

        Raises:
            KernelNotFoundError: There is neither; it names ids that are near.
        """
        found = self._definitions.get(kernel_id)
        if found is not None:
            return found
        name, _, number = kernel_id.rpartition("_")
        family = self._definitions.get(name)
        if family is not None and number.isdecimal() and number.isascii():
            return family
        raise KernelNotFoundError(kernel_id, near_ids(kernel_id, self.ids))


registry: Final = KernelRegistry()
"""Where `@ring_kernel` registers and a launch without a function looks."""


@overload
def ring_kernel(func: F, /) -> F: ...
@overload
def ring_kernel(
    *,
    kernel_id: str | None = None,
    input_type: MessageType | None = None,
    output_type: MessageType | None = None,
    queue_size: int | None = None,
    backpressure: BackpressureStrategy | str | None = None,
    replies: bool | None = None,
    auto_register: bool = True,
) -> Callable[[F], F]: ...
def ring_kernel(
    func: F | None = None,
    /,
    *,
    kernel_id: str | None = None,
    input_type: MessageType | None = None,
    output_type: MessageType | None = None,
    queue_size: int | None = None,
    backpressure: BackpressureStrategy | str | None = None,
    replies: bool | None = None,
    auto_register: bool = True,
) -> F | Callable[[F], F]:
    """Describe an async function as a ring kernel, so that a runtime can launch it by its id.

    The function stays what it is; its definition is kept in its attribute `__ring_kernel__`.
    Each option that is left out (None) is the launch's or the runtime's to choose.

    Args:
        func: The function, where the decorator is used without parentheses.
        kernel_id: The id, 1 to 192 bytes of UTF-8; left out: the function's name.
        input_type: What messages must be instances of.
        output_type: What replies must be instances of.
        queue_size: Bound of the kernel's queues, 1 to 2**24 messages.
        backpressure: What a send does when the input queue is full; a strategy or its value.
        replies: Whether the kernel answers its messages.
        auto_register: Whether a launch finds the function by its id; the latest one counts.

    Raises:
        InvalidTypeError: What is decorated cannot run as a kernel, or an option has a wrong type.
        InvalidArgumentError: An option is out of range.
    """
    options = KernelOptions(
        queue_size=queue_size,
        backpressure=backpressure,
        input_type=input_type,
        output_type=output_type,
        replies=replies,
    )
    is_registered = check_flag(auto_register, "auto_register")
    if kernel_id is not None:
        kernel_id = check_kernel_id(kernel_id)

    def describe(function: F) -> F:
        _describe(function, kernel_id, options, is_registered=is_registered)
        return function

    return describe if func is None else describe(func)


def _describe(
    function: KernelFunction, kernel_id: str | None, options: KernelOptions, *, is_registered: bool
) -> None:
    check_kernel_function(function)
    chosen = _name_of(function) if kernel_id is None else kernel_id
    definition = KernelDefinition(chosen, function, options)
    _mark(function, definition)
    if is_registered:
        registry.register(definition)


def resolve(
    kernel_id: str,
    function: KernelFunction | None,
    options: KernelOptions,
    default_queue_size: int,
) -> KernelLaunch:
    """Settle what a launch runs, and how: options of the launch, the decorator, the defaults.

    Args:
        kernel_id: The id of the launch.
        function: What to run; None: what is registered under the id.
        options: Those given at the launch.
        default_queue_size: Bound of the queues where neither launch nor decorator says otherwise.

    Raises:
        KernelNotFoundError: No function is given and none registered.
        InvalidTypeError: The function cannot run as a kernel.
    """
    if function is None:
        found = registry.find(kernel_id)
        function, decorated = found.function, found.options
    else:
        decorated = _options_of(function)
    return KernelLaunch(kernel_id, function, options.over(decorated).settle(default_queue_size))


def _options_of(function: KernelFunction) -> KernelOptions:
    mark = getattr(function, _MARK, None)
    if not isinstance(mark, KernelDefinition):
        check_kernel_function(function)
        return KernelOptions()
    if mark.function is not function:  # a wrapper or a method, which shows the mark of another
        check_kernel_function(function)
    return mark.options


def near_ids(kernel_id: object, known: Iterable[str]) -> tuple[str, ...]:
    """Return the ids that look most like this one, the nearest first; at most three."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a failed look-up needs it

    if not isinstance(kernel_id, str):
        return ()
    return tuple(get_close_matches(kernel_id, islice(known, _NEAR_AMONG), _NEAR_COUNT))


def check_kernel_function(func: object) -> None:
    """Check that something can run as a kernel: `async def kernel(ctx)`, or called like one.

    Async methods, objects whose `__call__` is async, and partials of all these can. A coroutine
    that has not begun, which is what a call of the function gives, is closed: Python would report
    it as never awaited, long after the mistake.

    Raises:
        InvalidTypeError: It cannot; the text says why, and what to pass.
    """
    problem = _problem_with(func)
    if problem is not None:
        kind = type(func).__qualname__
        text = f"a kernel is an async function that takes one argument, ctx; {problem}"
        raise InvalidTypeError(text, argument="func", value_type=kind)


def _problem_with(func: object) -> str | None:
    if isinstance(func, CoroutineType):
        return _problem_with_coroutine(func)
    if isinstance(func, str):
        return f"got the str {func!r}; an id is passed by name: kernel_id={func!r}"
    if isinstance(func, type):
        return f"got the class {func.__qualname__}; pass an instance, or a function"
    if not callable(func):
        return f"got {func!r:.80}, which cannot be called"
    return _problem_with_call(func)


def _problem_with_coroutine(coroutine: "CoroutineType[Any, Any, Any]") -> str:
    from inspect import CORO_CREATED, getcoroutinestate  # noqa: PLC0415 - only where a function is checked

    if getcoroutinestate(coroutine) == CORO_CREATED:
        coroutine.close()
    name = coroutine.__qualname__
    return f"got the coroutine that a call of {name} gave; pass {name} itself, uncalled"


def _problem_with_call(func: Callable[..., object]) -> str | None:
    from inspect import isasyncgenfunction, iscoroutinefunction  # noqa: PLC0415 - only where a function is checked

    inner = func
    while isinstance(inner, partial):
        inner = inner.func
    name = getattr(inner, "__qualname__", type(inner).__qualname__)
    codes = (inner, type(inner).__call__)
    if any(map(isasyncgenfunction, codes)):
        return f"{name} yields; take messages with ctx.receive(), give replies with ctx.send()"
    if not any(map(iscoroutinefunction, codes)):
        return f"{name} is not async; define it with `async def`"
    signature = _signature_of(func)
    try:
        signature.bind(None)
    except TypeError as mismatch:
        return f"{name}{signature} cannot be called with ctx alone: {mismatch}"
    return None


def _signature_of(func: Callable[..., object]) -> "Signature":
    from inspect import signature  # noqa: PLC0415 - only where a function is checked

    if sys.version_info >= (3, 14):
        # Annotations are evaluated when read, which fails for names imported for typing only.
        from annotationlib import Format  # noqa: PLC0415 - not there before 3.14

        return signature(func, annotation_format=Format.STRING)
    return signature(func)


def _name_of(function: KernelFunction) -> str:
    name = getattr(function, "__name__", None)
    if name is None:
        text = f"{function!r:.80} has no name to take as kernel_id; pass kernel_id"
        raise InvalidArgumentError(text, argument="kernel_id")
    return check_kernel_id(name)


def _mark(function: KernelFunction, definition: KernelDefinition) -> None:
    try:
        setattr(function, _MARK, definition)
    except AttributeError:
        kind = type(function).__qualname__
        text = (
            f"@ring_kernel cannot mark {function!r:.80}, for a {kind} takes no attributes; "
            "wrap it in an async function, or pass it to launch() instead"
        )
        raise InvalidTypeError(text, argument="func", value_type=kind) from None
