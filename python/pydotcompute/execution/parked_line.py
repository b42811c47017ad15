"""The line of those who wait for a kernel's messages, where the kernel itself may be parked."""

import asyncio
from typing import TYPE_CHECKING

from pydotcompute.execution.waiting import WaitQueue

if TYPE_CHECKING:
    from pydotcompute._core import Stepper


class ParkedLine(WaitQueue):
    """A `WaitQueue` whose first may be a parked kernel, which stands in no line.

    A kernel parks only where nobody waits; whoever comes later waits in line behind it.
    """

    __slots__ = ("stepper",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.stepper: Stepper | None = None
        """By which the kernel is woken."""

    def __bool__(self) -> bool:
        """Whether anybody waits, in line or parked."""
        return bool(self.line) or (self.stepper is not None and self.stepper.is_parked)

    def wake_next(self) -> None:
        """Let the first try again: the parked kernel, else the first in line."""
        if not self._wake_kernel():
            super().wake_next()

    def wake_all(self) -> None:
        """Let everybody try again."""
        if not self._loop.is_closed():
            self._wake_kernel()
        super().wake_all()

    def _wake_kernel(self) -> bool:
        try:
            return self.stepper is not None and self.stepper.wake()
        except RuntimeError:
            if not self._loop.is_closed():  # a closed loop left its kernel behind
                raise
            return False
