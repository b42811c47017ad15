"""Code that runs in the middle of a mailbox's call may call the same mailbox."""

import contextlib
import gc

import pytest
from kernels_for_tests import counts, start_puppet, turns

from pydotcompute._core import ACCEPTED, CLOSED, EMPTY, END, ObjectMailbox
from pydotcompute.exceptions import KernelStateError


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
