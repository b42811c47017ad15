"""Telemetry of many kernels: driven by a runtime through its records, or by hand."""

import os
import threading
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from pydotcompute._core import ManualRecord, MockClock, Snapshot
from pydotcompute.checks import check_kernel_id
from pydotcompute.exceptions import InvalidArgumentError, KernelNotFoundError
from pydotcompute.options import KernelState
from pydotcompute.telemetry.errors import describe
from pydotcompute.telemetry.kernel_telemetry import KernelTelemetry
from pydotcompute.telemetry.latency import LatencySummary
from pydotcompute.telemetry.summary import summarize

_SHOWN_AS: Final = (KernelTelemetry, LatencySummary, {state.value: state for state in KernelState})


class Source(Protocol):
    """Where the counts of one incarnation of a kernel come from."""

    @property
    def last_error(self) -> str | None:
        """Type and text of the newest error."""

    def snapshot(self) -> Snapshot:
        """Read counts, depths and times."""


class _ByHand:
    """A source that is moved by `record_receive`, `record_send` and `record_error`."""

    __slots__ = ("last_error", "record")

    def __init__(self, record: ManualRecord) -> None:
        self.record = record
        self.last_error: str | None = None

    def snapshot(self) -> Snapshot:
        return self.record.snapshot()


class _Entry:
    """One kernel id: its latest incarnation and what the earlier ones added up to."""

    __slots__ = ("baseline", "earlier_errors", "earlier_processed", "source")

    def __init__(self, source: Source) -> None:
        self.source = source
        self.baseline: Snapshot | None = None
        self.earlier_processed = 0
        self.earlier_errors = 0


