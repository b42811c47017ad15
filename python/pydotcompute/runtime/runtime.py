"""The runtime that owns kernels and carries messages to them."""

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Any, NoReturn, Self, Unpack

from pydotcompute._core import Home, MockClock
from pydotcompute.checks import (
    MessageType,
    check_backend,
    check_flag,
    check_kernel_id,
    check_queue_size,
    check_timeout,
)
from pydotcompute.device.native_kernel import NativeKernel
from pydotcompute.exceptions import InvalidTypeError, KernelAlreadyExistsError
from pydotcompute.kernels import KernelFunction, KernelLaunch, resolve
from pydotcompute.options import (
    BackpressureStrategy,
    ErrorPolicy,
    KernelExecution,
    KernelForm,
    KernelOptions,
)
from pydotcompute.runtime.kernel import Kernel
from pydotcompute.runtime.lifecycle import ENDED
from pydotcompute.runtime.messaging import Messaging
from pydotcompute.runtime.native_launch import native_launch, refuse_native
from pydotcompute.runtime.parts import Recording
from pydotcompute.runtime.portal import RuntimePortal
from pydotcompute.runtime.scope import KernelScope, LaunchArguments
from pydotcompute.runtime.termination import until_quiet, wind_down
from pydotcompute.telemetry import TelemetryCollector


