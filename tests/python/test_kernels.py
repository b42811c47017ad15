"""A decorated function stays itself; the registry finds it."""

import functools

import pytest

from pydotcompute import kernels
from pydotcompute.exceptions import InvalidArgumentError, InvalidTypeError, KernelNotFoundError
from pydotcompute.kernels import (
    KernelDefinition,
    KernelRegistry,
    near_ids,
    resolve,
    ring_kernel,
)
from pydotcompute.options import (
    BackpressureStrategy,
    ErrorPolicy,
    KernelExecution,
    KernelForm,
    KernelOptions,
    LaunchOptions,
)


async def echo(ctx):
    await ctx.send(await ctx.receive())


async def takes_more(ctx, size=5, *rest, flag=False, **others):
    pass


def plain(ctx):
    return ctx


class Worker:
    async def run(self, ctx):
        pass

    def run_plainly(self, ctx):
        pass


class Rigid:
    __slots__ = ()

    async def __call__(self, ctx):
        pass


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """Let each test register where no other one sees it."""
    empty = KernelRegistry()
    monkeypatch.setattr(kernels, "registry", empty)
    return empty


def copy_of(function):
    """Make a function of its own, so that a mark on it is not seen elsewhere."""
    return type(function)(function.__code__, globals(), function.__name__)


def definition(kernel_id, function=echo):
    return KernelDefinition(kernel_id, function, KernelOptions())


# The decorator.


def test_the_function_stays_itself_and_bears_its_definition(registry):
    function = copy_of(echo)
    assert ring_kernel(kernel_id="worker")(function) is function
    assert function.__ring_kernel__ == KernelDefinition("worker", function, KernelOptions())
    assert registry.find("worker") is function.__ring_kernel__


@pytest.mark.parametrize("decorate", [ring_kernel, ring_kernel(), ring_kernel(queue_size=5)])
def test_without_an_id_the_functions_name_is_the_id(decorate):
    assert decorate(copy_of(echo)).__ring_kernel__.kernel_id == "echo"


def test_options_are_kept_and_those_left_out_are_not_given():
    function = ring_kernel(
        kernel_id="worker",
        input_type=int,
        output_type=(int, str),
        queue_size=10,
        backpressure="drop",
        replies=False,
    )(copy_of(echo))
    assert function.__ring_kernel__.options == KernelOptions(
        queue_size=10,
        backpressure=BackpressureStrategy.DROP_OLDEST,
        input_type=int,
        output_type=(int, str),
        replies=False,
    )
    assert ring_kernel(copy_of(echo)).__ring_kernel__.options == KernelOptions()


def test_a_function_is_registered_unless_told_otherwise(registry):
    function = ring_kernel(kernel_id="worker", auto_register=False)(copy_of(echo))
    assert registry.ids == ()
    assert function.__ring_kernel__.kernel_id == "worker"


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"kernel_id": ""}, InvalidArgumentError),
        ({"kernel_id": 5}, InvalidTypeError),
        ({"queue_size": 0}, InvalidArgumentError),
        ({"backpressure": "wait"}, InvalidArgumentError),
        ({"input_type": "Request"}, InvalidTypeError),
        ({"output_type": "Reply"}, InvalidTypeError),
        ({"replies": "no"}, InvalidTypeError),
        ({"auto_register": None}, InvalidTypeError),
    ],
)
def test_a_wrong_option_is_refused_before_a_function_is_seen(options, kind):
    (name, value), *_ = options.items()
    with pytest.raises(kind, match=f"^{name} must be .*got {value!r}"):
        ring_kernel(**options)


def test_an_id_given_by_position_is_refused_with_the_way_to_give_it():
    with pytest.raises(InvalidTypeError, match=r"got the str 'worker'.*kernel_id='worker'"):
        ring_kernel("worker")


def test_a_function_that_cannot_run_is_not_registered(registry):
    async def needs_more(ctx, more):
        return ctx, more

    with pytest.raises(InvalidTypeError, match="cannot be called with ctx alone"):
        ring_kernel(kernel_id="worker", form="loop")(needs_more)
    assert registry.ids == ()
    assert not hasattr(needs_more, "__ring_kernel__")


def test_a_plain_loop_may_be_decorated_before_its_launch_says_where_it_runs(registry):
    ring_kernel(kernel_id="worker", form="loop")(copy_of(plain))
    options = KernelOptions(execution="thread")
    assert resolve("worker", None, options, 1000).options.execution is KernelExecution.THREAD
    with pytest.raises(InvalidTypeError, match="plain is not async"):
        resolve("worker", None, KernelOptions(), 1000)


def test_what_has_no_name_needs_an_id():
    with pytest.raises(InvalidArgumentError, match=r"has no name.*pass kernel_id"):
        ring_kernel(functools.partial(echo))
    marked = ring_kernel(kernel_id="worker")(functools.partial(echo))
    assert marked.__ring_kernel__.kernel_id == "worker"


