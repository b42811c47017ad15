"""What cannot be done is refused with its name, its value and the way out, and changes nothing."""

from functools import partial

import pytest
from kernels_for_tests import Puppet, echo, start_puppet
from refusals_for_tests import called, refusal

from pydotcompute import RingKernelRuntime
from pydotcompute.exceptions import (
    InvalidArgumentError,
    InvalidTypeError,
    KernelAlreadyExistsError,
    KernelNotFoundError,
    PyDotComputeError,
    RuntimeClosedError,
)
from pydotcompute.testing import wait_until_idle

BY_ID = {
    "activate": lambda runtime, kernel_id: runtime.activate(kernel_id),
    "deactivate": lambda runtime, kernel_id: runtime.deactivate(kernel_id),
    "reactivate": lambda runtime, kernel_id: runtime.reactivate(kernel_id),
    "terminate": lambda runtime, kernel_id: runtime.terminate(kernel_id),
    "send": lambda runtime, kernel_id: runtime.send(kernel_id, 1),
    "send_nowait": lambda runtime, kernel_id: runtime.send_nowait(kernel_id, 1),
    "receive": lambda runtime, kernel_id: runtime.receive(kernel_id),
    "receive_nowait": lambda runtime, kernel_id: runtime.receive_nowait(kernel_id),
    "get_state": lambda runtime, kernel_id: runtime.get_state(kernel_id),
    "reset_telemetry": lambda runtime, kernel_id: runtime.reset_telemetry(kernel_id),
    "wait_until_idle": wait_until_idle,
}
WHILE_OPEN = {
    **{name: call for name, call in BY_ID.items() if name != "get_state"},
    "launch": lambda runtime, kernel_id: runtime.launch(kernel_id, echo),
    "terminate_all": lambda runtime, _: runtime.terminate_all(),
    "reset_telemetry() of all": lambda runtime, _: runtime.reset_telemetry(),
    "async with": lambda runtime, _: runtime.__aenter__(),
}


# Ids.


@pytest.mark.parametrize("call", BY_ID.values(), ids=BY_ID)
async def test_an_unknown_id_is_named_with_those_that_are_near(busy, call):
    with refusal(busy, KernelNotFoundError, "'wrker'", "'worker'", "launch one"):
        await called(call, busy, "wrker")


@pytest.mark.parametrize("kernel_id", ["", "\ud800", "é" * 97, None, 5, b"worker", ["worker"]])
@pytest.mark.parametrize("call", BY_ID.values(), ids=BY_ID)
async def test_what_can_be_no_id_is_unknown(busy, call, kernel_id):
    if kernel_id is None and call is BY_ID["reset_telemetry"]:
        return  # which means all
    with refusal(busy, KernelNotFoundError, repr(kernel_id)):
        await called(call, busy, kernel_id)


@pytest.mark.parametrize("kernel_id", ["wrker", "", None, 5])
async def test_the_telemetry_of_an_unknown_id_is_none(busy, kernel_id):
    assert busy.get_telemetry(kernel_id) is None


@pytest.mark.parametrize(
    ("kernel_id", "kind"),
    [
        ("", InvalidArgumentError),
        ("x" * 193, InvalidArgumentError),
        ("é" * 97, InvalidArgumentError),
        ("\ud800", InvalidArgumentError),
        (None, InvalidTypeError),
        (5, InvalidTypeError),
        (b"worker", InvalidTypeError),
        (["worker"], InvalidTypeError),
    ],
)
async def test_a_launch_under_what_can_be_no_id_is_refused(busy, kernel_id, kind):
    with refusal(busy, kind, "kernel_id", "1 to 192 bytes of UTF-8"):
        await busy.launch(kernel_id, echo)


@pytest.mark.parametrize("kernel_id", ["x" * 192, "é" * 96, "a b\n\0/", "名前", "None"])
async def test_whatever_fits_is_an_id(busy, kernel_id):
    await busy.launch(kernel_id, echo)
    await busy.activate(kernel_id)
    await busy.send(kernel_id, 1)
    assert await busy.receive(kernel_id) == 1
    assert busy.get_telemetry(kernel_id).kernel_id == kernel_id


