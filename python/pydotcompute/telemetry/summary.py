"""Sums over kernels."""

from typing import Any, Final

from pydotcompute.options import KernelState
from pydotcompute.telemetry.kernel_telemetry import rate, ratio

_ENDED: Final = {KernelState.TERMINATED.value, KernelState.FAILED.value}


def summarize(
    kernels: dict[str, dict[str, Any]], earlier_processed: int = 0, earlier_errors: int = 0
) -> dict[str, Any]:
    """Add up the latest incarnations of all kernels and the totals of those before them.

    `kernels` holds by id the fields of each as `KernelTelemetry.to_dict()` gives them; its derived
    values are added here, so that no object is made on the way for each of many kernels.
    """
    kernel_count, throughput = 0, 0.0
    processed_sum, errors_sum = earlier_processed, earlier_errors
    for values in kernels.values():
        processed, errors, uptime = (
            values["messages_processed"],
            values["errors"],
            values["uptime_seconds"],
        )
        processed_sum += processed
        errors_sum += errors
        values["uptime"] = uptime
        values["throughput"] = rate(processed, uptime)
        values["error_rate"] = ratio(errors, processed)
        if values["state"] not in _ENDED:
            kernel_count += 1
            throughput += values["throughput"]
    return {
        "kernel_count": kernel_count,
        "total_messages": processed_sum,
        "total_errors": errors_sum,
        "aggregate_throughput": throughput,
        "per_kernel": kernels,
    }
