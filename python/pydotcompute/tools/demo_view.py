"""What the demo shows while it runs."""

import sys
from types import TracebackType
from typing import Any, Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pydotcompute.tools.text import write

_BAR_WIDTH: Final = 24  # the line stays short of 80 columns, so that an echoed ^C fits behind it


class ProgressView:
    """A progress bar on a terminal; nothing in a pipe."""

    def __init__(self, console: Console, start: str, file_count: int, *, repeat: bool) -> None:
        """Make a view that begins with the line `start`."""
        self._console = console
        self._start = start
        self._file_count = file_count
        self._repeat = repeat
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=_BAR_WIDTH),
            MofNCompleteColumn(),
            TextColumn("{task.fields[throughput]:,.0f} msg/s"),
            TextColumn("{task.fields[errors]:,} errors"),
            TimeElapsedColumn(),
            console=console,
            auto_refresh=False,  # the bar moves when the event loop does
            disable=not (sys.stdout.isatty() and console.is_interactive),
        )
        self._task = self._progress.add_task("files", total=file_count, throughput=0.0, errors=0)

    def __enter__(self) -> Self:
        """Show nothing yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the bar as it stands and give the cursor back."""
        self._progress.stop()

    def show_start(self) -> None:
        """Write the first line, and the bar below it."""
        write(self._console, self._start)
        self._progress.start()

    def show(self, received: int, summary: dict[str, Any]) -> None:
        """Show the replies received so far and the runtime's summary."""
        finished, completed = divmod(received, self._file_count) if self._repeat else (0, received)
        self._progress.update(
            self._task,
            description=f"round {finished + 1}" if self._repeat else "files",
            completed=completed,
            throughput=summary["aggregate_throughput"],
            errors=summary["total_errors"],
            refresh=True,
        )

    def show_interrupt(self, unfinished: int) -> None:
        """End the bar and say what Ctrl-C does."""
        self._progress.stop()
        write(self._console, f"Ctrl-C: feeding no more. Still to finish: {unfinished:,}.")
        write(self._console, "Then comes the report. Ctrl-C again quits at once.")
