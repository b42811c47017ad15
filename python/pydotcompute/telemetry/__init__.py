"""What kernels did, in numbers that add up."""

from pydotcompute.telemetry.auditing import Audit, CallerLedger, audit
from pydotcompute.telemetry.collector import TelemetryCollector
from pydotcompute.telemetry.kernel_telemetry import KernelTelemetry
from pydotcompute.telemetry.latency import LatencySummary

__all__ = [
    "Audit",
    "CallerLedger",
    "KernelTelemetry",
    "LatencySummary",
    "TelemetryCollector",
    "audit",
]
