"""With telemetry or without it, callers and kernels see the same."""

from pathlib import Path

import pytest
from kernels_for_tests import echo, start, start_puppet, turns

from pydotcompute import RingKernelRuntime
from pydotcompute.exceptions import KernelNotFoundError, PyDotComputeError
from pydotcompute.testing import wait_until_idle

FULL, WAITS = {"queue_size": 2}, {"timeout": 0}


async def fragile(ctx):
    while True:
        number = await ctx.receive()
        if number < 0:
            ctx.record_error(ValueError("marked"))
            raise ValueError(number)
        await ctx.send(number)


async def outcome(call):
    """Await something; what it gave, or the text of what it raised."""
    try:
        return await call
    except PyDotComputeError as error:
        return f"{type(error).__name__}: {error}"


async def fill(runtime, kernel_id, **options):
    """Send five messages to a kernel that takes none."""
    await runtime.launch(kernel_id, echo, **FULL, **options)
    return [await outcome(runtime.send(kernel_id, number, **WAITS)) for number in range(5)]


async def play(runtime, seen):
    """Note what happens to messages of many kernels, in every way in which they can end."""
    for strategy in ("block", "reject", "drop"):
        seen.append(await fill(runtime, strategy, backpressure=strategy))
        await runtime.activate(strategy)
        await wait_until_idle(runtime)
        seen.append(await runtime.receive_batch(strategy, 9))
    await start(runtime, "restarts", fragile, on_error="restart", max_restarts=1)
    await runtime.send_batch("restarts", [1, -2, 3, -4, 5])
    seen.extend([await outcome(runtime.receive("restarts")) for _ in range(3)])
    await start(runtime, "handler", lambda number: 12 // number)
    await runtime.send_batch("handler", [3, 0, 4])
    seen.extend([await outcome(runtime.receive("handler")) for _ in range(3)])
    puppet = await start_puppet(runtime, "cancelled")
    await runtime.send_batch("cancelled", [1, 2])
    await puppet.ctx.receive()
    seen.append(await outcome(puppet.ctx.receive_batch(2)))
    await runtime.terminate("cancelled", timeout=0)
    seen.append(await outcome(runtime.send("cancelled", 1)))
    seen.append([runtime.get_state(kernel_id).value for kernel_id in ("restarts", "cancelled")])
    seen.append((runtime.kernel_ids, runtime.active_kernels))
    runtime.reset_telemetry()
    with pytest.raises(KernelNotFoundError):
        runtime.reset_telemetry("nobody")


async def test_enabled_or_not_the_runtime_behaves_the_same(caplog):
    shown = []
    for enabled in (True, False):
        seen = []
        async with RingKernelRuntime(enable_telemetry=enabled) as runtime:
            await play(runtime, seen)
        told = [(record.levelname, record.getMessage()) for record in caplog.records]
        shown.append((seen, told))
        caplog.clear()
    assert shown[0] == shown[1]
    seen, told = shown[0]
    assert len(seen) == 16
    assert ("WARNING", "kernel 'cancelled' ended and discarded 1 message") in told


async def test_without_telemetry_no_file_is_made_or_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    def files():
        mapped = [line.split()[5:] for line in Path("/proc/self/maps").read_text().splitlines()]
        return len(list(Path("/proc/self/fd").iterdir())), {tuple(name) for name in mapped}

    async with RingKernelRuntime() as runtime:
        before = files()
        await start(runtime, "k", echo)
        await runtime.send("k", 1)
        await runtime.receive("k")
        await turns()
        assert files() == before
    assert list(tmp_path.iterdir()) == []
