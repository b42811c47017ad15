"""The runtime: what a user calls."""

from pydotcompute.runtime.context import KernelContext
from pydotcompute.runtime.runtime import RingKernelRuntime
from pydotcompute.runtime.scope import KernelHandle, managed_kernel

__all__ = ["KernelContext", "KernelHandle", "RingKernelRuntime", "managed_kernel"]
