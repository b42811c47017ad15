"""The mailbox of the compiled core: what goes in, what comes out, what is counted."""

import gc
import pickle
import weakref

import pytest

from pydotcompute import message
from pydotcompute._core import (
    ACCEPTED,
    CLOSED,
    EMPTY,
    END,
    FULL,
    ID_BYTES,
    ErrorReply,
    ObjectMailbox,
)
from pydotcompute.options import KernelState


@message
class Note:
    """A text with an envelope."""

    text: str = ""


class Cargo:
    """An object to look out for."""


def opened(queue_size=4, output_queue_size=4, **options):
    """Make a mailbox that hands messages out."""
    mailbox = ObjectMailbox(
        "k", queue_size=queue_size, output_queue_size=output_queue_size, **options
    )
    mailbox.resume()
    return mailbox


def counts(mailbox):
    fields = mailbox.snapshot().since()
    return {
        name.removeprefix("messages_"): value
        for name, value in fields.items()
        if isinstance(value, int) and value
    }


# Answers.


def test_the_answers_are_three_codes_and_two_objects():
    assert len({ACCEPTED, FULL, CLOSED}) == 3
    assert (repr(EMPTY), repr(END)) == ("EMPTY", "END")
    assert EMPTY is not END
    assert EMPTY != "EMPTY"
    for sentinel in (EMPTY, END):
        with pytest.raises(TypeError):
            type(sentinel)()
        with pytest.raises(TypeError):
            pickle.dumps(sentinel)


def test_messages_and_replies_come_out_as_they_went_in():
    mailbox = opened()
    sent = [object(), None, EMPTY.__class__, "EMPTY"]
    assert [mailbox.offer(each) for each in sent] == [ACCEPTED] * 4
    assert all(mailbox.take() is each for each in sent)
    assert mailbox.take() is EMPTY
    assert [mailbox.reply(each) for each in sent] == [ACCEPTED] * 4
    assert all(mailbox.collect() is each for each in sent)
    assert mailbox.collect() is EMPTY


def test_a_new_mailbox_is_paused():
    mailbox = ObjectMailbox("k", queue_size=1, output_queue_size=1)
    assert mailbox.offer(1) == ACCEPTED
    assert mailbox.take() is mailbox.take_batch(5) is EMPTY
    mailbox.resume()
    assert mailbox.take() == 1


def test_a_batch_of_none_ends_what_is_in_flight_and_hands_nothing_out():
    mailbox = opened()
    mailbox.offer(1)
    mailbox.offer(2)
    mailbox.take()
    assert mailbox.take_batch(0) is EMPTY
    assert (mailbox.in_flight, mailbox.queue_depth) == (0, 1)
    mailbox.close_input()
    assert mailbox.take_batch(0) is EMPTY
    assert mailbox.take_batch(9) == [2]
    assert mailbox.take_batch(0) is mailbox.take() is END


def test_a_full_queue_says_so_and_counts_only_what_is_to_be_refused():
    mailbox = opened(queue_size=1, output_queue_size=1)
    assert mailbox.offer(1) == ACCEPTED
    assert [mailbox.offer(2), mailbox.offer(2, refuse=True)] == [FULL, FULL]
    mailbox.take()
    assert mailbox.reply(1) == ACCEPTED
    assert [mailbox.reply(2), mailbox.fail(ValueError())] == [FULL, FULL]
    assert counts(mailbox)["rejected"] == 1
    assert "errors" not in counts(mailbox)


def test_a_closed_end_refuses_and_hands_out_what_is_left():
    mailbox = opened()
    mailbox.offer(1)
    mailbox.close_input()
    assert mailbox.offer(2) == CLOSED
    assert (mailbox.take(), mailbox.take()) == (1, END)
    mailbox.reply("made")
    mailbox.close_output()
    assert [mailbox.reply("late"), mailbox.fail(ValueError())] == [CLOSED, CLOSED]
    assert (mailbox.collect(), mailbox.collect()) == ("made", EMPTY)


def test_an_error_stands_in_the_place_of_a_reply():
    mailbox = opened()
    error = ValueError()
    mailbox.offer(1)
    mailbox.take()
    assert mailbox.fail(error) == ACCEPTED
    assert counts(mailbox) == {
        "received": 1,
        "errored": 1,
        "errors": 1,
        "queue_depth_peak": 1,
        "output_depth": 1,
        "error_replies": 1,
    }
    reply = mailbox.collect()
    assert isinstance(reply, ErrorReply)
    assert reply.error is error


