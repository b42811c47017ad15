//! Records under real threads; also the programs that `ThreadSanitizer` watches.
#![cfg(not(pydotcompute_loom))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use _core::clock::Clock;
use _core::record::{Counts, KernelRecord, ManualRecord, State};

const ROUNDS: u64 = 20_000;

#[test]
fn a_reader_beside_one_writer_never_sees_a_negative_term() {
    let record = Arc::new(KernelRecord::default());
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (record, done) = (Arc::clone(&record), Arc::clone(&done));
        thread::spawn(move || {
            let mut reads = 0_u64;
            while !done.load(Ordering::Acquire) || reads == 0 {
                let counts = Counts::read(&record);
                assert!(counts.ended() <= counts.accepted, "{counts:?}");
                assert!(counts.answered_late <= counts.left_unanswered, "{counts:?}");
                assert!(counts.collected <= counts.sent, "{counts:?}");
                reads += 1;
            }
        })
    };
    record.publish("k", 1, State::Active).unwrap();
    for _ in 0..ROUNDS {
        record.producer.accepted.add(2);
        record.kernel.left_unanswered.add(1);
        record.kernel.sent.add(2);
        record.kernel.answered.add(1);
        record.kernel.answered_late.add(1);
        record.caller.collected.add(2);
    }
    done.store(true, Ordering::Release);
    reader.join().unwrap();
    assert_eq!(Counts::read(&record).accepted, 2 * ROUNDS);
}

#[test]
fn a_record_published_by_another_thread_is_whole() {
    for generation in 0..500 {
        let record = Arc::new(KernelRecord::default());
        let writer = {
            let record = Arc::clone(&record);
            thread::spawn(move || {
                record.publish("a kernel id of two words", generation, State::Active)
            })
        };
        while record.identity().is_none() {
            thread::yield_now();
        }
        let identity = record.identity().unwrap();
        assert_eq!(
            identity,
            ("a kernel id of two words".to_owned(), generation)
        );
        writer.join().unwrap().unwrap();
    }
}

#[test]
fn four_threads_counting_by_hand_lose_nothing() {
    let record = Arc::new(ManualRecord::new("k", Clock::System).unwrap());
    let threads: Vec<_> = (0..4)
        .map(|number| {
            let record = Arc::clone(&record);
            thread::spawn(move || {
                for _ in 0..ROUNDS {
                    record.receive();
                    if number == 0 {
                        record.error();
                    } else {
                        record.send();
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let snapshot = record.snapshot();
    let shown = snapshot.since(None);
    assert_eq!(shown.messages_received, 4 * ROUNDS);
    assert_eq!(
        (shown.messages_sent, shown.messages_processed),
        (3 * ROUNDS, 3 * ROUNDS)
    );
    assert_eq!((shown.errors, shown.messages_errored), (ROUNDS, ROUNDS));
    assert_eq!(snapshot.depths.in_flight, 0);
}
