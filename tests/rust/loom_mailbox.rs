//! Every interleaving and every allowed reordering of the ends of a mailbox of records and whoever
//! reads its counts.
#![cfg(pydotcompute_loom)]

use std::sync::Arc as StdArc;

use _core::clock::{Clock, MockClock};
use _core::mailbox::{
    Busy, CollectRecords, End, Ledger, Put, RecordMailbox, RecordMailboxOptions, Take, Waits,
};
use _core::record::KernelRecord;
use _core::ring::Shape;
use _core::segment::Segment;
use loom::sync::Arc;
use loom::thread;

fn open_mailbox() -> Arc<RecordMailbox> {
    let shape = Shape::new(1, 2).unwrap();
    let options = RecordMailboxOptions {
        input: shape,
        output: shape,
        replies: true,
    };
    let record = StdArc::new(KernelRecord::default());
    let ledger = Ledger::open(record, Clock::Mock(MockClock::new()), "k", 1).unwrap();
    let waits = Waits::for_this_machine();
    let mailbox = RecordMailbox::new(options, Some(ledger), &Segment::Heap, &waits).unwrap();
    mailbox.resume();
    Arc::new(mailbox)
}

/// A thread that takes a message and answers it.
fn answering(mailbox: &Arc<RecordMailbox>) -> thread::JoinHandle<()> {
    let mailbox = Arc::clone(mailbox);
    thread::spawn(move || {
        let mut into = [0];
        assert_eq!(mailbox.take(&mut into), Ok(Take::Message(1)));
        assert_eq!(mailbox.reply(&into), Ok(Put::Accepted(1)));
    })
}

#[test]
fn whoever_has_a_reply_sees_its_message_ended_and_the_reply_sent() {
    loom::model(|| {
        let mailbox = open_mailbox();
        assert_eq!(mailbox.offer(&[7], false), Ok(Put::Accepted(1)));
        let kernel = answering(&mailbox);
        let mut into = [0];
        if mailbox.collect(&mut into) == Ok(CollectRecords::Replies(1)) {
            assert_eq!(into, [7]);
            let snapshot = mailbox.snapshot().unwrap();
            let shown = snapshot.since(None);
            assert_eq!((shown.messages_received, shown.messages_processed), (1, 1));
            assert_eq!((shown.messages_sent, shown.replies_received), (1, 1));
            assert_eq!((snapshot.depths.queue, snapshot.depths.in_flight), (0, 0));
        }
        kernel.join().unwrap();
    });
}

#[test]
fn a_reader_at_any_moment_sees_no_more_ended_than_accepted_and_no_more_received_than_sent() {
    loom::model(|| {
        let mailbox = open_mailbox();
        assert_eq!(mailbox.offer(&[7], false), Ok(Put::Accepted(1)));
        let kernel = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                let mut into = [0];
                assert_eq!(mailbox.take(&mut into), Ok(Take::Message(1)));
                assert_eq!(mailbox.fail(3, false), Ok(Put::Accepted(1)));
            })
        };
        let counts = mailbox.snapshot().unwrap().counts;
        assert!(counts.ended() <= counts.accepted, "{counts:?}");
        assert!(
            counts.errors_collected <= counts.error_replies,
            "{counts:?}"
        );
        kernel.join().unwrap();
        let mut into = [0];
        assert_eq!(mailbox.collect(&mut into), Ok(CollectRecords::Error(3)));
    });
}

#[test]
fn what_a_reader_measures_it_finds_counted() {
    loom::model(|| {
        let mailbox = open_mailbox();
        let sending = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.offer(&[7], false))
        };
        let kernel = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.take(&mut [0]))
        };
        let snapshot = mailbox.snapshot().unwrap();
        let (depths, counts) = (snapshot.depths, snapshot.counts);
        assert!(depths.queue <= counts.accepted, "{snapshot:?}");
        assert!(depths.in_flight <= counts.accepted, "{snapshot:?}");
        assert_eq!(sending.join().unwrap(), Ok(Put::Accepted(1)));
        kernel.join().unwrap().unwrap();
    });
}

