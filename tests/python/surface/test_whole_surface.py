"""The whole public surface in random orders: after every call all is what it should be.

`SURFACE_EXAMPLES=5000` looks for longer, and makes what it finds smaller, which may take minutes.
"""

import os

from hypothesis import HealthCheck, Phase, settings
from surface.machine import Surface

from pydotcompute.options import KernelExecution

BY_HAND = "SURFACE_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("SURFACE_EXAMPLES", "70"))
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)

usual = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    phases=(*QUICK, Phase.shrink) if BY_HAND else QUICK,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)


class ThreadSurface(Surface):
    """The same for kernels that run in threads."""

    execution = KernelExecution.THREAD


TestTaskKernels = Surface.TestCase
TestTaskKernels.settings = usual
TestThreadKernels = ThreadSurface.TestCase
# Threads differ from run to run: what fails there cannot be made smaller.
TestThreadKernels.settings = settings(usual, max_examples=max(1, EXAMPLES // 3), phases=QUICK)
