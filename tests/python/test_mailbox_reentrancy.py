"""Code that runs in the middle of a mailbox's call may call the same mailbox."""

import contextlib
import gc
import sys
import threading

import pytest

from pydotcompute import message
from pydotcompute._core import (
    ACCEPTED,
    CLOSED,
    EMPTY,
    END,
    ManualRecord,
    ObjectMailbox,
)
from pydotcompute.exceptions import KernelStateError
from kernels_for_tests import counts, start_puppet, turns

MANY = 20_000


@message
class Note:
    """A text with an envelope."""

    text: str = ""


class Bomb:
    """Calls every method of its mailbox when it is dropped."""

    def __init__(self, mailbox):
        self.mailbox = mailbox
        self.told = []
        mailbox_told.append(self.told)

    def __del__(self):
        mailbox = self.mailbox
        self.told += [
            mailbox.offer("from the grave"),
            mailbox.take(),
            mailbox.take_batch(2),
            mailbox.reply("from the grave"),
            mailbox.collect(),
            mailbox.queue_depth,
            mailbox.snapshot().since()["messages_received"],
        ]


mailbox_told = []


@pytest.fixture(autouse=True)
def told():
    """Give what the bombs were told, a list each."""
    mailbox_told.clear()
    yield mailbox_told
    mailbox_told.clear()


def opened(**options):
    mailbox = ObjectMailbox("k", queue_size=2, output_queue_size=2, **options)
    mailbox.resume()
    return mailbox


# Dropping.


def test_a_dropped_message_may_use_the_queue_that_drops_it(told):
    mailbox = opened(drop_oldest=True)
    mailbox.offer(Bomb(mailbox))
    mailbox.offer(1)
    assert mailbox.offer(2) == ACCEPTED
    assert told == [[ACCEPTED, 2, ["from the grave"], ACCEPTED, "from the grave", 0, 4]]
    assert mailbox.take() is EMPTY


@pytest.mark.parametrize("end", ["end_returned", "end_raised", "end_cancelled"])
def test_a_discarded_message_finds_everything_closed(told, end):
    mailbox = opened()
    for _ in range(2):
        mailbox.offer(Bomb(mailbox))
    assert getattr(mailbox, end)() == 2
    assert told == [[CLOSED, END, END, CLOSED, EMPTY, 0, 2]] * 2


def test_a_reply_thrown_away_may_use_its_queue(told):
    mailbox = opened()
    mailbox.reply(Bomb(mailbox))
    mailbox.fail(Bomb(mailbox))
    assert mailbox.discard_replies() == 2
    assert [len(calls) for calls in told] == [7, 7]
    assert mailbox.discard_replies() == 0


def test_a_refused_message_may_use_the_queue_that_refused_it(told):
    mailbox = opened()
    mailbox.close_input()
    assert mailbox.offer(Bomb(mailbox)) == CLOSED
    assert told == [[CLOSED, END, END, ACCEPTED, "from the grave", 0, 0]]


def test_a_collected_cycle_may_use_its_mailbox(told):
    mailbox = opened()
    mailbox.offer(Bomb(mailbox))
    mailbox.reply(Bomb(mailbox))
    del mailbox
    gc.collect()
    assert [len(calls) for calls in told] == [7, 7]


def test_a_priority_that_is_looked_up_may_use_its_mailbox():
    mailbox = opened()

    class Curious:
        __ring_message__ = True

        @property
        def priority(self):
            return 255 if mailbox.take() is EMPTY else 0

    assert mailbox.offer(1) == ACCEPTED
    assert mailbox.offer(Curious()) == ACCEPTED
    assert mailbox.in_flight == 1


def test_a_type_that_is_looked_at_may_use_its_mailbox():
    mailbox = opened()

    class Meta(type):
        def __getattr__(cls, name):
            mailbox.offer(name)
            raise AttributeError(name)

    assert mailbox.offer(Meta("Kind", (), {})()) == ACCEPTED
    assert mailbox.take() == "__ring_message__"


def test_an_exception_of_a_priority_leaves_the_mailbox_whole():
    mailbox = opened()

    class Broken:
        __ring_message__ = True

        @property
        def priority(self):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        mailbox.offer(Broken())
    assert mailbox.queue_depth == 0
    assert mailbox.offer(1) == ACCEPTED


async def test_a_message_that_is_discarded_at_the_end_may_send_to_its_kernel(runtime):
    refused = []

    class Last:
        def __del__(self):
            with contextlib.suppress(RuntimeError):
                try:
                    runtime.send_nowait("k", 1)
                except KernelStateError as error:
                    refused.append(error)

    puppet = await start_puppet(runtime)
    runtime.send_nowait("k", Last())
    puppet.freed.set()
    await turns()
    assert len(refused) == 1
    assert runtime.get_telemetry("k").messages_received == 1


async def test_a_message_that_is_dropped_may_send_to_its_kernel(runtime):
    class Phoenix:
        def __init__(self, lives):
            self.lives = lives

        def __del__(self):
            if self.lives:
                runtime.send_nowait("k", Phoenix(self.lives - 1))

    puppet = await start_puppet(runtime, queue_size=1, backpressure="drop")
    runtime.send_nowait("k", Phoenix(lives=3))
    for _ in range(4):
        runtime.send_nowait("k", "drops a phoenix, and is dropped by the next life")
    assert counts(runtime) == {
        "received": 8,
        "dropped": 7,
        "queue_depth": 1,
        "queue_depth_peak": 1,
    }
    assert isinstance(await puppet.ctx.receive(), str)


# Threads.


@pytest.fixture
def quick_switches():
    """Let threads take turns as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


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


@pytest.mark.parametrize("drop_oldest", [False, True])
def test_every_snapshot_adds_up_while_threads_move_messages(quick_switches, drop_oldest):
    mailbox = ObjectMailbox("k", queue_size=8, output_queue_size=8, drop_oldest=drop_oldest)
    mailbox.resume()
    broken, accepted, collected = [], [], []
    done = threading.Event()

    def offer():
        note = Note(priority=200)
        codes = [mailbox.offer(note if n % 3 else n, refuse=True) for n in range(MANY)]
        accepted.append(codes.count(ACCEPTED))

    def work():
        while not done.is_set() or mailbox.queue_depth:
            taken = mailbox.take_batch(3)
            if taken is not EMPTY:
                for each in taken[1:]:
                    mailbox.reply(each)
                mailbox.record_error()
        mailbox.take()

    def collect():
        while not done.is_set():
            collected.append(mailbox.collect() is not EMPTY)

    def watch():
        while not done.is_set():
            fields = mailbox.snapshot().since()
            if not is_conserved(fields):
                broken.append(fields)

    def offer_twice():
        run_all(offer, offer)
        done.set()

    run_all(offer_twice, work, collect, watch)
    fields = mailbox.snapshot().since()
    assert broken == []
    assert is_conserved(fields)
    assert fields["messages_received"] == sum(accepted)
    assert fields["messages_received"] + fields["messages_rejected"] == 2 * MANY
    assert fields["replies_received"] == sum(collected)
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
