"""The runtime: what a user calls."""

from pydotcompute.runtime.blocking_context import BlockingKernelContext
from pydotcompute.runtime.context import KernelContext
from pydotcompute.runtime.portal import RuntimePortal
from pydotcompute.runtime.runtime import RingKernelRuntime
from pydotcompute.runtime.scope import KernelHandle, PortalHandle, managed_kernel

__all__ = [
    "BlockingKernelContext",
    "KernelContext",
    "KernelHandle",
    "PortalHandle",
    "RingKernelRuntime",
    "RuntimePortal",
    "managed_kernel",
]
