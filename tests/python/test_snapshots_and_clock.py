"""Snapshots of the compiled core, and the clock that tests turn by hand."""

import math
import time

import pytest

from pydotcompute._core import ID_BYTES, ManualRecord, ObjectMailbox, Snapshot
from pydotcompute.telemetry import KernelTelemetry, LatencySummary
from pydotcompute.testing import MockClock


def mailbox_at(clock):
    return ObjectMailbox("k", queue_size=4, output_queue_size=4, clock=clock)


# The clock.


def test_the_clock_stands_still_until_it_is_advanced():
    clock = MockClock()
    monotonic, unix = clock.monotonic(), clock.time()
    assert (clock.monotonic(), clock.time()) == (monotonic, unix)
    clock.advance(1.5)
    clock.advance(0)
    assert clock.monotonic() - monotonic == pytest.approx(1.5)
    assert clock.time() - unix == pytest.approx(1.5)


@pytest.mark.parametrize("seconds", [-1, -1e-9, math.nan, math.inf, 1e300])
def test_the_clock_does_not_go_back_nor_to_the_end_of_time(seconds):
    clock = MockClock()
    before = clock.monotonic()
    with pytest.raises(ValueError, match="seconds must be 0 or more and finite"):
        clock.advance(seconds)
    assert clock.monotonic() == before


def test_without_a_clock_of_its_own_a_record_follows_the_systems():
    before = time.time()
    taken = ManualRecord("k").snapshot().time
    assert before - 0.1 <= taken <= time.time() + 0.1


# Snapshots.


def test_a_snapshot_has_the_fields_of_kernel_telemetry():
    fields = mailbox_at(MockClock()).snapshot().since()
    telemetry = KernelTelemetry(**{**fields, "kernel_id": "k"})
    assert telemetry.state == "launched"
    assert list(fields) == list(KernelTelemetry.__dataclass_fields__)


def test_the_fields_of_one_snapshot_are_not_those_of_another():
    snapshot = mailbox_at(MockClock()).snapshot()
    snapshot.since().clear()
    snapshot.since()["messages_received"] = 7
    assert list(snapshot.since()) == list(KernelTelemetry.__dataclass_fields__)
    assert snapshot.since()["messages_received"] == 0


def test_a_snapshot_does_not_move_with_what_it_shows():
    clock = MockClock()
    mailbox = mailbox_at(clock)
    snapshot = mailbox.snapshot()
    before = snapshot.since()
    mailbox.offer(1)
    clock.advance(1)
    mailbox.set_state("active")
    assert snapshot.since() == before
    assert mailbox.snapshot().time == snapshot.time + 1


def test_uptime_runs_from_the_first_activation_to_the_end():
    clock = MockClock()
    mailbox = mailbox_at(clock)
    clock.advance(1)
    shown = []
    for state in ("active", "deactivated", "active", "terminating", "terminated"):
        mailbox.set_state(state)
        shown.append(mailbox.snapshot().since()["uptime_seconds"])
        clock.advance(2)
    shown.append(mailbox.snapshot().since()["uptime_seconds"])
    assert shown == [0, 2, 4, 6, 8, 8]


def test_a_difference_counts_from_its_baseline_and_measures_from_now():
    clock = MockClock()
    mailbox = mailbox_at(clock)
    mailbox.set_state("active")
    mailbox.resume()
    for number in range(3):
        mailbox.offer(number)
    mailbox.take()
    mailbox.reply(1)
    clock.advance(5)
    baseline = mailbox.snapshot()
    mailbox.take()
    mailbox.reply(1)
    clock.advance(1)
    fields = mailbox.snapshot().since(baseline)
    assert fields["messages_processed"] == 1
    assert (fields["queue_depth"], fields["output_depth"], fields["queue_depth_peak"]) == (1, 2, 3)
    assert fields["messages_received"] == 2  # what was queued at the baseline counts after it
    assert fields["messages_sent"] == 2  # and so do replies that were ready
    assert fields["uptime_seconds"] == 1
    assert fields["reset_time"] == baseline.time


def test_a_difference_with_itself_is_empty():
    record = ManualRecord("k", clock=MockClock())
    record.receive()
    record.send()
    record.error()
    snapshot = record.snapshot()
    fields = snapshot.since(snapshot)
    assert {name: fields[name] for name in fields if name.startswith("messages_")} == {
        name: 0 for name in fields if name.startswith("messages_")
    }
    assert fields["errors"] == 0


def test_a_snapshot_is_made_by_what_it_shows_only():
    with pytest.raises(TypeError):
        Snapshot()
    with pytest.raises(AttributeError):
        ManualRecord("k").snapshot().time = 1


# By hand.


def test_calls_by_hand_end_the_oldest_in_flight():
    record = ManualRecord("k", clock=MockClock())
    for call in (record.receive, record.receive, record.receive, record.send, record.error):
        call()
    fields = record.snapshot().since()
    assert fields["state"] == "active"
    assert fields["messages_received"] == 3
    assert fields["messages_sent"] == fields["messages_processed"] == 1
    assert fields["errors"] == fields["messages_errored"] == 1
    assert fields["in_flight"] == 1


def test_calls_by_hand_with_nothing_in_flight_end_nothing():
    record = ManualRecord("k")
    record.send()
    record.error()
    fields = record.snapshot().since()
    assert fields["messages_sent"] == fields["errors"] == 1
    assert fields["messages_processed"] == fields["messages_errored"] == fields["in_flight"] == 0


def test_the_id_of_a_record_has_an_end():
    ManualRecord("x" * ID_BYTES)
    with pytest.raises(ValueError, match=str(ID_BYTES)):
        ManualRecord("x" * (ID_BYTES + 1))


# Instances.

STATES = {"launched": "launched"}


def test_telemetry_is_made_of_its_fields_without_a_call_of_its_class():
    snapshot = mailbox_at(MockClock()).snapshot()
    fields = {**snapshot.since(), "kernel_id": "k", "last_error": "E"}
    made = snapshot.telemetry((KernelTelemetry, LatencySummary, STATES), "k", "E", None)
    assert made == KernelTelemetry(**fields)
    assert type(made) is KernelTelemetry
    assert vars(made) == fields


class Slotted:
    __slots__ = ("a",)


@pytest.mark.parametrize("cls", [int, type, object, Slotted])
def test_what_keeps_no_attributes_in_a_dict_is_not_made_of_them(cls):
    snapshot = mailbox_at(MockClock()).snapshot()
    with pytest.raises(TypeError):
        snapshot.telemetry((cls, LatencySummary, STATES), "k", None, None)


def test_a_state_without_a_member_is_an_error():
    snapshot = mailbox_at(MockClock()).snapshot()
    with pytest.raises(KeyError, match="launched"):
        snapshot.telemetry((KernelTelemetry, LatencySummary, {}), "k", None, None)