class TelemetryCollector:
    """Collects and aggregates the telemetry of many kernels.

    A runtime has one of its own, fed by its kernels' records. For code that is no ring kernel,
    call `record_receive`, `record_send` and `record_error` by hand.

    Every method may be called from any number of threads; no count is lost.
    """

    def __init__(self, enabled: bool = True, *, clock: MockClock | None = None) -> None:  # noqa: FBT001, FBT002 - as specified
        """Make an empty collector.

        Args:
            enabled: Whether to collect; False makes each call do nothing.
            clock: What the time is read from; the system's clock by default.
        """
        self._enabled = bool(enabled)
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._entries_lock = threading.RLock()  # a finalizer or signal may read again
        self._process = os.getpid()

    @property
    def enabled(self) -> bool:
        """Whether anything is collected."""
        return self._enabled

    # By hand.

    def record_receive(self, kernel_id: str) -> None:
        """Count a message that was accepted and taken.

        Raises:
            InvalidArgumentError, InvalidTypeError: `kernel_id` is no id, or a runtime's kernel.
        """
        if self._enabled:
            self._by_hand(kernel_id).record.receive()

    def record_send(self, kernel_id: str) -> None:
        """Count a reply; it ends the oldest message in flight as processed.

        Raises:
            InvalidArgumentError, InvalidTypeError: `kernel_id` is no id, or a runtime's kernel.
        """
        if self._enabled:
            self._by_hand(kernel_id).record.send()

    def record_error(self, kernel_id: str, exc: BaseException | None = None) -> None:
        """Count an error; it ends the oldest message in flight as errored.

        Raises:
            InvalidArgumentError, InvalidTypeError: `kernel_id` is no id, or a runtime's kernel.
        """
        if not self._enabled:
            return
        by_hand = self._by_hand(kernel_id)
        by_hand.record.error()
        if exc is not None:
            by_hand.last_error = describe(exc)

    # Driven by a runtime.

    def attach(self, kernel_id: str, source: Source) -> None:
        """Show a new incarnation under an id; the totals of those before it stay."""
        if not self._enabled:
            return
        entry = _Entry(source)
        with self._lock:
            before = self._entries.get(kernel_id)
            if before is not None:
                last = self._read(kernel_id, before)
                entry.earlier_processed = before.earlier_processed + last.messages_processed
                entry.earlier_errors = before.earlier_errors + last.errors
            self._entries[kernel_id] = entry

    def close(self) -> None:
        """Forget everything and collect no more."""
        with self._lock:
            self._enabled = False
            self._entries.clear()

    # Reading.

    def get_telemetry(self, kernel_id: str) -> KernelTelemetry | None:
        """Get the counts of one kernel now; None where it is unknown or nothing is collected."""
        entry = self._entries.get(kernel_id) if isinstance(kernel_id, str) else None
        return None if entry is None else self._read(kernel_id, entry)

    def get_all_telemetry(self) -> dict[str, KernelTelemetry]:
        """Get the counts of every kernel, each at its own moment."""
        with self._lock:
            return {key: self._read(key, entry) for key, entry in self._known()}

    def get_summary(self) -> dict[str, Any]:
        """Get sums over all kernels, made on demand.

        Returns:
            `kernel_count`: kernels launched and not ended. `total_messages`, `total_errors`:
            messages processed and errors since the last reset, of ended kernels and earlier
            incarnations too. `aggregate_throughput`: messages per second, of kernels not ended.
            `per_kernel`: `KernelTelemetry.to_dict()` by kernel id.
        """
        kernels: dict[str, dict[str, Any]] = {}
        earlier_processed = earlier_errors = 0
        with self._lock:
            for kernel_id, entry in self._known():
                kernels[kernel_id] = _values(kernel_id, entry)
                earlier_processed += entry.earlier_processed
                earlier_errors += entry.earlier_errors
        return summarize(kernels, earlier_processed, earlier_errors)

    def reset(self, kernel_id: str | None = None) -> None:
        """Start the counts and latencies of one kernel, or of all, again.

        Who counts is not touched: from now on what there is at this moment is subtracted.

        Raises:
            KernelNotFoundError: `kernel_id` is unknown.
        """
        if not self._enabled:
            return
        with self._lock:
            if kernel_id is None:
                entries = list(self._entries.values())
            elif kernel_id in self._entries:
                entries = [self._entries[kernel_id]]
            else:
                raise KernelNotFoundError(kernel_id)
            for entry in entries:
                entry.baseline = entry.source.snapshot()
                entry.earlier_processed = entry.earlier_errors = 0

    @property
    def _lock(self) -> AbstractContextManager[object]:
        process = os.getpid()
        if process != self._process:  # forked, maybe while a thread that is not here held the lock
            self._entries_lock, self._process = threading.RLock(), process
        return self._entries_lock

    def _read(self, kernel_id: str, entry: _Entry) -> KernelTelemetry:
        # The baseline first: a reset meanwhile must not leave it newer than the snapshot.
        source, baseline = entry.source, entry.baseline
        shown: KernelTelemetry = source.snapshot().telemetry(
            _SHOWN_AS, kernel_id, source.last_error, baseline
        )
        return shown

    def _known(self) -> list[tuple[str, _Entry]]:
        return list(self._entries.items())  # a signal or finalizer may add to them meanwhile

    def _by_hand(self, kernel_id: str) -> _ByHand:
        entry = self._entries.get(kernel_id)
        if entry is None:
            entry = self._make_by_hand(kernel_id)
        source = entry.source
        if not isinstance(source, _ByHand):
            message = (
                f"kernel {kernel_id!r} is counted by its runtime; count by hand under another id"
            )
            raise InvalidArgumentError(message)
        return source

    def _make_by_hand(self, kernel_id: str) -> _Entry:
        check_kernel_id(kernel_id)
        entry = _Entry(_ByHand(ManualRecord(kernel_id, clock=self._clock)))
        with self._lock:
            return self._entries.setdefault(kernel_id, entry)  # a signal may have been faster


def _values(kernel_id: str, entry: _Entry) -> dict[str, Any]:
    """Read the fields of KernelTelemetry as `to_dict()` gives them."""
    source, baseline = entry.source, entry.baseline
    fields = source.snapshot().since(baseline)
    fields["kernel_id"] = kernel_id
    fields["last_error"] = source.last_error
    return fields
