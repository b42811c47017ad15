"""The documented place of what concerns the life of a kernel."""

from pydotcompute.options import KernelState
from pydotcompute.runtime import KernelContext, managed_kernel

__all__ = ["KernelContext", "KernelState", "managed_kernel"]
