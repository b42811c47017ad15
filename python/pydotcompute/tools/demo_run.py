"""The demo's run: three kernels, a caller that feeds and collects, and what both counted."""

import asyncio
import signal
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any, Final, Protocol

from pydotcompute import KernelTelemetry, RingKernelRuntime
from pydotcompute.telemetry import Audit, CallerLedger, audit
from pydotcompute.tools.demo_worker import Problem, Request, Tokenized

KERNEL_IDS: Final = ("worker_0", "worker_1", "worker_2")

_QUEUE_SIZE: Final = 16
_TICK_SECONDS: Final = 0.05
_FINISH_SECONDS: Final = 10.0  # for what was accepted, after Ctrl-C
_END_SECONDS: Final = 1.0  # for kernels that are idle, unless _FINISH_SECONDS were not enough


class View(Protocol):
    """Who is shown a run while it goes on."""

    def show_start(self) -> None:
        """Show that the run begins; from now on Ctrl-C is heard."""

    def show(self, received: int, summary: dict[str, Any]) -> None:
        """Show the replies received so far and the runtime's summary."""

    def show_interrupt(self, unfinished: int) -> None:
        """Show that Ctrl-C was pressed and what is still to be finished."""


@dataclass(slots=True)
class Tally:
    """What the caller counted by itself, knowing nothing of telemetry."""

    accepted: int = 0
    received: int = 0
    token_count: int = 0
    line_count: int = 0
    byte_count: int = 0
    problems: defaultdict[Problem, Counter[Path]] = field(
        default_factory=lambda: defaultdict(Counter)
    )

    def add(self, reply: Tokenized) -> None:
        """Count one reply."""
        self.received += 1
        self.token_count += reply.token_count
        self.line_count += reply.line_count
        self.byte_count += reply.byte_count
        if reply.problem is not None:
            self.problems[reply.problem][reply.path] += 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run: what the runtime says and what the caller says, taken at one moment."""

    file_count: int
    repeat: bool
    interrupted: bool
    elapsed_seconds: float
    summary: dict[str, Any]
    kernels: tuple[KernelTelemetry, ...]
    tally: Tally

    @property
    def audit(self) -> Audit:
        """The runtime's numbers against the caller's."""
        ledger = CallerLedger(accepted=self.tally.accepted, received=self.tally.received)
        return audit(self.kernels, ledger)


async def run_demo(files: tuple[Path, ...], *, repeat: bool, view: View) -> Outcome:
    """Let three kernels tokenize the files, once or until Ctrl-C."""
    async with RingKernelRuntime(enable_telemetry=True) as runtime:
        for kernel_id in KERNEL_IDS:
            await runtime.launch(kernel_id, queue_size=_QUEUE_SIZE)
            await runtime.activate(kernel_id)
        caller = Caller(runtime, cycle(files) if repeat else iter(files), view)
        with _on_interrupt(caller.stop):
            view.show_start()
            await caller.run()
        outcome = Outcome(
            file_count=len(files),
            repeat=repeat,
            interrupted=caller.is_stopping,
            elapsed_seconds=caller.elapsed_seconds,
            summary=runtime.get_summary(),
            kernels=tuple(runtime.get_all_telemetry().values()),
            tally=caller.tally,
        )
        await runtime.terminate_all(timeout=_END_SECONDS)
    return outcome


class Caller:
    """Feeds files to the kernels in turn and collects their replies."""

    def __init__(self, runtime: RingKernelRuntime, files: Iterator[Path], view: View) -> None:
        """Make a caller of the runtime's kernels, which are active."""
        self.tally = Tally()
        self.elapsed_seconds = 0.0
        self._runtime = runtime
        self._files = files
        self._view = view
        self._loop = asyncio.get_running_loop()
        self._deadline: float | None = None

    @property
    def is_stopping(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._deadline is not None

    def stop(self) -> None:
        """Feed no more; what was accepted gets some time to finish."""
        self._deadline = self._loop.time() + _FINISH_SECONDS
        self._view.show_interrupt(self.tally.accepted - self.tally.received)

    async def run(self) -> None:
        """Feed and collect until every file, or all that was accepted at Ctrl-C, is answered."""
        start = self._loop.time()
        async with asyncio.TaskGroup() as group:
            feeder = group.create_task(self._feed())
            collectors = [group.create_task(self._collect(kernel_id)) for kernel_id in KERNEL_IDS]
            while not self._is_over(feeder):
                await asyncio.sleep(_TICK_SECONDS)
                self._show()
            for task in (feeder, *collectors):
                task.cancel()
        self.elapsed_seconds = self._loop.time() - start

    async def _feed(self) -> None:
        for path, kernel_id in zip(self._files, cycle(KERNEL_IDS), strict=False):
            if self.is_stopping:
                return
            await self._runtime.send(kernel_id, Request(path=path))
            self.tally.accepted += 1

    async def _collect(self, kernel_id: str) -> None:
        while True:
            self.tally.add(await self._runtime.receive(kernel_id))

    def _show(self) -> None:
        if not self.is_stopping:
            self._view.show(self.tally.received, self._runtime.get_summary())

    def _is_over(self, feeder: asyncio.Task[None]) -> bool:
        if self._deadline is not None and self._loop.time() >= self._deadline:
            return True
        return feeder.done() and self._is_at_rest()

    def _is_at_rest(self) -> bool:
        kernels = self._runtime.get_all_telemetry().values()
        return not any(k.queue_depth or k.in_flight or k.output_depth for k in kernels)


@contextmanager
def _on_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first Ctrl-C; the second ends the process at once."""
    loop = asyncio.get_running_loop()
    previous = signal.getsignal(signal.SIGINT)

    def interrupted() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        stop()

    loop.add_signal_handler(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, previous)
