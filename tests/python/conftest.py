"""What many tests of the runtime begin with."""

import asyncio

import pytest

from pydotcompute import RingKernelRuntime


@pytest.fixture
async def runtime():
    """Make a runtime that counts; at its end no task of any kernel is left."""
    async with RingKernelRuntime(enable_telemetry=True) as made:
        yield made
        await made.terminate_all(timeout=0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.fixture
def short_grace(monkeypatch):
    """Give cancelled kernels less than a second to end before they count as stuck."""
    monkeypatch.setattr("pydotcompute.runtime.termination.CANCEL_GRACE_SECONDS", 0.02)