async def test_a_second_launch_names_the_id_the_state_and_the_way_out(busy):
    with refusal(busy, KernelAlreadyExistsError, "'worker'", "ACTIVE", "terminate it"):
        await busy.launch("worker", echo)
    with refusal(busy, KernelAlreadyExistsError, "'walker'", "LAUNCHED", "terminate it"):
        await busy.launch("walker")


async def test_a_launch_without_a_function_or_a_registered_one_is_refused(busy):
    with refusal(busy, KernelNotFoundError, "'nobody'", "@ring_kernel", "with a function"):
        await busy.launch("nobody")


# Functions.


async def generator(ctx):
    yield ctx


async def too_few():
    pass


async def too_many(ctx, more):
    pass


async def by_name(ctx, *, needed):
    pass


def plain(ctx):
    pass


class Callable:
    """Called without await."""

    def __call__(self, ctx):
        pass


NO_KERNELS = {
    "a number": (5, "5"),
    "a name": ("worker", "'worker'"),
    "a class": (Puppet, "Puppet"),
    "a generator": (generator, "generator"),
    "no parameter": (too_few, "too_few"),
    "two parameters": (too_many, "too_many"),
    "a named parameter": (by_name, "by_name"),
    "a partial that is full": (partial(echo, 1), "echo"),
}


@pytest.mark.parametrize(("function", "named"), NO_KERNELS.values(), ids=NO_KERNELS)
async def test_what_is_no_kernel_function_is_refused(busy, function, named):
    with refusal(busy, InvalidTypeError, "async function", "ctx", named):
        await busy.launch("k", function)


NO_LOOPS = {
    "plain": (plain, "plain"),
    "a lambda": (lambda ctx: ctx, "lambda"),
    "a plain call": (Callable(), "Callable"),
    "a partial of one": (partial(plain), "plain"),
}


@pytest.mark.parametrize(("function", "named"), NO_LOOPS.values(), ids=NO_LOOPS)
async def test_a_loop_on_the_event_loop_that_is_not_async_is_refused(busy, function, named):
    with refusal(busy, InvalidTypeError, "async function", "ctx", named, "execution='thread'"):
        await busy.launch("k", function, form="loop")


@pytest.mark.parametrize(("form", "kind"), [("lop", InvalidArgumentError), (1, InvalidTypeError)])
async def test_a_form_that_there_is_not_is_refused(busy, form, kind):
    with refusal(busy, kind, "form", "'loop' or 'handler'", repr(form)):
        await busy.launch("k", echo, form=form)


async def test_a_coroutine_is_refused_and_closed(busy):
    coroutine = echo(None)
    with refusal(busy, InvalidTypeError, "echo", "uncalled"):
        await busy.launch("k", coroutine)
    assert coroutine.cr_frame is None


# A closed runtime.


@pytest.mark.parametrize("call", WHILE_OPEN.values(), ids=WHILE_OPEN)
@pytest.mark.parametrize("kernel_id", ["worker", "unknown"])
async def test_a_closed_runtime_refuses_every_call(call, kernel_id):
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("worker", echo)
    with refusal(runtime, RuntimeClosedError, "closed", "make a new one"):
        await called(call, runtime, kernel_id)


async def test_a_closed_runtime_can_be_read():
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        await runtime.launch("worker", echo)
    assert runtime.get_state("worker").value == "terminated"
    assert (runtime.kernel_ids, runtime.active_kernels) == ([], [])
    assert runtime.get_telemetry("worker") is None
    with pytest.raises(KernelNotFoundError, match="'worker'"):
        runtime.get_state("wrker")


async def test_the_context_of_a_closed_runtimes_kernel_refuses_in_the_kernels_terms():
    async with RingKernelRuntime() as runtime:
        puppet = await start_puppet(runtime)
        puppet.freed.set()
    for refused in (puppet.ctx.send(1), puppet.ctx.receive()):
        with pytest.raises(PyDotComputeError):
            await refused