@pytest.mark.parametrize(
    ("end", "discarded", "counted"),
    [
        ("end_returned", 2, {"unanswered": 2, "discarded": 2}),
        ("end_raised", 3, {"errored": 1, "errors": 1, "discarded": 3}),
        ("end_cancelled", 4, {"discarded": 4}),
    ],
)
def test_an_end_tells_how_many_messages_it_discarded(end, discarded, counted):
    mailbox = opened()
    for number in range(4):
        mailbox.offer(number)
    mailbox.take_batch(2)
    assert getattr(mailbox, end)() == discarded
    assert counts(mailbox) == {"received": 4, "queue_depth_peak": 4, **counted}
    assert mailbox.offer(9) == mailbox.reply(9) == CLOSED
    assert mailbox.take() is END
    assert mailbox.end_cancelled() == 0


def test_replies_thrown_away_are_counted():
    mailbox = opened()
    mailbox.reply(1)
    mailbox.fail(ValueError())
    assert mailbox.discard_replies() == 2
    assert mailbox.discard_replies() == 0
    assert counts(mailbox)["replies_discarded"] == 2
    assert mailbox.collect() is EMPTY


def test_without_telemetry_nothing_is_counted():
    mailbox = opened(telemetry=False)
    mailbox.offer(1)
    assert mailbox.take() == 1
    mailbox.record_error()
    mailbox.set_state("active")
    assert mailbox.in_flight == 1
    with pytest.raises(RuntimeError, match="telemetry=False"):
        mailbox.snapshot()


# Refusals.


@pytest.mark.parametrize("sizes", [(0, 1), (1, 0), (0, 0)])
def test_queue_sizes_start_at_1(sizes):
    queue_size, output_queue_size = sizes
    with pytest.raises(ValueError, match=f"start at 1, got {queue_size} and {output_queue_size}"):
        opened(queue_size, output_queue_size)


@pytest.mark.parametrize(
    ("size", "kind"), [(-1, OverflowError), (2**64, OverflowError), ("1", TypeError)]
)
def test_a_queue_size_is_a_positive_int(size, kind):
    with pytest.raises(kind):
        opened(size)


def test_an_id_has_an_end():
    ObjectMailbox("x" * ID_BYTES, queue_size=1, output_queue_size=1)
    for kernel_id in ("x" * (ID_BYTES + 1), "é" * ID_BYTES):
        with pytest.raises(ValueError, match=str(ID_BYTES)):
            ObjectMailbox(kernel_id, queue_size=1, output_queue_size=1)


@pytest.mark.parametrize("priority", [-1, 256, 2**70, 1.0, "128", None])
def test_a_wrong_priority_is_refused_with_its_value(priority):
    mailbox = opened()
    note = Note()
    note.priority = priority
    with pytest.raises(ValueError, match="0 to 255") as caught:
        mailbox.offer(note)
    assert repr(priority) in str(caught.value)
    assert counts(mailbox) == {}


def test_only_known_states_are_noted():
    mailbox = opened()
    for state in KernelState:
        mailbox.set_state(state)
        assert mailbox.snapshot().since()["state"] == state
    for unknown in ("ACTIVE", "", "vacant", "running"):
        with pytest.raises(ValueError, match=f'"{unknown}"'):
            mailbox.set_state(unknown)
    assert mailbox.snapshot().since()["state"] == "failed"


# Garbage.


@pytest.mark.parametrize("way", ["offer", "reply", "fail"])
def test_a_cycle_through_a_queue_is_collected(way):
    mailbox, cargo = opened(), Cargo()
    cargo.mailbox = mailbox
    getattr(mailbox, way)(cargo)
    seen = weakref.ref(cargo), weakref.ref(mailbox)
    del mailbox, cargo
    gc.collect()
    assert [ref() for ref in seen] == [None, None]


def test_a_cycle_through_the_remembered_type_is_collected():
    mailbox = opened()
    kind = type("Kind", (), {"mailbox": mailbox})
    mailbox.offer(kind())
    mailbox.take()
    seen = weakref.ref(kind), weakref.ref(mailbox)
    del mailbox, kind
    gc.collect()
    assert [ref() for ref in seen] == [None, None]


def test_a_cycle_through_an_error_reply_is_collected():
    cargo = Cargo()
    cargo.reply = ErrorReply(cargo)
    seen = weakref.ref(cargo)
    del cargo
    gc.collect()
    assert seen() is None


@pytest.mark.parametrize("priority", [0, 128, 255])
def test_every_lane_of_a_queue_is_seen_by_the_collector(priority):
    mailbox, note = opened(), Note(priority=priority)
    note.mailbox = mailbox
    mailbox.offer(note)
    assert note in gc.get_referents(mailbox)
    seen = weakref.ref(note)
    del mailbox, note
    gc.collect()
    assert seen() is None


def test_what_was_refused_is_not_kept():
    mailbox = opened(queue_size=1, output_queue_size=1)
    mailbox.offer(1)
    mailbox.reply(1)
    cargo = Cargo()
    seen = weakref.ref(cargo)
    assert mailbox.offer(cargo) == mailbox.reply(cargo) == FULL
    del cargo
    assert seen() is None
