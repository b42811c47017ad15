"""Counts stay exact and snapshots whole while many threads use one mailbox or record."""

import threading

import pytest

from pydotcompute import message
from pydotcompute._core import ACCEPTED, EMPTY, ManualRecord, ObjectMailbox

MANY = 40_000


@message
class Note:
    """A text with an envelope."""

    text: str = ""


def run_all(*works):
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def is_conserved(fields):
    ended = ("processed", "unanswered", "errored", "dropped", "discarded")
    waiting = fields["queue_depth"] + fields["in_flight"]
    ended_count = sum(fields[f"messages_{name}"] for name in ended)
    replies = fields["replies_received"] + fields["output_depth"] + fields["replies_discarded"]
    counts = [value for value in fields.values() if isinstance(value, int)]
    return (
        min(counts) >= 0
        and fields["messages_received"] == ended_count + waiting
        and fields["messages_sent"] + fields["error_replies"] == replies
    )


class Crowd:
    """Threads that offer, take, reply and collect until all is done, and one that only looks."""

    def __init__(self, mailbox):
        self.mailbox = mailbox
        self.done = threading.Event()
        self.accepted = []
        self.received = 0
        self.snapshots = 0
        self.broken = []

    def offer(self):
        note = Note(priority=200)
        for number in range(MANY):
            code = self.mailbox.offer(note if number % 3 else number, refuse=number % 2 == 0)
            self.accepted.append(code == ACCEPTED)

    def offer_twice(self):
        run_all(self.offer, self.offer)
        self.done.set()

    def work(self):
        while not self.done.is_set() or self.mailbox.queue_depth:
            taken = self.mailbox.take_batch(3)
            for each in () if taken is EMPTY else taken[1:]:
                self.mailbox.reply(each)
            self.mailbox.record_error()
        self.mailbox.take()

    def collect(self):
        while not self.done.is_set():
            self.received += self.mailbox.collect() is not EMPTY

    def look(self):
        while not self.done.is_set():
            fields = self.mailbox.snapshot().since()
            self.snapshots += 1
            if not is_conserved(fields):
                self.broken.append(fields)


@pytest.mark.parametrize("drop_oldest", [False, True])
def test_every_snapshot_adds_up_while_threads_move_messages(quick_switches, drop_oldest):
    mailbox = ObjectMailbox("k", queue_size=100, output_queue_size=100, drop_oldest=drop_oldest)
    mailbox.resume()
    crowd = Crowd(mailbox)
    run_all(crowd.offer_twice, crowd.work, crowd.collect, crowd.look)
    fields = mailbox.snapshot().since()
    assert crowd.broken == []
    assert is_conserved(fields)
    assert fields["messages_received"] == sum(crowd.accepted)
    assert fields["replies_received"] == crowd.received
    assert fields["in_flight"] == fields["queue_depth"] == 0


def test_no_count_by_hand_is_lost_between_threads(quick_switches):
    record = ManualRecord("k")
    broken = []

    def count(*calls):
        for _ in range(MANY // len(calls)):
            for call in calls:
                call()

    def watch():
        for _ in range(1000):
            fields = record.snapshot().since()
            if min(value for value in fields.values() if isinstance(value, int)) < 0:
                broken.append(fields)

    receive_and_send = [record.receive, record.send]
    run_all(
        lambda: count(*receive_and_send),
        lambda: count(*receive_and_send),
        lambda: count(record.error),
        lambda: count(record.receive, record.error),
        watch,
    )
    fields = record.snapshot().since()
    assert broken == []
    assert fields["messages_received"] == 3 * MANY // 2
    assert fields["messages_sent"] == MANY
    assert fields["errors"] == 3 * MANY // 2
    ended = fields["messages_processed"] + fields["messages_errored"] + fields["in_flight"]
    assert fields["messages_received"] == ended
