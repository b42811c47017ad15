"""The documented places of ring kernels and all about them: other names for the same things."""

from pydotcompute.ring_kernels.lifecycle import KernelContext, KernelState, managed_kernel
from pydotcompute.ring_kernels.message import RingKernelMessage, message
from pydotcompute.ring_kernels.queue import BackpressureStrategy, MessageQueue
from pydotcompute.ring_kernels.runtime import RingKernelRuntime
from pydotcompute.ring_kernels.telemetry import KernelTelemetry, TelemetryCollector

__all__ = [
    "BackpressureStrategy",
    "KernelContext",
    "KernelState",
    "KernelTelemetry",
    "MessageQueue",
    "RingKernelMessage",
    "RingKernelRuntime",
    "TelemetryCollector",
    "managed_kernel",
    "message",
]
