"""The documented place of the runtime."""

from pydotcompute.runtime import RingKernelRuntime

__all__ = ["RingKernelRuntime"]
