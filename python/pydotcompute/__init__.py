"""Ring kernels for Python with exact telemetry.

`RingKernelRuntime` launches long-lived actors and carries messages to and from them; with
`enable_telemetry=True` it counts every message exactly.
"""

import importlib as _importlib
import typing as _typing

from pydotcompute._core import __version__
from pydotcompute.device.native_kernel import NativeKernel, native_kernel
from pydotcompute.exceptions import PyDotComputeError
from pydotcompute.kernels import ring_kernel
from pydotcompute.messages import RingKernelMessage, message
from pydotcompute.options import (
    BackpressureStrategy,
    ErrorPolicy,
    KernelExecution,
    KernelForm,
    KernelState,
)
from pydotcompute.runtime import (
    BlockingKernelContext,
    KernelContext,
    RingKernelRuntime,
    RuntimePortal,
)
from pydotcompute.telemetry import KernelTelemetry, LatencySummary, TelemetryCollector

if _typing.TYPE_CHECKING:
    from pydotcompute.device.record_dtype import dtype_of
    from pydotcompute.execution.message_queue import MessageQueue

__all__ = [
    "BackpressureStrategy",
    "BlockingKernelContext",
    "ErrorPolicy",
    "KernelContext",
    "KernelExecution",
    "KernelForm",
    "KernelState",
    "KernelTelemetry",
    "LatencySummary",
    "MessageQueue",
    "NativeKernel",
    "PyDotComputeError",
    "RingKernelMessage",
    "RingKernelRuntime",
    "RuntimePortal",
    "TelemetryCollector",
    "__version__",
    "dtype_of",
    "message",
    "native_kernel",
    "ring_kernel",
]

_ON_USE = {
    "MessageQueue": "execution.message_queue",
    "dtype_of": "device.record_dtype",
}
"""Where those public names are that are loaded when they are named: all wait for an import."""


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if not _typing.TYPE_CHECKING:  # a type checker is to report a name that is not here

    def __getattr__(name: str) -> _typing.Any:
        if name in _ON_USE:
            place = _importlib.import_module(f"{__name__}.{_ON_USE[name]}")
            return globals().setdefault(name, getattr(place, name))
        text = f"module {__name__!r} has no attribute {name!r}"
        if name in _NOT_HERE:
            text += (
                ": this package carries messages to ring kernels and counts them; for buffers, "
                "memory pools and compute kernels use CuPy or numba-cuda"
            )
        raise AttributeError(text, name=name)


_NOT_HERE = frozenset(
    (
        "Accelerator",
        "BufferState",
        "ComputeOrchestrator",
        "MemoryPool",
        "UnifiedBuffer",
        "gpu_kernel",
        "kernel",
    )
)
