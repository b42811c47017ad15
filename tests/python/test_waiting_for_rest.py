"""A kernel is at rest once it is so, wherever it runs."""

import pytest
from kernels_for_tests import counts, echo, start

from pydotcompute.testing import wait_until_idle


def blocking_echo(ctx):
    while True:
        ctx.send(ctx.receive())


@pytest.mark.parametrize("attempt", range(10))  # whether the thread runs first is luck
@pytest.mark.parametrize(
    ("kernel", "execution"), [(echo, "task"), (echo, "thread"), (blocking_echo, "thread")]
)
async def test_a_kernel_that_was_made_room_for_is_busy_until_it_has_used_it(
    runtime, kernel, execution, attempt
):
    await start(runtime, "k", kernel, form="loop", execution=execution, output_queue_size=1)
    await runtime.send_batch("k", [1, 2])
    await wait_until_idle(runtime)
    assert counts(runtime)["in_flight"] == 1
    assert runtime.receive_nowait("k") == 1
    await wait_until_idle(runtime)
    assert counts(runtime)["processed"] == 2
    assert "in_flight" not in counts(runtime)
