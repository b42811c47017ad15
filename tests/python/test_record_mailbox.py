"""The mailbox of records, through the arrays that records lie in."""

import threading

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pydotcompute import dtype_of, message
from pydotcompute._core import (
    ACCEPTED,
    EMPTY,
    END,
    FULL,
    BusyError,
    ClosedError,
    ErrorReply,
    MockClock,
    RecordMailbox,
)
from pydotcompute.options import KernelState


@message
class Reading:
    """A record of 16 bytes."""

    sensor: int
    value: float


DTYPE = dtype_of(Reading)


def opened(queue_size=4, output_queue_size=4, **options):
    """Make a mailbox that hands messages out."""
    mailbox = RecordMailbox(
        "k",
        input_bytes=DTYPE.itemsize,
        output_bytes=8,
        queue_size=queue_size,
        output_queue_size=output_queue_size,
        **options,
    )
    mailbox.resume()
    return mailbox


def readings(*sensors):
    records = np.zeros(len(sensors), DTYPE)
    records["sensor"] = sensors
    return records


def numbers(*values):
    return np.array(values, np.int64)


def take(mailbox, most=1, **how):
    into = np.zeros(most, DTYPE)
    taken = mailbox.take(into, **how)
    return into["sensor"][:taken].tolist() if isinstance(taken, int) else taken


def collect(mailbox, most=1):
    into = np.zeros(most, np.int64)
    collected = mailbox.collect(into)
    return into[:collected].tolist() if isinstance(collected, int) else collected


def counts(mailbox):
    fields = mailbox.snapshot().since()
    return {
        name.removeprefix("messages_"): value
        for name, value in fields.items()
        if isinstance(value, int) and value
    }


def test_records_come_out_as_they_went_in():
    mailbox = opened()
    records = np.array([(1, 0.5), (2, -1.5)], DTYPE)
    assert mailbox.offer(records) == 2
    into = np.zeros(4, DTYPE)
    assert mailbox.take(into) == 2
    assert (into[:2] == records).all()
    assert mailbox.reply(numbers(7, 8)) == 2
    assert collect(mailbox, 3) == [7, 8]
    assert counts(mailbox) == {
        "received": 2,
        "processed": 2,
        "sent": 2,
        "replies_received": 2,
        "queue_depth_peak": 2,
    }


def test_a_batch_goes_in_as_far_as_there_is_room():
    mailbox = opened()
    assert mailbox.offer(readings(*range(6))) == 4
    assert counts(mailbox)["received"] == 4
    assert "rejected" not in counts(mailbox)
    assert mailbox.offer(readings(9, 9), refuse=True) == 0
    assert counts(mailbox)["rejected"] == 2
    assert take(mailbox, 9) == [0, 1, 2, 3]
    assert mailbox.reply(numbers(*range(6))) == 4
    assert mailbox.fail(3) == FULL


def test_whatever_exports_whole_records_is_taken():
    mailbox = opened(queue_size=9)
    for records in (
        readings(1)[0],
        readings(2).tobytes(),
        bytearray(readings(3).tobytes()),
        memoryview(readings(4)),
        readings(5, 5, 5)[1:2],
        np.array([[6, 0]], np.int64),
        readings(),
    ):
        mailbox.offer(records)
    assert take(mailbox, 9) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("records", "error", "words"),
    [
        (bytes(17), ValueError, "a record has 16 bytes here, and 17 bytes are no whole records"),
        (readings(1, 2, 3)[::2], ValueError, "contiguous"),
        ([1, 2], TypeError, "bytes-like"),
        (None, TypeError, "bytes-like"),
    ],
)
def test_what_is_no_record_is_refused_and_not_counted(records, error, words):
    mailbox = opened()
    with pytest.raises(error, match=words):
        mailbox.offer(records)
    assert counts(mailbox) == {}


def test_what_cannot_be_written_is_not_filled():
    mailbox = opened()
    mailbox.offer(readings(1))
    frozen = np.zeros(1, DTYPE)
    frozen.flags.writeable = False
    for into in (frozen, bytes(16)):
        with pytest.raises((ValueError, BufferError)):
            mailbox.take(into)
    assert take(mailbox) == [1]


def test_an_error_comes_alone_with_its_code():
    mailbox = opened()
    mailbox.offer(readings(1, 2, 3))
    take(mailbox, 3)
    mailbox.reply(numbers(1))
    assert mailbox.fail(-5) == ACCEPTED
    mailbox.reply(numbers(3))
    assert collect(mailbox, 3) == [1]
    assert mailbox.is_error_next
    error = collect(mailbox, 3)
    assert isinstance(error, ErrorReply)
    assert error.error == -5
    assert collect(mailbox, 3) == [3]
    assert collect(mailbox) is EMPTY
    assert (counts(mailbox)["errored"], counts(mailbox)["error_replies"]) == (1, 1)


@pytest.mark.parametrize("code", [2**31, -(2**31) - 1])
def test_a_code_has_32_bits(code):
    with pytest.raises(OverflowError):
        opened().fail(code)


def test_a_closed_mailbox_says_so():
    mailbox = opened()
    mailbox.offer(readings(1))
    mailbox.close_input()
    with pytest.raises(ClosedError):
        mailbox.offer(readings(2))
    assert take(mailbox) == [1]
    assert take(mailbox) is END
    mailbox.close_output()
    with pytest.raises(ClosedError):
        mailbox.reply(numbers(1))
    with pytest.raises(ClosedError):
        mailbox.fail(1)
    assert "rejected" not in counts(mailbox)


