"""What tests of ring kernels need: a clock to turn by hand, and waiting for rest."""

from pydotcompute._core import MockClock
from pydotcompute.checks import check_timeout
from pydotcompute.runtime import RingKernelRuntime

__all__ = ["MockClock", "wait_until_idle"]


async def wait_until_idle(
    runtime: RingKernelRuntime,
    *kernel_ids: str,
    timeout: float = 5.0,
) -> None:
    """Wait until kernels have nothing to do, wait for room for a reply, or are not active.

    A kernel has nothing to do when it handled all it accepted and asked for more.

    Args:
        runtime: The runtime.
        kernel_ids: The kernels; left out: all that have not ended.
        timeout: Seconds to wait.

    Raises:
        TimeoutError: Some kernel was still busy.
        KernelNotFoundError: No such kernel.
        WrongLoopError, RuntimeClosedError: The runtime lives elsewhere, or no more.
    """
    seconds = check_timeout(timeout, required=True)
    if not await runtime.wait_quiet(kernel_ids, seconds):
        names = ", ".join(kernel_ids) or "all kernels"
        message = f"still busy after {seconds} s: {names}"
        raise TimeoutError(message)
