"""Expecting refusals: of which class, naming what, changing nothing."""

import asyncio
from contextlib import contextmanager

import pytest


async def called(call, *arguments):
    """Call something, whether it is async or not."""
    result = call(*arguments)
    return await result if asyncio.iscoroutine(result) else result


def everything(runtime):
    """Read all that a runtime shows."""
    ids = runtime.kernel_ids
    states = [runtime.get_state(kernel_id) for kernel_id in ids]
    return ids, states, runtime.get_all_telemetry(), runtime.get_summary()


@contextmanager
def refusal(runtime, kind, *named):
    """Expect an exception of exactly this class that names all this; nothing may change.

    Time must stand still for the runtime's telemetry.
    """
    before = everything(runtime)
    with pytest.raises(kind) as caught:
        yield caught
    assert type(caught.value) is kind
    assert [name for name in named if name not in str(caught.value)] == []
    assert everything(runtime) == before
