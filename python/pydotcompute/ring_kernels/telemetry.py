"""The documented place of telemetry."""

from pydotcompute.telemetry import KernelTelemetry, TelemetryCollector

__all__ = ["KernelTelemetry", "TelemetryCollector"]
