"""Ring kernels for Python with exact telemetry.

`RingKernelRuntime` launches long-lived actors and carries messages to and from them; with
`enable_telemetry=True` it counts every message exactly.
"""

from pydotcompute._core import __version__
from pydotcompute.exceptions import PyDotComputeError
from pydotcompute.execution.message_queue import MessageQueue
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
    "PyDotComputeError",
    "RingKernelMessage",
    "RingKernelRuntime",
    "RuntimePortal",
    "TelemetryCollector",
    "__version__",
    "message",
    "ring_kernel",
]
