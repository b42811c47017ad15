"""Two kernels in a row, a monitor beside them, and the audit at the end."""

import asyncio

from pydotcompute import KernelContext, RingKernelRuntime, message
from pydotcompute.telemetry import CallerLedger, audit

LINES = 300


@message
class Line:
    text: str


@message
class Words:
    count: int


def splitter(runtime: RingKernelRuntime):
    """Make a kernel that hands each line's words on to the next kernel."""

    async def split(ctx: KernelContext) -> None:
        while True:
            line = await ctx.receive()
            for word in line.text.split():
                await runtime.send("count", word)

    return split


async def count(ctx: KernelContext[str, Words]) -> None:
    """Answer every tenth word with the number of words so far."""
    words = 0
    while True:
        await ctx.receive()
        words += 1
        if words % 10 == 0:
            await ctx.send(Words(count=words))


async def monitor(runtime: RingKernelRuntime) -> None:
    """Print one line a kernel now and then."""
    while True:
        await asyncio.sleep(0.01)
        for kernel_id, stats in runtime.get_summary()["per_kernel"].items():
            print(
                f"{kernel_id:6} {stats['messages_received']:5} in, {stats['queue_depth']:4} queued"
            )


async def feed(runtime: RingKernelRuntime) -> None:
    """Send the lines; a full queue holds this task up, and nobody else."""
    for number in range(LINES):
        await runtime.send("split", Line(text=f"line {number} has five words"))


async def main() -> None:
    """Send lines through both kernels and show that nothing was lost."""
    async with RingKernelRuntime(enable_telemetry=True, default_queue_size=64) as runtime:
        await runtime.launch("split", splitter(runtime), replies=False)
        await runtime.launch("count", count, input_type=str, output_type=Words)
        for kernel_id in runtime.kernel_ids:
            await runtime.activate(kernel_id)
        watching = asyncio.create_task(monitor(runtime))

        feeding = asyncio.create_task(feed(runtime))
        received = 0
        words = 0
        while words < LINES * 5:
            words = (await runtime.receive("count", timeout=5.0)).count
            received += 1

        await feeding
        watching.cancel()
        shown = runtime.get_all_telemetry().values()
        ledger = CallerLedger(accepted=LINES + LINES * 5, received=received)
        print(audit(shown, ledger))


if __name__ == "__main__":
    asyncio.run(main())
