"""What a kernel is made of: its mailbox, and the place where its code runs."""

import asyncio
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydotcompute._core import MockClock, NativeWorker, ObjectMailbox, RecordMailbox
from pydotcompute.execution.venue import Venue
from pydotcompute.execution.waiting_mailbox import WaitingMailbox
from pydotcompute.kernels import KernelLaunch
from pydotcompute.options import BackpressureStrategy, KernelExecution
from pydotcompute.runtime.code import venue_of

if TYPE_CHECKING:
    from pydotcompute.device.native_kernel import NativeKernel


class Parts(NamedTuple):
    """The parts of one kernel.

    Those of a native kernel have the calls that a runtime makes, and not those of the kernel's end,
    which no Python code has: the types are those of the others.
    """

    core: ObjectMailbox
    venue: Venue
    mailbox: WaitingMailbox
    last_error: Callable[[], str | None]
    """The newest error that only the code's place knows of."""


class Recording(NamedTuple):
    """What is counted and timed."""

    generation: int
    telemetry: bool
    latency: bool
    clock: MockClock | None


def parts_of(
    launch: KernelLaunch,
    recording: Recording,
    loop: asyncio.AbstractEventLoop,
    *,
    hand_off: bool,
    refusal: Callable[[], Exception],
    tell_quiet: Callable[[], None],
    watchers: Collection[object],
) -> Parts:
    """Make the parts of a kernel; the callables and watchers are those of `WaitingMailbox`."""
    if launch.options.execution is KernelExecution.NATIVE:
        return _native_parts(launch, recording, loop, refusal, tell_quiet)
    options = launch.options
    core = ObjectMailbox(
        launch.kernel_id,
        queue_size=options.queue_size,
        output_queue_size=options.output_queue_size,
        drop_oldest=options.backpressure is BackpressureStrategy.DROP_OLDEST,
        replies=options.replies,
        **recording._asdict(),
    )
    venue = venue_of(launch, loop, hand_off=hand_off)
    mailbox = WaitingMailbox(
        core,
        kernel_id=launch.kernel_id,
        queue_size=options.queue_size,
        output_queue_size=options.output_queue_size,
        rejects=options.backpressure is BackpressureStrategy.REJECT,
        refusal=refusal,
        tell_quiet=tell_quiet,
        lines=venue.lines,
        watchers=watchers,
        input_type=options.input_type,
        output_type=options.output_type,
    )
    return Parts(core, venue, mailbox, _nothing)


def _native_parts(
    launch: KernelLaunch,
    recording: Recording,
    loop: asyncio.AbstractEventLoop,
    refusal: Callable[[], Exception],
    tell_quiet: Callable[[], None],
) -> Parts:
    from pydotcompute.execution.native import NativeVenue  # noqa: PLC0415 - only native kernels
    from pydotcompute.execution.native_mailbox import NativeMailbox  # noqa: PLC0415 - need them

    options = launch.options
    kernel = cast("NativeKernel", launch.function)
    core = RecordMailbox(
        launch.kernel_id,
        input_bytes=kernel.input_form.dtype.itemsize,
        output_bytes=kernel.output_form.dtype.itemsize,
        queue_size=options.queue_size,
        output_queue_size=options.output_queue_size,
        replies=options.replies,
        **recording._asdict(),
    )
    worker = NativeWorker(core, kernel.address, kernel.code)
    venue = NativeVenue(loop, worker, core)
    mailbox = NativeMailbox(
        core,
        worker,
        kernel,
        kernel_id=launch.kernel_id,
        options=options,
        refusal=refusal,
        tell_quiet=tell_quiet,
        lines=venue.lines,
        loop=loop,
    )
    venue.on_news = mailbox.hear
    made: Any = (core, venue, mailbox, lambda: mailbox.last_error)
    return Parts(*made)


def _nothing() -> None:
    return None