#[test]
fn a_kernel_seen_idle_has_nothing_on_the_way() {
    loom::model(|| {
        let mailbox = open_mailbox();
        let mut into = [0];
        assert_eq!(mailbox.take(&mut into), Ok(Take::Empty));
        assert_eq!(mailbox.offer(&[7], false), Ok(Put::Accepted(1)));
        let kernel = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                let mut into = [0];
                assert_eq!(mailbox.take(&mut into), Ok(Take::Message(1)));
                mailbox.take(&mut into)
            })
        };
        if mailbox.is_idle() {
            let left = mailbox.snapshot().unwrap().counts.left_unanswered;
            assert_eq!(left, 1);
        }
        assert_eq!(kernel.join().unwrap(), Ok(Take::Empty));
        assert!(mailbox.is_idle());
    });
}

#[test]
fn of_two_that_send_at_once_one_may_be_told_busy_and_nothing_is_lost() {
    loom::model(|| {
        let mailbox = open_mailbox();
        let sending = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.offer(&[1], false))
        };
        let mine = mailbox.offer(&[2], false);
        let theirs = sending.join().unwrap();
        let sent = [mine, theirs]
            .iter()
            .filter(|sent| **sent != Err(Busy))
            .count();
        assert!(sent >= 1);
        let mut into = [0; 2];
        assert_eq!(mailbox.take(&mut into), Ok(Take::Message(sent)));
        let accepted = mailbox.snapshot().unwrap().counts.accepted;
        assert_eq!(accepted, sent as u64);
    });
}

#[test]
fn an_end_beside_a_send_accounts_for_the_message() {
    loom::model(|| {
        let mailbox = open_mailbox();
        let sending = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.offer(&[1], false))
        };
        let discarded = mailbox.end(End::Cancelled);
        let accepted = match sending.join().unwrap() {
            Ok(Put::Accepted(count)) => count as u64,
            Ok(Put::Closed) | Err(Busy) => 0,
        };
        assert_eq!(discarded, accepted);
        let counts = mailbox.snapshot().unwrap().counts;
        assert_eq!((counts.accepted, counts.discarded), (accepted, accepted));
    });
}

#[test]
fn a_caller_that_sleeps_for_a_reply_is_woken_by_it() {
    loom::model(|| {
        let mailbox = open_mailbox();
        assert_eq!(mailbox.offer(&[7], false), Ok(Put::Accepted(1)));
        let kernel = answering(&mailbox);
        let mut into = [0];
        while mailbox.collect_replies(&mut into) == Ok(0) {
            mailbox.waits().receiver.park_at_once(None); // loom reports one that is not woken
        }
        assert_eq!(into, [7]);
        kernel.join().unwrap();
    });
}

#[test]
fn a_kernel_that_sleeps_for_room_is_woken_by_whoever_collects() {
    loom::model(|| {
        let mailbox = open_mailbox();
        for reply in [1, 2] {
            assert_eq!(mailbox.reply(&[reply]), Ok(Put::Accepted(1)));
        }
        let kernel = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                while mailbox.reply(&[3]) == Ok(Put::Accepted(0)) {
                    mailbox.waits().room.park_at_once(None);
                }
            })
        };
        let mut into = [0];
        assert_eq!(mailbox.collect_replies(&mut into), Ok(1));
        assert_eq!(into, [1]);
        kernel.join().unwrap();
    });
}

#[test]
fn a_kernel_that_sleeps_for_a_message_is_woken_by_it() {
    loom::model(|| {
        let mailbox = open_mailbox();
        let kernel = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                let mut into = [0];
                while mailbox.take(&mut into) == Ok(Take::Empty) {
                    mailbox.waits().kernel.park_at_once(None);
                }
                into
            })
        };
        assert_eq!(mailbox.offer(&[7], false), Ok(Put::Accepted(1)));
        assert_eq!(kernel.join().unwrap(), [7]);
    });
}
