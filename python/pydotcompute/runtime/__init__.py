"""The runtime: what a user calls."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

from pydotcompute.runtime.context import KernelContext
from pydotcompute.runtime.portal import RuntimePortal
from pydotcompute.runtime.runtime import RingKernelRuntime
from pydotcompute.runtime.scope import KernelHandle, PortalHandle, managed_kernel

if TYPE_CHECKING:
    from pydotcompute.runtime.blocking_context import BlockingKernelContext

__all__ = [
    "BlockingKernelContext",
    "KernelContext",
    "KernelHandle",
    "PortalHandle",
    "RingKernelRuntime",
    "RuntimePortal",
    "managed_kernel",
]

_ON_USE = {
    "BlockingKernelContext": "blocking_context",
}


def __getattr__(name: str) -> Any:
    """Load what few programs name when it is named: all wait for what is imported."""
    if name in _ON_USE:
        return getattr(_import_module(f"{__name__}.{_ON_USE[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
