"""What a native kernel can be launched with."""

from typing import Any, Final, cast

from pydotcompute.device.native_kernel import NativeKernel
from pydotcompute.exceptions import InvalidArgumentError
from pydotcompute.kernels import KernelFunction, KernelLaunch
from pydotcompute.options import (
    BackpressureStrategy,
    ErrorPolicy,
    KernelExecution,
    KernelForm,
    KernelOptions,
)

_NOT_NATIVE: Final = (
    (
        "backpressure",
        BackpressureStrategy.DROP_OLDEST,
        "records stay in the order they came, so none makes room: use BLOCK or REJECT",
    ),
    ("execution", KernelExecution.THREAD, "it runs in a native thread of its own: leave it out"),
    ("form", KernelForm.LOOP, "it is called once a message: leave it out"),
    ("on_error", ErrorPolicy.RESTART, "its errors cost one message each, and it goes on"),
)


def native_launch(
    kernel_id: str, kernel: NativeKernel, options: KernelOptions, default_queue_size: int
) -> KernelLaunch:
    """Settle how a native kernel is launched.

    Raises:
        InvalidArgumentError: An option has no meaning for it, or another type than the kernel's.
    """
    for name, value, reason in _NOT_NATIVE:
        if getattr(options, name) is value:
            _refuse(name, value, f"a native kernel has no {name}={value.value!r}: {reason}")
    for name in ("input_type", "output_type"):
        given = getattr(options, name)
        if given is not None and given is not getattr(kernel, name):
            text = f"{name} of a native kernel is given to native_kernel(), got another one here"
            _refuse(name, given, text)
    settled = options.settle(
        default_queue_size=default_queue_size, usual_form=KernelForm.HANDLER
    )._replace(execution=KernelExecution.NATIVE, input_type=None, output_type=None)
    return KernelLaunch(kernel_id, cast("KernelFunction", kernel), settled)


def refuse_native(options: KernelOptions) -> None:
    """Raise InvalidArgumentError where a Python function is to run in a native thread."""
    if options.execution is KernelExecution.NATIVE:
        text = "execution='native' runs what native_kernel() made, not a Python function"
        _refuse("execution", options.execution, text)


def _refuse(argument: str, value: Any, text: str) -> None:
    raise InvalidArgumentError(text, argument=argument, value=value)
