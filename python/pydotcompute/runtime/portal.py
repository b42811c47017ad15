"""A runtime for callers in other threads."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack

from pydotcompute.checks import check_timeout
from pydotcompute.device.native_kernel import NativeKernel
from pydotcompute.exceptions import WrongLoopError
from pydotcompute.kernels import KernelFunction
from pydotcompute.options import KernelState
from pydotcompute.runtime.kernel import Kernel
from pydotcompute.runtime.portal_call import PortalCall, loop_is_gone
from pydotcompute.runtime.scope import LaunchArguments, PortalScope
from pydotcompute.runtime.termination import refuse_own_end
from pydotcompute.telemetry import KernelTelemetry

if TYPE_CHECKING:
    from pydotcompute.runtime.runtime import RingKernelRuntime

P = ParamSpec("P")
T = TypeVar("T")


class RuntimePortal:
    """The calls of a `RingKernelRuntime`, under the same names, for any thread but its loop's own.

    Each call blocks until it is done on the runtime's event loop, which has to run meanwhile; a
    send that finds room is done at once. Made by `RingKernelRuntime.portal()`; any number of
    threads may share one. Arguments, results and exceptions are those of the runtime's methods.
    What begins or ends the runtime itself is left to its loop: `start()`, `shutdown()`.
    Every call that changes something or moves a message also raises:

    - WrongLoopError in the thread of the runtime's loop, which would wait for itself for ever, and
      in a forked child, where that loop does not run;
    - RuntimeClosedError where the runtime or its loop is closed, and where the loop is shut down
      while the call waits.

    Ctrl-C in a call that waits cancels it, and nothing has moved; where it comes too late for that,
    the call returns what it has, and the interrupt comes a moment later. In a send that finds room
    it may come after the message was accepted.
    """

    __slots__ = ("_known", "_loop", "_process_id", "_running", "_runtime", "_thread_id")

    def __init__(
        self,
        runtime: "RingKernelRuntime",
        loop: asyncio.AbstractEventLoop,
        *,
        thread_id: int,
        process_id: int,
        known: Callable[[str], Kernel],
        running: Callable[[], list[Kernel]],
    ) -> None:
        self._runtime = runtime
        self._loop = loop
        self._thread_id = thread_id
        self._process_id = process_id
        self._known = known
        self._running = running

    def __repr__(self) -> str:
        """Name the runtime."""
        return f"<RuntimePortal to {self._runtime!r}>"

    # Life of a kernel.

    def launch(
        self,
        kernel_id: str,
        kernel_func: KernelFunction | NativeKernel | None = None,
        **options: Unpack[LaunchArguments],
    ) -> None:
        """Launch a kernel; as `RingKernelRuntime.launch()`, with the same options."""
        self._run(self._runtime.launch, kernel_id, kernel_func, **options)

    def activate(self, kernel_id: str) -> None:
        """Start a launched kernel's code."""
        self._run(self._runtime.activate, kernel_id)

    def deactivate(self, kernel_id: str) -> None:
        """Pause an active kernel."""
        self._run(self._runtime.deactivate, kernel_id)

    def reactivate(self, kernel_id: str) -> None:
        """Let a paused kernel go on."""
        self._run(self._runtime.reactivate, kernel_id)

    def terminate(self, kernel_id: str, *, timeout: float = 5.0, drain: bool = False) -> None:
        """Wind a kernel down and wait for its end; a kernel's own thread cannot wait for its own.

        Raises:
            InvalidArgumentError: `timeout` is negative or no number, or a kernel waits for itself.
        """
        self._check_caller()
        refuse_own_end([self._known(kernel_id)])
        self._run(self._runtime.terminate, kernel_id, timeout=timeout, drain=drain)

    def terminate_all(self, *, timeout: float = 10.0, drain: bool = False) -> None:
        """Wind all kernels down at once, within one timeout; as `terminate()`."""
        self._check_caller()
        refuse_own_end(self._running())
        self._run(self._runtime.terminate_all, timeout=timeout, drain=drain)

    def kernel_scope(
        self,
        kernel_id: str,
        kernel_func: KernelFunction | NativeKernel | None = None,
        **options: Unpack[LaunchArguments],
    ) -> PortalScope:
        """Launch and activate a kernel for a `with` block, and terminate it at its end.

        As `RingKernelRuntime.kernel_scope()`; the block gets a handle whose calls block.
        """
        return PortalScope(self, kernel_id, kernel_func, options)

    # Messages.

    def send(self, kernel_id: str, message: Any, *, timeout: float | None = None) -> None:
        """Put a message into a kernel's input queue."""
        self._check_caller()
        kernel = self._known(kernel_id)
        kernel.check_input(message)
        seconds = check_timeout(timeout)
        if not kernel.mailbox.send_from_elsewhere(message):
            self._run(self._runtime.send, kernel_id, message, timeout=seconds)

    def send_nowait(self, kernel_id: str, message: Any) -> None:
        """Put a message into a kernel's input queue, or raise QueueFullError."""
        self._check_caller()
        kernel = self._known(kernel_id)
        kernel.check_input(message)
        kernel.mailbox.send_nowait(message, elsewhere=True)

    def send_batch(
        self, kernel_id: str, messages: Iterable[Any], *, timeout: float | None = None
    ) -> int:
        """Send messages one after the other; how many were accepted."""
        self._check_caller()
        takes_records = self._known(kernel_id).takes_records
        batch = messages  # listed here: an iterable may belong to this thread
        if not (takes_records and hasattr(messages, "dtype")):
            batch = tuple(messages)
        return self._run(self._runtime.send_batch, kernel_id, batch, timeout=timeout)

    def receive(self, kernel_id: str, *, timeout: float | None = None) -> Any:
        """Get a kernel's oldest reply."""
        return self._run(self._runtime.receive, kernel_id, timeout=timeout)

    def receive_nowait(self, kernel_id: str) -> Any:
        """Get a kernel's oldest reply, or raise QueueEmptyError."""

        async def receive_nowait() -> Any:
            return self._runtime.receive_nowait(kernel_id)

        return self._run(receive_nowait)

    def receive_batch(
        self, kernel_id: str, max_messages: int, *, timeout: float | None = None
    ) -> list[Any]:
        """Get one to `max_messages` of a kernel's oldest replies."""
        return self._run(self._runtime.receive_batch, kernel_id, max_messages, timeout=timeout)

    def send_and_receive(
        self, kernel_id: str, message: Any, *, timeout: float | None = None
    ) -> Any:
        """Send a message and get the reply to it."""
        return self._run(self._runtime.send_and_receive, kernel_id, message, timeout=timeout)

    # Readings, which the runtime itself gives to any thread as well.

    def get_state(self, kernel_id: str) -> KernelState:
        """Get a kernel's state; also of ended kernels."""
        return self._runtime.get_state(kernel_id)

    def get_kernel_state(self, kernel_id: str) -> KernelState:
        """Get a kernel's state; another name of `get_state()`."""
        return self._runtime.get_kernel_state(kernel_id)

    def is_active(self, kernel_id: str) -> bool:
        """Tell whether a kernel is ACTIVE."""
        return self._runtime.is_active(kernel_id)

    @property
    def kernel_ids(self) -> list[str]:
        """Ids of the kernels launched and not ended, in the order of their launch."""
        return self._runtime.kernel_ids

    @property
    def active_kernels(self) -> list[str]:
        """Ids of the kernels that are ACTIVE."""
        return self._runtime.active_kernels

    def get_telemetry(self, kernel_id: str) -> KernelTelemetry | None:
        """Get a kernel's counts now; None where telemetry is off, the id unknown or all over."""
        return self._runtime.get_telemetry(kernel_id)

    def get_all_telemetry(self) -> dict[str, KernelTelemetry]:
        """Get the counts of every kernel ever launched, the latest incarnation of each id."""
        return self._runtime.get_all_telemetry()

    def get_summary(self) -> dict[str, Any]:
        """Get the sums over all kernels."""
        return self._runtime.get_summary()

    def reset_telemetry(self, kernel_id: str | None = None) -> None:
        """Start the counts of one kernel, or of all, again."""
        self._runtime.reset_telemetry(kernel_id)

    # Inside.

    def _run(
        self, call: Callable[P, Coroutine[Any, Any, T]], *arguments: P.args, **options: P.kwargs
    ) -> T:
        self._check_caller()
        return PortalCall(partial(call, *arguments, **options), self._loop).result()

    def _check_caller(self) -> None:
        self._runtime.check_open()
        if os.getpid() != self._process_id:
            message = (
                "the runtime lives in another process, of which this one is a forked child; "
                "make a runtime here"
            )
            raise WrongLoopError(message)
        if self._loop.is_closed():  # also where its thread has ended, and its ident is another's
            raise loop_is_gone()
        if get_ident() == self._thread_id:
            message = (
                "a portal is for other threads; in the thread of the runtime's own loop, call and "
                "await the runtime's methods"
            )
            raise WrongLoopError(message)
