//! Every interleaving and every allowed reordering of a record's writers and readers.
#![cfg(pydotcompute_loom)]

use _core::clock::{Clock, MockClock};
use _core::record::{Counts, KernelRecord, ManualRecord, State};
use loom::sync::Arc;
use loom::thread;

#[test]
fn whoever_sees_a_record_sees_all_of_its_identity() {
    loom::model(|| {
        let record = Arc::new(KernelRecord::default());
        let writer = {
            let record = Arc::clone(&record);
            thread::spawn(move || record.publish("worker_7", 3, State::Launched).unwrap())
        };
        if let Some(identity) = record.identity() {
            assert_eq!(identity, ("worker_7".to_owned(), 3));
        }
        writer.join().unwrap();
        assert!(record.identity().is_some());
    });
}

#[test]
fn no_snapshot_shows_more_messages_ended_than_accepted() {
    loom::model(|| {
        let record = Arc::new(KernelRecord::default());
        let writer = {
            let record = Arc::clone(&record);
            thread::spawn(move || {
                record.producer.accepted.add(1);
                record.kernel.answered.add(1);
                record.producer.accepted.add(1);
                record.producer.dropped.add(1);
            })
        };
        let counts = Counts::read(&record);
        assert!(counts.ended() <= counts.accepted, "{counts:?}");
        writer.join().unwrap();
        assert_eq!(Counts::read(&record).ended(), 2);
    });
}

#[test]
fn no_snapshot_shows_more_late_answers_than_messages_left() {
    loom::model(|| {
        let record = Arc::new(KernelRecord::default());
        let writer = {
            let record = Arc::clone(&record);
            thread::spawn(move || {
                record.producer.accepted.add(1);
                record.kernel.left_unanswered.add(1);
                record.kernel.answered_late.add(1);
            })
        };
        let counts = Counts::read(&record);
        assert!(counts.answered_late <= counts.left_unanswered, "{counts:?}");
        assert!(counts.left_unanswered <= counts.accepted, "{counts:?}");
        writer.join().unwrap();
    });
}

#[test]
fn no_snapshot_shows_more_replies_collected_than_sent() {
    loom::model(|| {
        let record = Arc::new(KernelRecord::default());
        let writer = {
            let record = Arc::clone(&record);
            thread::spawn(move || {
                record.kernel.sent.add(1);
                record.caller.collected.add(1);
            })
        };
        let counts = Counts::read(&record);
        assert!(counts.collected <= counts.sent, "{counts:?}");
        writer.join().unwrap();
    });
}

#[test]
fn two_threads_counting_by_hand_lose_nothing() {
    loom::model(|| {
        let clock = Clock::Mock(MockClock::new());
        let record = Arc::new(ManualRecord::new("k", clock).unwrap());
        let other = {
            let record = Arc::clone(&record);
            thread::spawn(move || {
                record.receive();
                record.send();
            })
        };
        record.receive();
        other.join().unwrap();
        let snapshot = record.snapshot();
        let shown = snapshot.since(None);
        assert_eq!((shown.messages_received, shown.messages_sent), (2, 1));
        assert_eq!(shown.messages_processed, 1);
        assert_eq!(snapshot.depths.in_flight, 1);
    });
}
