"""What a kernel is made of: its mailbox, and the place where its code runs."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydotcompute._core import Home, MockClock, NativeWorker, ObjectMailbox, RecordMailbox
from pydotcompute.execution.venue import Owner, Venue
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
    last_error: Callable[[], str | None] | None
    """Asks for the newest error that only the code's place knows of; None: it knows of none."""


class Recording(NamedTuple):
    """What is counted and timed."""

    telemetry: bool
    latency: bool
    clock: MockClock | None


def parts_of(
    owner: Owner,
    launch: KernelLaunch,
    generation: int,
    recording: Recording,
    *,
    loop: asyncio.AbstractEventLoop,
    home: Home | None,
) -> Parts:
    """Make the parts of a kernel; `home` as for `TaskVenue`."""
    options = launch.options
    if options.execution is KernelExecution.NATIVE:
        return _native_parts(owner, launch, generation, recording, loop)
    core = ObjectMailbox(
        launch.kernel_id,
        queue_size=options.queue_size,
        output_queue_size=options.output_queue_size,
        drop_oldest=options.backpressure is BackpressureStrategy.DROP_OLDEST,
        replies=options.replies,
        telemetry=recording.telemetry,
        latency=recording.latency,
        generation=generation,
        clock=recording.clock,
    )
    venue = venue_of(launch, loop, home)
    return Parts(core, venue, WaitingMailbox(core, owner, options, venue.lines), None)


def _native_parts(
    owner: Owner,
    launch: KernelLaunch,
    generation: int,
    recording: Recording,
    loop: asyncio.AbstractEventLoop,
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
        telemetry=recording.telemetry,
        latency=recording.latency,
        generation=generation,
        clock=recording.clock,
    )
    worker = NativeWorker(core, kernel.address, kernel.code)
    venue = NativeVenue(loop, worker, core)
    mailbox = NativeMailbox(
        core,
        worker,
        kernel,
        kernel_id=launch.kernel_id,
        options=options,
        refusal=owner.refusal,
        tell_quiet=owner.tell_quiet,
        lines=venue.lines,
        loop=loop,
    )
    venue.on_news = mailbox.hear
    made: Any = (core, venue, mailbox, lambda: mailbox.last_error)
    return Parts(*made)
