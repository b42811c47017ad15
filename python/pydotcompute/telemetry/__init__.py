"""What kernels did, in numbers that add up."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

from pydotcompute.telemetry.collector import TelemetryCollector
from pydotcompute.telemetry.kernel_telemetry import KernelTelemetry
from pydotcompute.telemetry.latency import LatencySummary

if TYPE_CHECKING:
    from pydotcompute.telemetry.auditing import Audit, CallerLedger, audit

__all__ = [
    "Audit",
    "CallerLedger",
    "KernelTelemetry",
    "LatencySummary",
    "TelemetryCollector",
    "audit",
]


def __getattr__(name: str) -> Any:
    """Load what audits when it is named: few programs do, and every import would wait for it."""
    if name in __all__:
        return getattr(_import_module(f"{__name__}.auditing"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
