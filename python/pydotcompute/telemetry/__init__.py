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

_ON_USE = {
    "Audit": "auditing",
    "CallerLedger": "auditing",
    "audit": "auditing",
}


def __getattr__(name: str) -> Any:
    """Load what few programs name when it is named: all wait for what is imported."""
    if name in _ON_USE:
        return getattr(_import_module(f"{__name__}.{_ON_USE[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
