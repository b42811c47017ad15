"""What can run as a kernel, and in which form; what cannot is refused with the reason."""

import functools
import gc
import pickle
import warnings

import pytest

from pydotcompute.exceptions import InvalidTypeError
from pydotcompute.kernels import (
    check_kernel_function,
    resolve,
)
from pydotcompute.options import (
    KernelForm,
    KernelOptions,
)


async def echo(ctx):
    await ctx.send(await ctx.receive())


def yields_plainly(message):
    yield message


async def takes_none():
    pass


async def takes_two(ctx, other):
    pass


async def takes_by_name(*, ctx):
    pass


async def takes_more(ctx, size=5, *rest, flag=False, **others):
    pass


async def yields(ctx):
    yield await ctx.receive()


def plain(ctx):
    return ctx


class Worker:
    async def run(self, ctx):
        pass

    def run_plainly(self, ctx):
        pass


class Callable:
    async def __call__(self, ctx):
        pass


class Rigid:
    __slots__ = ()

    async def __call__(self, ctx):
        pass


@functools.wraps(echo)
async def wrapped(*args, **kwargs):
    return await echo(*args, **kwargs)


@pytest.mark.parametrize(
    "function",
    [
        echo,
        wrapped,
        takes_more,
        Worker().run,
        Callable(),
        Rigid(),
        functools.partial(echo),
        functools.partial(takes_two, other=5),
        functools.partial(functools.partial(takes_two, other=5)),
        functools.partial(Worker.run, Worker()),
        functools.partial(Callable()),
    ],
    ids=repr,
)
def test_what_is_called_like_an_async_function_of_ctx_can_run(function):
    check_kernel_function(function)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (None, "got None, which cannot be called"),
        (5, "got 5, which cannot be called"),
        ("echo", "got the str 'echo'"),
        (Worker, "got the class Worker; pass an instance"),
        (yields, "yields yields; a loop gives replies with ctx.send()"),
        (takes_none, "takes_none() cannot be called with ctx alone"),
        (takes_two, "takes_two(ctx, other) cannot be called with ctx alone: missing"),
        (takes_by_name, "takes_by_name(*, ctx) cannot be called with ctx alone"),
        (Worker.run, "Worker.run(self, ctx) cannot be called with ctx alone"),
        (functools.partial(echo, None), "echo() cannot be called with ctx alone"),
        (lambda: None, "cannot be called with a message alone"),
        (yields_plainly, "yields_plainly yields"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_run_is_refused_with_the_reason(function, said):
    with pytest.raises(InvalidTypeError) as caught:
        check_kernel_function(function)
    assert said in str(caught.value)
    assert "an async function that takes one argument, ctx" in str(caught.value)
    assert caught.value.value_type == type(function).__qualname__


PLAIN = {
    "a function": (plain, "plain is not async; define it with `async def`"),
    "one of C": (len, "len is not async"),
    "a lambda": (lambda ctx: [ctx], "is not async"),
    "a method": (Worker().run_plainly, "Worker.run_plainly is not async"),
    "a partial": (functools.partial(plain), "plain is not async"),
}


@pytest.mark.parametrize(("function", "said"), PLAIN.values(), ids=PLAIN)
def test_what_is_not_async_is_a_handler_and_refused_as_a_loop_outside_a_thread(function, said):
    assert check_kernel_function(function) is KernelForm.HANDLER
    with pytest.raises(InvalidTypeError, match=said):
        resolve("worker", function, KernelOptions(form="loop"), 1000)
    in_a_thread = KernelOptions(form="loop", execution="thread")
    assert resolve("worker", function, in_a_thread, 1000).options.form is KernelForm.LOOP


def test_what_is_async_is_a_loop_unless_it_is_declared_a_handler():
    assert check_kernel_function(echo) is KernelForm.LOOP
    assert check_kernel_function(echo, "handler") is KernelForm.HANDLER


def test_a_call_instead_of_the_function_is_refused_and_nothing_else_is_warned_of():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(InvalidTypeError, match="a call of echo gave; pass echo itself"):
            check_kernel_function(echo(None))
        gc.collect()
    assert caught == []


def test_a_coroutine_that_runs_already_is_left_alone():
    class Pause:
        def __await__(self):
            yield

    async def paused():
        await Pause()
        return "done"

    coroutine = paused()
    coroutine.send(None)
    with pytest.raises(InvalidTypeError, match="paused"):
        check_kernel_function(coroutine)
    with pytest.raises(StopIteration, match="done"):
        coroutine.send(None)


def test_a_refusal_survives_pickling():
    with pytest.raises(InvalidTypeError) as caught:
        resolve("worker", lambda ctx: ctx, KernelOptions(form="loop"), 1000)
    copied = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - made here
    assert vars(copied) == vars(caught.value)
