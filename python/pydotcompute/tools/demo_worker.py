"""The demo's kernel: it tokenizes one file a message."""

import asyncio
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from pydotcompute import KernelContext, RingKernelMessage, message, ring_kernel

_TOKENS_A_TURN: Final = 5_000
"""After so many tokens, some 10 ms, the event loop gets a turn."""

_REFUSALS: Final = (
    OSError,  # gone since it was found, not ours to read, a failing disk
    SyntaxError,  # unknown encoding, bad indentation, a character that no token begins with
    tokenize.TokenError,  # the file ends inside a bracket or a string
    UnicodeError,  # bytes that its encoding does not know
    LookupError,  # its encoding is none of text, such as rot13
    SystemError,  # CPython 3.12 and 3.13 wrap the SyntaxError about a null byte
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file could not be tokenized, said the same way for every such file."""

    kind: str
    text: str

    def __str__(self) -> str:
        """Write type and text in one line."""
        return f"{self.kind}: {self.text}"


@message
class Request(RingKernelMessage):
    """One file to tokenize."""

    path: Path


@message
class Tokenized(RingKernelMessage):
    """What was read of one file: all of it or, with a problem, what came before."""

    path: Path
    token_count: int
    line_count: int
    byte_count: int
    problem: Problem | None = None


@ring_kernel(kernel_id="worker")
async def worker(context: KernelContext[Request, Tokenized]) -> None:
    """Answer every file with its counts; one that cannot be tokenized ends as an error."""
    while True:
        request = await context.receive()
        reading = _Reading(request)
        try:
            await reading.tokenize()
        except _REFUSALS as error:
            context.record_error(error)
            reading.problem = describe(error)
        await context.send(reading.reply())


def describe(error: BaseException) -> Problem:
    """Say what an error says, without the file and the place in it."""
    if isinstance(error, SystemError) and error.__cause__ is not None:
        error = error.__cause__
    match error:
        case OSError(strerror=str(text)) | SyntaxError(msg=str(text)):
            pass
        case UnicodeDecodeError(encoding=encoding, reason=reason):
            text = f"not {encoding}: {reason}"
        case tokenize.TokenError(args=(str(text), *_)):
            pass
        case _:
            text = str(error)
    return Problem(type(error).__name__, text)


class _Reading:
    """One pass over one file, counting as it goes."""

    def __init__(self, request: Request) -> None:
        self.problem: Problem | None = None
        self._request = request
        self._token_count = 0
        self._line_count = 0
        self._byte_count = 0
        self._stream: BinaryIO

    async def tokenize(self) -> None:
        for count in self._token_counts():
            if count % _TOKENS_A_TURN == 1:
                await asyncio.sleep(0)

    def reply(self) -> Tokenized:
        return self._request.reply(
            Tokenized,
            path=self._request.path,
            token_count=self._token_count,
            line_count=self._line_count,
            byte_count=self._byte_count,
            problem=self.problem,
        )

    def _token_counts(self) -> Iterator[int]:
        with self._request.path.open("rb") as self._stream:
            for _ in tokenize.tokenize(self._readline):
                self._token_count += 1
                yield self._token_count

    def _readline(self) -> bytes:
        line = self._stream.readline()
        self._line_count += bool(line)
        self._byte_count += len(line)
        return line
