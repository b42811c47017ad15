"""What may be read of a runtime, from any thread."""

from typing import Any

from pydotcompute.exceptions import KernelNotFoundError, RuntimeClosedError
from pydotcompute.kernels import near_ids
from pydotcompute.options import KernelState
from pydotcompute.runtime.kernel import Kernel
from pydotcompute.telemetry import KernelTelemetry, TelemetryCollector


class Readings:
    """The kernels of a runtime and their telemetry, to look at.

    Every method may be called from any thread.
    """

    def __init__(self, collector: TelemetryCollector) -> None:
        """Start without kernels."""
        self._collector = collector
        self._kernels: dict[str, Kernel] = {}
        self._closed = False

    def get_state(self, kernel_id: str) -> KernelState:
        """Get a kernel's state; also of ended kernels.

        Raises:
            KernelNotFoundError: No such kernel.
        """
        return self._known(kernel_id).state

    def get_kernel_state(self, kernel_id: str) -> KernelState:
        """Get a kernel's state; another name of `get_state()`."""
        return self.get_state(kernel_id)

    def is_active(self, kernel_id: str) -> bool:
        """Tell whether a kernel is ACTIVE.

        Raises:
            KernelNotFoundError: No such kernel.
        """
        return self._known(kernel_id).state is KernelState.ACTIVE

    @property
    def kernel_ids(self) -> list[str]:
        """Ids of the kernels launched and not ended, in the order of their launch."""
        return [kernel.id for kernel in self._running()]

    @property
    def active_kernels(self) -> list[str]:
        """Ids of the kernels that are ACTIVE."""
        return [k.id for k in self._running() if k.state is KernelState.ACTIVE]

    def get_telemetry(self, kernel_id: str) -> KernelTelemetry | None:
        """Get a kernel's counts now; None where telemetry is off, the id unknown or all over."""
        return self._collector.get_telemetry(kernel_id)

    def get_all_telemetry(self) -> dict[str, KernelTelemetry]:
        """Get the counts of every kernel ever launched, the latest incarnation of each id."""
        return self._collector.get_all_telemetry()

    def get_summary(self) -> dict[str, Any]:
        """Get the sums over all kernels; see `TelemetryCollector.get_summary()`."""
        return self._collector.get_summary()

    def reset_telemetry(self, kernel_id: str | None = None) -> None:
        """Start the counts of one kernel, or of all, again; the kernels notice nothing.

        Raises:
            KernelNotFoundError: No such kernel.
            RuntimeClosedError: The runtime lives no more.
        """
        self.check_open()
        if kernel_id is not None:
            self._known(kernel_id)
        self._collector.reset(kernel_id)

    def _running(self) -> list[Kernel]:
        return [kernel for kernel in tuple(self._kernels.values()) if not kernel.has_ended]

    def _known(self, kernel_id: str) -> Kernel:
        try:
            return self._kernels[kernel_id]
        except (KeyError, TypeError):
            near = near_ids(kernel_id, tuple(self._kernels))  # a copy: any thread may ask
            raise KernelNotFoundError(kernel_id, near) from None

    def check_open(self) -> None:
        """Raise RuntimeClosedError where the runtime lives no more."""
        if self._closed:
            message = (
                "the runtime is closed: its `async with` block was left, or shutdown() called; "
                "make a new one"
            )
            raise RuntimeClosedError(message)
