"""Sums over kernels."""

from collections.abc import Sequence
from typing import Any, Final

from pydotcompute.options import KernelState
from pydotcompute.telemetry.kernel_telemetry import KernelTelemetry

_ENDED: Final = (KernelState.TERMINATED, KernelState.FAILED)


def summarize(
    kernels: Sequence[KernelTelemetry], earlier_processed: int = 0, earlier_errors: int = 0
) -> dict[str, Any]:
    """Add up the latest incarnations of all kernels and the totals of those before them."""
    running = [kernel for kernel in kernels if kernel.state not in _ENDED]
    return {
        "kernel_count": len(running),
        "total_messages": earlier_processed + sum(k.messages_processed for k in kernels),
        "total_errors": earlier_errors + sum(k.errors for k in kernels),
        "aggregate_throughput": sum((kernel.throughput for kernel in running), 0.0),
        "per_kernel": {kernel.kernel_id: kernel.to_dict() for kernel in kernels},
    }
