"""The runtime: what a user calls."""

from pydotcompute.runtime.context import KernelContext
from pydotcompute.runtime.runtime import RingKernelRuntime

__all__ = ["KernelContext", "RingKernelRuntime"]
