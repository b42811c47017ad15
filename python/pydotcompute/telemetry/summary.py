"""Sums over kernels, and what is derived of the counts of one."""

from typing import Any, Final

from pydotcompute.options import KernelState

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


def rate(processed: int, uptime: float) -> float:
    """Messages a second of uptime; 0.0 where the uptime is 0."""
    return processed / uptime if uptime > 0.0 else 0.0


def ratio(errors: int, processed: int) -> float:
    """Errors a message processed; with nothing processed the number of errors."""
    return errors / processed if processed else float(errors)
