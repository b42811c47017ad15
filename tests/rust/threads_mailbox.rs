//! Mailboxes of records under real threads; also a program that `ThreadSanitizer` watches.
#![cfg(not(pydotcompute_loom))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use _core::clock::Clock;
use _core::mailbox::{
    CollectRecords, End, Ledger, Put, RecordMailbox, RecordMailboxOptions, Sampler, Take, Waits,
};
use _core::record::{KernelRecord, LatencyRecord, Snapshot};
use _core::ring::Shape;
use _core::segment::Segment;

const MESSAGES: u64 = 30_000;
const GUARD: Option<Duration> = Some(Duration::from_secs(20));

struct Party {
    mailbox: RecordMailbox,
    waits: Waits,
    done: AtomicBool,
}

impl Party {
    fn new(segment: &Segment) -> Arc<Self> {
        let options = RecordMailboxOptions {
            input: Shape::new(8, 50).unwrap(),
            output: Shape::new(8, 7).unwrap(),
            replies: true,
        };
        let record = Arc::new(KernelRecord::default());
        let ledger = Ledger::open(record, Clock::System, "k", 1).unwrap();
        let ledger = ledger.timing(Arc::new(LatencyRecord::default()), Sampler::new(1));
        let waits = Waits::for_this_machine();
        let mailbox = RecordMailbox::new(options, Some(ledger), segment, &waits).unwrap();
        mailbox.resume();
        Arc::new(Self {
            mailbox,
            waits,
            done: AtomicBool::new(false),
        })
    }

    fn send_all(&self) {
        let mut next = 0;
        while next < MESSAGES {
            let count = (next % 9 + 1).min(MESSAGES - next);
            let records: Vec<u8> = (next..next + count).flat_map(u64::to_le_bytes).collect();
            match self.mailbox.offer(&records, false) {
                Ok(Put::Accepted(0)) => {
                    self.waits.sender.park(GUARD);
                }
                Ok(Put::Accepted(accepted)) => next += accepted as u64,
                other => panic!("{other:?}"),
            }
        }
        self.mailbox.close_input();
    }

    /// Answers every third message with an error, and the others with themselves.
    fn work(&self) {
        let mut into = [0; 8];
        loop {
            match self.mailbox.take(&mut into).unwrap() {
                Take::Message(_) => self.answer(into),
                Take::Empty => {
                    self.waits.kernel.park(GUARD);
                }
                Take::End => break,
            }
        }
        assert_eq!(self.mailbox.end(End::Returned), 0);
    }

    fn answer(&self, message: [u8; 8]) {
        let number = u64::from_le_bytes(message);
        let code = i32::try_from(number).unwrap();
        let attempt = || match number % 3 {
            0 => self.mailbox.fail(code, false),
            _ => self.mailbox.reply(&message),
        };
        while attempt() == Ok(Put::Accepted(0)) {
            self.waits.room.park(GUARD);
        }
    }

    fn receive_all(&self) {
        let (mut expected, mut into) = (0, [0; 4 * 8]);
        while expected < MESSAGES {
            match self.mailbox.collect(&mut into).unwrap() {
                CollectRecords::Replies(count) => {
                    for record in into.as_chunks().0.iter().take(count) {
                        assert_eq!(u64::from_le_bytes(*record), expected);
                        expected += 1;
                    }
                }
                CollectRecords::Error(code) => {
                    assert_eq!(u64::try_from(code), Ok(expected));
                    expected += 1;
                }
                CollectRecords::Empty => {
                    self.waits.receiver.park(GUARD);
                }
            }
        }
    }

    fn look(&self) {
        while !self.done.load(Ordering::Acquire) {
            let snapshot = self.mailbox.snapshot().unwrap();
            let counts = snapshot.counts;
            assert!(counts.ended() <= counts.accepted, "{counts:?}");
            assert!(counts.collected <= counts.sent, "{counts:?}");
            assert!(
                counts.errors_collected <= counts.error_replies,
                "{counts:?}"
            );
            assert!(snapshot.depths.queue <= 50 && snapshot.depths.output <= 7);
            thread::yield_now();
        }
    }

    /// Resets at some moment, and gives the baseline.
    fn reset(&self) -> Snapshot {
        self.mailbox.snapshot().unwrap()
    }
}

fn run(party: &Arc<Party>, work: impl FnOnce(&Party) + Send + 'static) -> thread::JoinHandle<()> {
    let party = Arc::clone(party);
    thread::spawn(move || work(&party))
}

fn every_message_is_accounted_for(segment: &Segment) {
    let party = Party::new(segment);
    let looking = run(&party, Party::look);
    let works = [run(&party, Party::send_all), run(&party, Party::work)];
    let receiving = run(&party, Party::receive_all);
    let baseline = party.reset();
    for each in works.into_iter().chain([receiving]) {
        each.join().unwrap();
    }
    party.done.store(true, Ordering::Release);
    looking.join().unwrap();
    for baseline in [None, Some(&baseline)] {
        let shown = party.mailbox.snapshot().unwrap().since(baseline);
        let ended = shown.messages_processed + shown.messages_errored;
        assert_eq!(shown.messages_received, ended, "{shown:?}");
        let replies = shown.messages_sent + shown.error_replies;
        assert_eq!(replies, shown.replies_received, "{shown:?}");
    }
    let shown = party.mailbox.snapshot().unwrap().since(None);
    assert_eq!(shown.messages_received, MESSAGES);
    assert_eq!(
        (shown.error_replies, shown.errors),
        (MESSAGES / 3, MESSAGES / 3)
    );
}

#[test]
fn every_message_is_accounted_for_between_three_threads_and_also_after_a_reset_among_them() {
    every_message_is_accounted_for(&Segment::Heap);
}

#[test]
fn every_message_in_a_memory_file_is_accounted_for() {
    every_message_is_accounted_for(&Segment::memory_file(1 << 20).unwrap());
}
