"""Every call of the public surface in random orders, after each of which all is what it should be."""

import os

from hypothesis import HealthCheck, Phase, settings
from surface.machine import Surface

from pydotcompute.options import KernelExecution

EXAMPLES = int(os.environ.get("SURFACE_EXAMPLES", "60"))

usual = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


class ThreadSurface(Surface):
    """The same for kernels that run in threads."""

    execution = KernelExecution.THREAD


TestTaskKernels = Surface.TestCase
TestTaskKernels.settings = usual
TestThreadKernels = ThreadSurface.TestCase
# Threads make an example too slow, and too different each time, to make it smaller.
TestThreadKernels.settings = settings(
    usual,
    max_examples=max(1, EXAMPLES // 4),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
