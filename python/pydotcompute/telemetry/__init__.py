"""What kernels did, in numbers that add up."""

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

_ON_USE = {"Audit", "CallerLedger", "audit"}


def __getattr__(name: str) -> Any:
    """Load the audit when it is asked for: few programs do, and all wait for what is imported."""
    if name in _ON_USE:
        from pydotcompute.telemetry import auditing  # noqa: PLC0415 - see above

        return getattr(auditing, name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