def test_a_paused_mailbox_hands_nothing_out():
    mailbox = opened()
    mailbox.offer(readings(1))
    mailbox.pause()
    assert take(mailbox) is EMPTY
    mailbox.resume()
    assert take(mailbox) == [1]


def test_states_and_uptime_are_those_of_the_record():
    clock = MockClock()
    mailbox = opened(clock=clock)
    mailbox.set_state(KernelState.ACTIVE.value)
    clock.advance(2)
    fields = mailbox.snapshot().since()
    assert (fields["state"], fields["uptime_seconds"]) == ("active", 2.0)
    with pytest.raises(ValueError, match="no state is called"):
        mailbox.set_state("asleep")


def test_waits_and_services_are_timed():
    clock = MockClock()
    mailbox = opened(clock=clock)
    mailbox.offer(readings(1))
    clock.advance(1)
    take(mailbox)
    clock.advance(2)
    mailbox.reply(numbers(1))
    fields = mailbox.snapshot().since()
    assert fields["queue_wait"]["sum"] == 1.0
    assert fields["service"]["sum"] == 2.0


def test_without_telemetry_nothing_is_counted():
    mailbox = opened(telemetry=False)
    mailbox.offer(readings(1))
    assert mailbox.queue_depth == 1
    with pytest.raises(RuntimeError, match="telemetry=False"):
        mailbox.snapshot()


@pytest.mark.parametrize(
    ("sizes", "error", "words"),
    [
        ({"input_bytes": 0}, ValueError, "1 to 1048576 bytes, got 0"),
        ({"output_bytes": 2**20 + 1}, ValueError, "got 1048577"),
        ({"queue_size": 0}, ValueError, "1 to 16777216 records, got 0"),
        ({"output_queue_size": 2**24 + 1}, ValueError, "got 16777217"),
        ({"queue_size": -1}, OverflowError, "negative"),
    ],
)
def test_sizes_out_of_range_say_the_limit(sizes, error, words):
    usual = {"input_bytes": 8, "output_bytes": 8, "queue_size": 1, "output_queue_size": 1}
    with pytest.raises(error, match=words):
        RecordMailbox("k", **(usual | sizes))


def test_memory_that_is_not_there_is_a_memory_error():
    with pytest.raises(MemoryError, match="take smaller queues"):
        RecordMailbox("k", input_bytes=2**20, output_bytes=8, queue_size=2**24, output_queue_size=1)


def test_threads_that_use_an_end_at_once_are_told_and_lose_nothing(quick_switches):
    size, rounds = 20_000, 60  # a long batch, which is copied without the interpreter lock
    mailbox = opened(queue_size=2 * size * rounds)
    batch = readings(*range(size))
    outcomes = []

    def send():
        for _ in range(rounds):
            try:
                outcomes.append(mailbox.offer(batch))
            except BusyError:
                outcomes.append(0)

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 2 * rounds
    assert set(outcomes) <= {0, size}
    assert mailbox.queue_depth == counts(mailbox)["received"] == sum(outcomes)


class Records(RuleBasedStateMachine):
    """A mailbox beside two lists; after every step all counts add up."""

    @initialize(queue=st.integers(1, 5), output=st.integers(1, 5), replies=st.booleans())
    def open(self, queue, output, replies):
        self.mailbox = opened(queue, output, replies=replies)
        self.bounds = queue, output
        self.queue, self.flight, self.output = [], 0, []
        self.offered = self.received = self.got = 0

    @rule(count=st.integers(0, 7), refuse=st.booleans())
    def offer(self, count, refuse):
        sensors = range(self.offered, self.offered + count)
        accepted = self.mailbox.offer(readings(*sensors), refuse=refuse)
        assert accepted == min(count, self.bounds[0] - len(self.queue))
        self.queue += sensors[:accepted]
        self.offered += count
        self.received += accepted

    @rule(most=st.integers(1, 7))
    def take(self, most):
        expected, self.queue = self.queue[:most], self.queue[most:]
        self.flight = len(expected)
        assert take(self.mailbox, most) == (expected or EMPTY)

    @rule(count=st.integers(0, 7))
    def reply(self, count):
        sent = self.mailbox.reply(numbers(*range(count)))
        assert sent == min(count, self.bounds[1] - len(self.output))
        self.output += range(sent)
        self.flight = max(0, self.flight - sent)

    @rule()
    def fail(self):
        if self.mailbox.fail(1) == ACCEPTED:
            self.output.append(None)
            self.flight = max(0, self.flight - 1)
        else:
            assert len(self.output) == self.bounds[1]

    @rule(most=st.integers(1, 7))
    def collect(self, most):
        got = collect(self.mailbox, most)
        if isinstance(got, ErrorReply):
            assert self.output.pop(0) is None
            self.got += 1
        elif got is EMPTY:
            assert self.output == []
        else:
            assert got == self.output[: len(got)]
            self.output = self.output[len(got) :]
            self.got += len(got)
            assert len(got) == most or self.output[:1] in ([], [None])

    @invariant()
    def every_count_adds_up(self):
        if not hasattr(self, "mailbox"):
            return
        fields = self.mailbox.snapshot().since()
        ended = ("processed", "unanswered", "errored", "dropped", "discarded")
        total = sum(fields[f"messages_{name}"] for name in ended)
        depths = len(self.queue), self.flight, len(self.output)
        assert (fields["queue_depth"], fields["in_flight"], fields["output_depth"]) == depths
        assert fields["messages_received"] == self.received == total + sum(depths[:2])
        made = fields["messages_sent"] + fields["error_replies"]
        assert made == fields["replies_received"] + depths[2]
        assert fields["replies_received"] == self.got


Records.TestCase.settings = settings(max_examples=150, stateful_step_count=50)
TestRecords = Records.TestCase