class RingKernelRuntime(Messaging):
    """Launches ring kernels, carries messages to and from them, and shows what they did.

    A runtime belongs to the event loop it is first used on: every call that changes something or
    moves a message comes from that loop, or from another thread through its `portal()`. What only
    reads (states, telemetry, summary) may be called from any thread.

    Leaving `async with` terminates all kernels, after a clean body with `drain=True`.
    """

    def __init__(
        self,
        *,
        enable_telemetry: bool = False,
        default_queue_size: int = 1000,
        backend: str = "auto",
        hand_off: bool = True,
        latency: bool = True,
        clock: MockClock | None = None,
    ) -> None:
        """Make a runtime; nothing starts yet.

        Args:
            enable_telemetry: Whether anything is counted and timed.
            default_queue_size: Bound of a kernel's queues where neither launch nor decorator says
                otherwise; 1 to 2**24 messages.
            backend: What kernels run on: "host" ("cpu" is another name of it), or "auto", the best
                there is, which is the host as well.
            hand_off: Whether a task that waits for a reply may run the kernel that makes it, up to
                where it waits for its next message, instead of letting the loop turn. False: every
                kernel on the loop runs as an asyncio task and nothing else.
            latency: Whether telemetry, where it is on, also times messages: how long they wait and
                how long their kernel has them. At high rates a sample, for about 1 % of the time.
            clock: What telemetry reads the time from; the system's clock by default.

        Raises:
            InvalidArgumentError, InvalidTypeError: An argument is out of range or of a wrong type.
            BackendNotAvailableError: There is no such backend in this version.
        """
        self._backend = check_backend(backend)
        self._default_queue_size = check_queue_size(default_queue_size, "default_queue_size")
        self._telemetry = check_flag(enable_telemetry, "enable_telemetry")
        self._hand_off = check_flag(hand_off, "hand_off")
        self._recording = Recording(self._telemetry, check_flag(latency, "latency"), clock)
        super().__init__(TelemetryCollector(self._telemetry, clock=clock))
        self._generation = 0
        self._home: Home | None = None

    def __repr__(self) -> str:
        """Say how many kernels are there, and whether telemetry is on."""
        state = "closed" if self._closed else f"{len(self.kernel_ids)} kernels"
        telemetry = "on" if self._telemetry else "off"
        return f"<RingKernelRuntime {state}, telemetry {telemetry}>"

    @property
    def backend(self) -> str:
        """What kernels run on: "host"."""
        return self._backend

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: a kernel has one runtime, in one process."""
        message = (
            "a runtime cannot be copied or sent to another process: make one there, and send it "
            "messages or the counts that get_telemetry() gives"
        )
        raise InvalidTypeError(message)

    async def __aenter__(self) -> Self:
        """Bind the runtime to the running loop."""
        self._check_loop()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Terminate all kernels, then close; nothing where it is closed."""
        await self._leave(drain=kind is None)

    async def start(self) -> None:
        """Bind the runtime to the running loop, as entering `async with` does.

        Raises:
            WrongLoopError, RuntimeClosedError: The runtime lives elsewhere, or no more.
        """
        self._check_loop()

    async def shutdown(self) -> None:
        """Terminate all kernels and close, as leaving `async with`; nothing where it is closed.

        Raises:
            KernelStuckError: Some kernel swallowed its cancellation; the runtime is closed anyway.
            WrongLoopError: The runtime lives elsewhere.
        """
        await self._leave(drain=True)

    def portal(self) -> RuntimePortal:
        """Give the calls of this runtime to other threads, where they block.

        May be called from any thread once the runtime has been used on its loop.

        Raises:
            WrongLoopError: The runtime was used on no loop yet, and none runs here.
            RuntimeClosedError: The runtime lives no more.
        """
        self.check_open()
        loop = self._loop or self._check_loop()
        return RuntimePortal(
            self,
            loop,
            thread_id=self._thread_id,
            process_id=self._process_id,
            known=self._known,
            running=self._running,
        )

    # Life of a kernel.

    async def launch(
        self,
        kernel_id: str,
        kernel_func: KernelFunction | NativeKernel | None = None,
        *,
        queue_size: int | None = None,
        output_queue_size: int | None = None,
        backpressure: BackpressureStrategy | str | None = None,
        input_type: MessageType | None = None,
        output_type: MessageType | None = None,
        replies: bool | None = None,
        form: KernelForm | str | None = None,
        execution: KernelExecution | str = KernelExecution.TASK,
        on_error: ErrorPolicy | str = ErrorPolicy.FAIL,
        max_restarts: int = 3,
        restart_window: float = 60.0,
    ) -> None:
        """Launch a kernel: it accepts messages from now on and runs from `activate()`.

        Args:
            kernel_id: At most 192 bytes of UTF-8; free, or that of an ended kernel.
            kernel_func: `async def kernel(ctx)` or `def handler(message)`, or for a thread
                `def kernel(ctx)`. Left out: the one that `@ring_kernel` registered under this id
                or, for `name_<digits>`, under `name`.
            queue_size: Bound of the input queue, 1 to 2**24 messages.
            output_queue_size: Bound of the output queue; the input queue's where left out.
            backpressure: What a send does when the input queue is full.
            input_type: What messages must be instances of.
            output_type: What replies must be instances of.
            replies: Whether the kernel answers its messages; False where a message counts as
                processed once the kernel has moved on from it.
            form: "loop": the function gets the context and loops itself, usual for `async def`.
                "handler": it is called once a message, and what it returns, unless None, is the
                reply; usual for `def`. A handler's exception costs that message alone.
            execution: "task": the function runs on the runtime's event loop. "thread": it runs in a
                thread of its own, an async function with an event loop there; a plain one gets a
                context whose calls block. What `native_kernel()` made runs in a native thread,
                whose name is "native", and cannot run elsewhere.
            on_error: What becomes of the kernel when its code raises: "fail", or "restart": the
                code starts again on the same queues. The oldest message in flight has ended in
                error then, and others in flight are discarded.
            max_restarts: More restarts than this within the window, and the kernel fails.
            restart_window: The window, in seconds.

        Raises:
            KernelNotFoundError: No function given and none registered.
            KernelAlreadyExistsError: A kernel of this id has not ended.
            InvalidArgumentError, InvalidTypeError: An argument is out of range or of a wrong type.
            WrongLoopError, RuntimeClosedError: The runtime lives elsewhere, or no more.
        """
        loop = self._check_loop()
        kernel_id = check_kernel_id(kernel_id)
        existing = self._kernels.get(kernel_id)
        if existing is not None and not existing.has_ended:
            raise KernelAlreadyExistsError(kernel_id, existing.state, sorted(ENDED))
        options = KernelOptions(
            queue_size=queue_size,
            output_queue_size=output_queue_size,
            backpressure=backpressure,
            input_type=input_type,
            output_type=output_type,
            replies=replies,
            form=form,
            execution=execution,
            on_error=on_error,
            max_restarts=max_restarts,
            restart_window=restart_window,
        )
        function: Any = kernel_func
        if isinstance(function, NativeKernel):
            launch = native_launch(kernel_id, function, options, self._default_queue_size)
        else:
            refuse_native(options)
            launch = resolve(kernel_id, function, options, self._default_queue_size)
        self._launch(launch, existing, loop)

    async def activate(self, kernel_id: str) -> None:
        """Start a launched kernel's code.

        Raises:
            KernelNotFoundError: No such kernel.
            KernelStateError: It is not LAUNCHED.
            WrongLoopError, RuntimeClosedError: The runtime lives elsewhere, or no more.
        """
        self._find(kernel_id).activate()

    async def deactivate(self, kernel_id: str) -> None:
        """Pause an active kernel: it goes on with what it took and gets nothing more.

        Raises:
            KernelNotFoundError: No such kernel.
            KernelStateError: It is not ACTIVE.
            WrongLoopError, RuntimeClosedError: The runtime lives elsewhere, or no more.
        """
        self._find(kernel_id).deactivate()

    async def reactivate(self, kernel_id: str) -> None:
        """Let a paused kernel go on.

        Raises:
            KernelNotFoundError: No such kernel.
            KernelStateError: It is not DEACTIVATED.
            WrongLoopError, RuntimeClosedError: The runtime lives elsewhere, or no more.
        """
        self._find(kernel_id).reactivate()

    async def terminate(
        self,
        kernel_id: str,
        *,
        timeout: float = 5.0,
        drain: bool = False,
    ) -> None:
        """Wind a kernel down and wait for its end; nothing where it has ended.

        Args:
            kernel_id: The kernel.
            timeout: Seconds until the kernel is cancelled.
            drain: First wait, at most half the timeout, until it has handled what it accepted.

        Raises:
            KernelNotFoundError: No such kernel.
            KernelStuckError: It swallowed its cancellation; it stays TERMINATING.
            InvalidArgumentError: `timeout` is negative or no number, or a kernel waits for itself.
            WrongLoopError, RuntimeClosedError: The runtime lives elsewhere, or no more.
        """
        kernel = self._find(kernel_id)
        seconds = check_timeout(timeout, required=True)
        if not kernel.has_ended:
            await wind_down([kernel], timeout=seconds, drain=drain)

    async def terminate_all(self, *, timeout: float = 10.0, drain: bool = False) -> None:
        """Wind all kernels down at once, within one timeout; see `terminate()`.

        Raises:
            KernelStuckError: Some swallowed their cancellation; `others` names the rest of them.
            InvalidArgumentError: `timeout` is negative or no number, or a kernel waits for itself.
            WrongLoopError, RuntimeClosedError: The runtime lives elsewhere, or no more.
        """
        self._check_loop()
        seconds = check_timeout(timeout, required=True)
        await wind_down(self._running(), timeout=seconds, drain=drain)

    def kernel_scope(
        self,
        kernel_id: str,
        kernel_func: KernelFunction | NativeKernel | None = None,
        **options: Unpack[LaunchArguments],
    ) -> KernelScope:
        """Launch and activate a kernel for an `async with` block, and terminate it at its end.

        The arguments are those of `launch()`. The block gets a `KernelHandle`, with `send` and
        `receive`. After a clean block the kernel first handles what it accepted; after one that
        raised it does not, and the block's own error is the one that is raised.
        """
        return KernelScope(self, kernel_id, kernel_func, options, stop=self._stop)

    async def wait_quiet(self, kernel_ids: Iterable[str], timeout: float) -> bool:
        """Wait at most `timeout` seconds until these kernels, or all, have nothing to do.

        Returns:
            Whether it came to that. `pydotcompute.testing.wait_until_idle` is the friendlier form.

        Raises:
            KernelNotFoundError: No such kernel.
            WrongLoopError, RuntimeClosedError: The runtime lives elsewhere, or no more.
        """
        self._check_loop()
        kernels = [self._known(kernel_id) for kernel_id in kernel_ids] or self._running()
        return await until_quiet(kernels, check_timeout(timeout, required=True))

    # Inside.

    def _launch(
        self,
        launch: KernelLaunch,
        existing: Kernel | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._generation += 1
        if self._home is None and self._hand_off:
            self._home = Home(loop)
        kernel = Kernel(
            launch,
            generation=self._generation,
            recording=self._recording,
            home=self._home,
            loop=loop,
        )
        if existing is not None:
            existing.discard_replies()
            del self._kernels[kernel.id]  # launched anew, so last in line
        self._kernels[kernel.id] = kernel
        self._collector.attach(kernel.id, kernel)

    def _stop(self, kernel_id: str) -> None:
        kernel = self._kernels.get(kernel_id)
        if kernel is not None and not kernel.has_ended:
            kernel.request_termination()
            kernel.cancel()

    async def _leave(self, *, drain: bool) -> None:
        if self._closed:
            return
        self._check_loop()
        try:
            await self.terminate_all(drain=drain)
        finally:
            self._close()

    def _close(self) -> None:
        self._closed = True
        self._loop = self._home = None
        for kernel in self._running():
            self._stop(kernel.id)
            kernel.close_output()
        for kernel in self._kernels.values():
            kernel.discard_replies()
        self._collector.close()
