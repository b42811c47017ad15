"""Kernels that live as long as an `async with` block."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypedDict

from pydotcompute.checks import MessageType
from pydotcompute.device.native_kernel import NativeKernel
from pydotcompute.exceptions import KernelStuckError, RuntimeClosedError
from pydotcompute.kernels import KernelFunction
from pydotcompute.options import BackpressureStrategy, ErrorPolicy, KernelExecution, KernelForm
from pydotcompute.telemetry import KernelTelemetry

if TYPE_CHECKING:
    from pydotcompute.runtime.portal import RuntimePortal
    from pydotcompute.runtime.runtime import RingKernelRuntime


class LaunchArguments(TypedDict, total=False):
    """The options of `RingKernelRuntime.launch()`."""

    queue_size: int | None
    output_queue_size: int | None
    backpressure: BackpressureStrategy | str | None
    input_type: MessageType | None
    output_type: MessageType | None
    replies: bool | None
    form: KernelForm | str | None
    execution: KernelExecution | str
    on_error: ErrorPolicy | str
    max_restarts: int
    restart_window: float


class KernelHandle:
    """One kernel of a runtime, for those who call it; made by `kernel_scope()`.

    Belongs to the event loop of the runtime; `id` and `telemetry` may be read from any thread.
    """

    __slots__ = ("_id", "_runtime")

    def __init__(self, runtime: "RingKernelRuntime", kernel_id: str) -> None:
        self._runtime = runtime
        self._id = kernel_id

    def __repr__(self) -> str:
        """Name the kernel."""
        return f"KernelHandle({self._id!r})"

    @property
    def id(self) -> str:
        """The kernel's id."""
        return self._id

    @property
    def telemetry(self) -> KernelTelemetry | None:
        """The kernel's counts now; None where telemetry is off, or the runtime closed."""
        return self._runtime.get_telemetry(self._id)

    async def send(self, message: Any, *, timeout: float | None = None) -> None:
        """Put a message into the kernel's input queue; as `RingKernelRuntime.send()`."""
        await self._runtime.send(self._id, message, timeout=timeout)

    async def receive(self, *, timeout: float | None = None) -> Any:
        """Get the kernel's oldest reply; as `RingKernelRuntime.receive()`."""
        return await self._runtime.receive(self._id, timeout=timeout)


class KernelScope:
    """Launches and activates a kernel, and terminates it at the end of the block."""

    __slots__ = ("_arguments", "_function", "_id", "_runtime", "_stop")

    def __init__(
        self,
        runtime: "RingKernelRuntime",
        kernel_id: str,
        function: KernelFunction | NativeKernel | None,
        arguments: LaunchArguments,
        *,
        stop: Callable[[str], None],
    ) -> None:
        """`stop` ends a kernel without waiting for its end."""
        self._runtime = runtime
        self._id = kernel_id
        self._function = function
        self._arguments = arguments
        self._stop = stop

    async def __aenter__(self) -> KernelHandle:
        """Launch and activate the kernel."""
        await self._runtime.launch(self._id, self._function, **self._arguments)
        await self._runtime.activate(self._id)
        return KernelHandle(self._runtime, self._id)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Terminate the kernel, after a clean block once it has handled what it accepted.

        Where that is cancelled, the kernel is too.
        """
        try:
            with suppress(RuntimeClosedError):  # closed in the block, and every kernel with it
                await self._runtime.terminate(self._id, drain=error is None)
        except KernelStuckError as stuck:
            if error is None:
                raise
            error.add_note(stuck.message)
        except asyncio.CancelledError:
            self._stop(self._id)
            raise


class PortalHandle:
    """One kernel of a runtime, for those who call it from another thread.

    Made by `RuntimePortal.kernel_scope()`. Any thread but that of the runtime's loop may use it.
    """

    __slots__ = ("_id", "_portal")

    def __init__(self, portal: "RuntimePortal", kernel_id: str) -> None:
        self._portal = portal
        self._id = kernel_id

    def __repr__(self) -> str:
        """Name the kernel."""
        return f"PortalHandle({self._id!r})"

    @property
    def id(self) -> str:
        """The kernel's id."""
        return self._id

    @property
    def telemetry(self) -> KernelTelemetry | None:
        """The kernel's counts now; None where telemetry is off, or the runtime closed."""
        return self._portal.get_telemetry(self._id)

    def send(self, message: Any, *, timeout: float | None = None) -> None:
        """Put a message into the kernel's input queue; as `RuntimePortal.send()`."""
        self._portal.send(self._id, message, timeout=timeout)

    def receive(self, *, timeout: float | None = None) -> Any:
        """Get the kernel's oldest reply; as `RuntimePortal.receive()`."""
        return self._portal.receive(self._id, timeout=timeout)


class PortalScope:
    """As `KernelScope`, for a `with` block in another thread."""

    __slots__ = ("_arguments", "_function", "_id", "_portal")

    def __init__(
        self,
        portal: "RuntimePortal",
        kernel_id: str,
        function: KernelFunction | NativeKernel | None,
        arguments: LaunchArguments,
    ) -> None:
        self._portal = portal
        self._id = kernel_id
        self._function = function
        self._arguments = arguments

    def __enter__(self) -> PortalHandle:
        """Launch and activate the kernel."""
        handle = PortalHandle(self._portal, self._id)
        self._portal.launch(self._id, self._function, **self._arguments)
        try:
            self._portal.activate(self._id)
        except BaseException:  # an interrupt between the two; no block will end the kernel
            with suppress(RuntimeClosedError):
                self._portal.terminate(self._id)
            raise
        return handle

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Terminate the kernel, after a clean block once it has handled what it accepted."""
        try:
            with suppress(RuntimeClosedError):  # closed in the block, and every kernel with it
                self._portal.terminate(self._id, drain=error is None)
        except KernelStuckError as stuck:
            if error is None:
                raise
            error.add_note(stuck.message)


@asynccontextmanager
async def managed_kernel(
    runtime: "RingKernelRuntime",
    kernel_id: str,
    kernel_func: KernelFunction | NativeKernel | None = None,
) -> AsyncIterator[str]:
    """Launch and activate a kernel for a block, and give its id; as `runtime.kernel_scope()`.

    Args:
        runtime: The runtime.
        kernel_id: The kernel's id.
        kernel_func: Its function; left out: the one registered under the id.
    """
    async with runtime.kernel_scope(kernel_id, kernel_func) as handle:
        yield handle.id
