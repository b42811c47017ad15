"""What is looked at from outside: both equations at any moment, and the memory of the process."""

import gc
import os
import threading
from pathlib import Path

MOST_GROWTH_MB = 5.0
READING_SECONDS = 0.02
ENDINGS = ("processed", "unanswered", "errored", "dropped", "discarded")


def broken_equations(shown):
    """List the equations that do not hold for a kernel, and the terms that are negative."""
    values = shown.to_dict()
    ended = sum(values[f"messages_{ending}"] for ending in ENDINGS)
    sides = {
        "messages": (shown.messages_received, ended + shown.queue_depth + shown.in_flight),
        "replies": (
            shown.messages_sent + shown.error_replies,
            shown.replies_received + shown.output_depth + shown.replies_discarded,
        ),
    }
    broken = [
        f"{name}: {left} != {right}" for name, (left, right) in sides.items() if left != right
    ]
    for name in ("queue_wait", "service"):
        latency = values[name]
        if latency is not None and not is_in_order(latency):
            broken.append(f"{name} is {latency}")
    if not 0 <= (shown.duty_cycle or 0) <= 1:
        broken.append(f"duty_cycle is {shown.duty_cycle}")
    negative = [name for name, value in values.items() if isinstance(value, int) and value < 0]
    return broken + [f"{name} is negative" for name in negative]


def is_in_order(latency):
    quantiles = [latency[name] for name in ("p50", "p90", "p99", "p999", "max")]
    return latency["count"] > 0 and quantiles[0] >= 0 and quantiles == sorted(quantiles)


class Reader:
    """A thread that reads telemetry all the time."""

    def __init__(self, runtime):
        self.runtime = runtime
        self.readings = 0
        self.faults = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def start(self):
        self._thread.start()

    def stop(self):
        self._is_over.set()
        self._thread.join()

    def _read(self):
        while not self._is_over.wait(READING_SECONDS):
            for kernel_id, shown in self.runtime.get_all_telemetry().items():
                broken = broken_equations(shown)
                self.faults += [f"read by a thread: {kernel_id}: {one}" for one in broken]
                self.readings += 1


class Memory:
    """Resident memory, from the first look on."""

    def __init__(self):
        self.first_mb = self.last_mb = self.most_mb = None

    def now_mb(self):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def look(self):
        gc.collect()
        self.last_mb = self.now_mb()
        if self.first_mb is None:
            self.first_mb = self.most_mb = self.last_mb
        self.most_mb = max(self.most_mb, self.last_mb)

    def faults(self):
        growth_mb = self.most_mb - self.first_mb
        if growth_mb <= MOST_GROWTH_MB:
            return []
        return [f"memory grew by {growth_mb:.1f} MB, more than {MOST_GROWTH_MB} MB"]

    def __str__(self):
        return (
            f"{self.first_mb:.1f} MB after the warm-up, {self.last_mb:.1f} MB at the end, "
            f"{self.most_mb:.1f} MB at most"
        )
