"""Kernel functions: the decorator that describes one, and the registry that finds it."""

import sys
from collections.abc import Callable, Iterable
from functools import partial
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from itertools import islice
from types import CoroutineType, FunctionType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, TypeVar, overload

from pydotcompute.checks import MessageType, check_flag, check_kernel_id
from pydotcompute.exceptions import InvalidArgumentError, InvalidTypeError, KernelNotFoundError
from pydotcompute.options import (
    BackpressureStrategy,
    KernelExecution,
    KernelForm,
    KernelOptions,
    LaunchOptions,
)

if TYPE_CHECKING:
    from inspect import Signature

KernelFunction: TypeAlias = Callable[[Any], object]
"""`async def kernel(ctx)`, `def handler(message)`, or anything that is called like one."""

F = TypeVar("F", bound=KernelFunction)

_MARK: Final = "__ring_kernel__"
_NEAR_COUNT: Final = 3
_TELL_OTHERWISE: Final = frozenset(("__signature__", "__wrapped__"))
_NEAR_AMONG: Final = 1000  # comparing with so many ids takes about 10 ms


class KernelDefinition(NamedTuple):
    """A kernel's function and options under its id."""

    kernel_id: str
    function: KernelFunction
    options: KernelOptions


class KernelLaunch(NamedTuple):
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


_UNDECORATED: Final = KernelOptions()

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
    form: KernelForm | str | None = None,
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
    form: KernelForm | str | None = None,
    auto_register: bool = True,
) -> F | Callable[[F], F]:
    """Describe a function as a ring kernel, so that a runtime can launch it by its id.

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
        form: Whether the function loops itself ("loop", usual for `async def`) or is called once a
            message ("handler", usual for `def`).
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
        form=form,
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
    check_kernel_function(function, options.form)
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
    given = options if decorated is _UNDECORATED else options.over(decorated)
    usual_form = check_kernel_function(function, given.form)
    settled = given.settle(default_queue_size=default_queue_size, usual_form=usual_form)
    _check_venue(function, settled)
    return KernelLaunch(kernel_id, function, settled)


def _check_venue(function: KernelFunction, options: LaunchOptions) -> None:
    is_plain_loop = options.form is KernelForm.LOOP and not is_async(function)
    if options.execution is KernelExecution.TASK and is_plain_loop:
        name = _label_of(function)
        text = (
            f"a loop on the event loop is an async function that takes one argument, ctx; {name} "
            "is not async; define it with `async def`, or launch it with execution='thread'"
        )
        raise InvalidTypeError(text, argument="kernel_func", value_type=type(function).__qualname__)


def _options_of(function: KernelFunction) -> KernelOptions:
    mark = getattr(function, _MARK, None)
    return mark.options if isinstance(mark, KernelDefinition) else _UNDECORATED


def near_ids(kernel_id: object, known: Iterable[str]) -> tuple[str, ...]:
    """Return the ids that look most like this one, the nearest first; at most three."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a failed look-up needs it

    if not isinstance(kernel_id, str):
        return ()
    return tuple(get_close_matches(kernel_id, islice(known, _NEAR_AMONG), _NEAR_COUNT))


def check_kernel_function(func: object, form: str | None = None) -> KernelForm:
    """Check that something can run as a kernel of a form, or of the form that is usual for it.

    Methods, objects with a `__call__`, and partials of all these can. A coroutine that has not
    begun, which is what a call of the function gives, is closed: Python would report it as never
    awaited, long after the mistake.

    Returns:
        `form`, else LOOP for what is async and HANDLER for what is not.

    Raises:
        InvalidTypeError: It cannot; the text says why, and what to pass.
    """
    problem = _problem_with(func)
    if problem is None and callable(func):
        chosen = KernelForm(form) if form is not None else _usual_form(func)
        problem = _problem_with_call(func, chosen)
        if problem is None:
            return chosen
    kind = type(func).__qualname__
    what = "an async function that takes one argument, ctx, or a function of one message"
    text = f"a kernel is {what}; {problem}"
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
    return None


def is_async(func: Callable[..., object]) -> bool:
    """Whether calling it gives a coroutine, also through partials, methods and `__call__`."""
    if isinstance(func, FunctionType) and func.__code__.co_flags & CO_COROUTINE:
        return True
    from inspect import iscoroutinefunction  # noqa: PLC0415 - only where a function is checked

    return any(map(iscoroutinefunction, _codes_of(func)))


def _codes_of(func: Callable[..., object]) -> tuple[Callable[..., object], ...]:
    while isinstance(func, partial):
        func = func.func
    return (func, type(func).__call__)


def _label_of(func: Callable[..., object]) -> str:
    code = _codes_of(func)[0]
    return str(getattr(code, "__qualname__", type(code).__qualname__))


def _usual_form(func: Callable[..., object]) -> KernelForm:
    return KernelForm.LOOP if is_async(func) else KernelForm.HANDLER


def _problem_with_coroutine(coroutine: "CoroutineType[Any, Any, Any]") -> str:
    from inspect import CORO_CREATED, getcoroutinestate  # noqa: PLC0415 - only where a function is checked

    if getcoroutinestate(coroutine) == CORO_CREATED:
        coroutine.close()
    name = coroutine.__qualname__
    return f"got the coroutine that a call of {name} gave; pass {name} itself, uncalled"


def _problem_with_call(func: Callable[..., object], form: KernelForm) -> str | None:
    if isinstance(func, FunctionType) and _plainly_takes_one(func):
        return None
    from inspect import isasyncgenfunction, isgeneratorfunction  # noqa: PLC0415 - only where a function is checked

    codes = _codes_of(func)
    name = _label_of(func)
    if any(isasyncgenfunction(code) or isgeneratorfunction(code) for code in codes):
        return f"{name} yields; a loop gives replies with ctx.send(), a handler returns its reply"
    argument = "ctx" if form is KernelForm.LOOP else "a message"
    try:
        signature = _signature_of(func)
    except ValueError:  # some functions written in C tell nothing; a wrong call will
        return None
    try:
        signature.bind(None)
    except TypeError as mismatch:
        return f"{name}{signature} cannot be called with {argument} alone: {mismatch}"
    return None


def _plainly_takes_one(func: FunctionType) -> bool:
    """Whether a function can be called with one argument and yields nothing, by its code alone.

    Where that says no, its signature has the last word: this one is for the thousands of launches
    of one function, each of which would wait for `inspect` otherwise.
    """
    code = func.__code__
    is_generator = bool(code.co_flags & (CO_GENERATOR | CO_ASYNC_GENERATOR))
    if is_generator or not _TELL_OTHERWISE.isdisjoint(vars(func)):
        return False
    required = code.co_argcount - len(func.__defaults__ or ())
    has_required_keywords = code.co_kwonlyargcount > len(func.__kwdefaults__ or ())
    return required <= 1 <= code.co_argcount and not has_required_keywords


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