@pytest.mark.parametrize("function", [Worker().run, Rigid()])
def test_what_takes_no_attributes_is_refused_with_the_way_round(function, registry):
    with pytest.raises(InvalidTypeError, match=r"takes no attributes; wrap it.*launch\(\)"):
        ring_kernel(kernel_id="worker")(function)
    assert registry.ids == ()


# The registry.


def test_of_two_kernels_under_one_id_the_latest_counts(registry):
    registry.register(definition("worker"))
    registry.register(definition("other"))
    registry.register(definition("worker", takes_more))
    assert registry.find("worker").function is takes_more
    assert registry.ids == ("worker", "other")


@pytest.mark.parametrize("kernel_id", ["worker_0", "worker_17", "worker_007"])
def test_a_number_after_the_id_finds_another_instance_of_the_kernel(registry, kernel_id):
    registry.register(definition("worker"))
    assert registry.find(kernel_id).kernel_id == "worker"


def test_an_exact_id_is_found_before_a_family(registry):
    registry.register(definition("worker"))
    registry.register(definition("worker_1", takes_more))
    assert registry.find("worker_1").function is takes_more
    assert registry.find("worker_1_2").function is takes_more


@pytest.mark.parametrize(
    "kernel_id", ["worker_", "worker_x", "worker_1_2", "worker_²", "worker_٣", "worker1", "_1", "1"]
)
def test_an_id_that_is_not_a_name_and_digits_finds_no_family(registry, kernel_id):
    registry.register(definition("worker"))
    with pytest.raises(KernelNotFoundError) as caught:
        registry.find(kernel_id)
    assert caught.value.kernel_id == kernel_id


def test_an_unknown_id_is_refused_with_those_near_it(registry):
    for kernel_id in ("worker", "counter", "walker"):
        registry.register(definition(kernel_id))
    with pytest.raises(
        KernelNotFoundError, match=r"'wroker'.*near it: 'worker', 'walker'"
    ) as caught:
        registry.find("wroker")
    assert caught.value.near == ("worker", "walker")


@pytest.mark.parametrize("kernel_id", [5, None, ["worker"], "zzz"])
def test_nothing_is_near_what_looks_like_no_id(kernel_id):
    assert near_ids(kernel_id, {"worker": 1}) == ()


# What a launch runs.


def test_a_launch_has_its_own_options_then_the_decorators_then_the_defaults():
    ring_kernel(kernel_id="worker", queue_size=10, backpressure="reject")(copy_of(echo))
    settled = resolve("worker_3", None, KernelOptions(queue_size=5, input_type=int), 1000)
    assert settled.kernel_id == "worker_3"
    assert settled.options == LaunchOptions(
        queue_size=5,
        output_queue_size=5,
        backpressure=BackpressureStrategy.REJECT,
        input_type=int,
        output_type=None,
        replies=True,
        form=KernelForm.LOOP,
        execution=KernelExecution.TASK,
        on_error=ErrorPolicy.FAIL,
        max_restarts=3,
        restart_window=60.0,
    )


def test_an_output_queue_may_have_a_size_of_its_own():
    settled = resolve("worker", echo, KernelOptions(output_queue_size=5), 1000)
    assert (settled.options.queue_size, settled.options.output_queue_size) == (1000, 5)


def test_a_function_given_at_launch_brings_its_own_decoration(registry):
    registry.register(definition("worker", takes_more))
    function = ring_kernel(kernel_id="other", queue_size=10)(copy_of(echo))
    settled = resolve("worker", function, KernelOptions(), 1000)
    assert settled.function is function
    assert settled.options.queue_size == 10


def test_a_wrapper_given_at_launch_brings_the_decoration_of_what_it_wraps():
    function = ring_kernel(kernel_id="worker", queue_size=10)(copy_of(echo))
    wrapper = functools.wraps(function)(copy_of(takes_more))
    settled = resolve("worker", wrapper, KernelOptions(), 1000)
    assert settled.function is wrapper
    assert settled.options.queue_size == 10


def test_a_method_is_checked_although_its_function_was_when_it_was_decorated():
    class Decorated:
        @ring_kernel(kernel_id="worker")
        async def run(ctx):  # noqa: N805 - decorated as a function
            pass

    with pytest.raises(InvalidTypeError, match="cannot be called with ctx alone"):
        resolve("worker", Decorated().run, KernelOptions(), 1000)


def test_without_a_function_given_or_registered_there_is_no_launch():
    with pytest.raises(KernelNotFoundError, match="'worker'"):
        resolve("worker", None, KernelOptions(), 1000)


def test_a_function_given_at_launch_is_checked():
    with pytest.raises(InvalidTypeError, match="plain is not async"):
        resolve("worker", plain, KernelOptions(form="loop"), 1000)
