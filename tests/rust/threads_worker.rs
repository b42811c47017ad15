//! Native workers beside callers in other threads; also a program that `ThreadSanitizer` watches.
#![cfg(not(pydotcompute_loom))]
#![allow(unsafe_code, reason = "handlers are functions by their address")]

use std::ffi::c_void;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use _core::clock::Clock;
use _core::mailbox::{
    CollectRecords, End, Ledger, Put, RecordMailbox, RecordMailboxOptions, Waits,
};
use _core::record::KernelRecord;
use _core::ring::Shape;
use _core::segment::Segment;
use _core::worker::{Bell, Handler, News, Rope, Worker};

const GUARD: Duration = Duration::from_secs(20);
const MESSAGES: u32 = 20_000;
const KEY: u64 = 7;

/// Adds one; every tenth message is an error, every tenth but one has no reply.
///
/// # Safety
/// Both point to a `u32`.
unsafe extern "C" fn add_one(input: *const c_void, output: *mut c_void) -> i32 {
    // SAFETY: workers hand over whole records of the mailbox below, which are of this type.
    let number = unsafe { input.cast::<u32>().read() };
    // SAFETY: as above.
    unsafe { output.cast::<u32>().write(number + 1) };
    match number % 10 {
        9 => -5,
        8 => 1,
        _ => 0,
    }
}

struct Bench {
    mailbox: Arc<RecordMailbox>,
    worker: Worker,
    bell: Arc<Bell>,
}

fn bench(bound: usize) -> Bench {
    let shape = Shape::new(4, bound).unwrap();
    let record = Arc::new(KernelRecord::default());
    let ledger = Ledger::open(record, Clock::System, "k", 1).unwrap();
    let options = RecordMailboxOptions {
        input: shape,
        output: shape,
        replies: true,
    };
    let waits = Waits::for_this_machine();
    let mailbox = RecordMailbox::new(options, Some(ledger), &Segment::Heap, &waits).unwrap();
    let mailbox = Arc::new(mailbox);
    // SAFETY: a function of that type, which keeps to its records and is always there.
    let handler = unsafe { Handler::at(add_one as *const () as usize) };
    let worker = Worker::new(Arc::clone(&mailbox), handler.unwrap());
    let bell = Arc::new(Bell::new().unwrap());
    Bench {
        mailbox,
        worker,
        bell,
    }
}

fn start(bench: &Bench) {
    let rope = Rope::new(Arc::clone(&bench.bell), KEY);
    bench.worker.start(rope).unwrap();
    bench.mailbox.resume();
}

/// Sends all numbers, waiting for room.
fn send_all(mailbox: &RecordMailbox) {
    let mut next = 0;
    while next < MESSAGES {
        let most = (next % 7 + 1).min(MESSAGES - next);
        let records: Vec<u8> = (next..next + most).flat_map(u32::to_ne_bytes).collect();
        match mailbox.offer(&records, false).unwrap() {
            Put::Accepted(0) => {
                mailbox.waits().sender.park(Some(GUARD));
            }
            Put::Accepted(count) => next += u32::try_from(count).unwrap(),
            Put::Closed => panic!("nobody closed it"),
        }
    }
    mailbox.close_input();
}

/// Receives what `wanted` messages come to; how many replies and errors there were.
fn receive_all(mailbox: &RecordMailbox) -> (u32, u32) {
    let (mut replies, mut errors) = (0, 0);
    let mut expected = (0..MESSAGES).filter(|number| number % 10 != 8);
    let mut into = [0; 5 * 4];
    while replies + errors < MESSAGES / 10 * 9 {
        match mailbox.collect(&mut into).unwrap() {
            CollectRecords::Replies(count) => {
                for reply in into.chunks(4).take(count) {
                    let number = u32::from_ne_bytes(reply.try_into().unwrap());
                    assert_eq!(number, expected.next().unwrap() + 1);
                    replies += 1;
                }
            }
            CollectRecords::Error(code) => {
                assert_eq!((code, expected.next().unwrap() % 10), (-5, 9));
                errors += 1;
            }
            CollectRecords::Empty => {
                mailbox.waits().receiver.park(Some(GUARD));
            }
        }
    }
    (replies, errors)
}

#[test]
fn every_message_of_a_worker_is_answered_in_order_and_counted_once() {
    for bound in [1, 3, 256] {
        let bench = bench(bound);
        start(&bench);
        let mailbox = Arc::clone(&bench.mailbox);
        let sender = thread::spawn(move || send_all(&mailbox));
        let got = receive_all(&bench.mailbox);
        sender.join().unwrap();
        assert!(bench.worker.join(GUARD));
        assert_eq!(bench.mailbox.end(End::Returned), 0);
        let tenth = MESSAGES / 10;
        assert_eq!(got, (8 * tenth, tenth));
        let counts = bench.mailbox.snapshot().unwrap().counts;
        assert_eq!(counts.accepted, u64::from(MESSAGES));
        assert_eq!(counts.answered, u64::from(8 * tenth));
        assert_eq!(counts.left_unanswered, u64::from(tenth));
        assert_eq!(counts.errored, u64::from(tenth));
        assert_eq!(bench.worker.last_error(), Some(-5));
    }
}

#[test]
fn whoever_wants_to_be_told_of_a_reply_is_told() {
    let bench = bench(4);
    start(&bench);
    for number in [0_u32; 300] {
        bench.worker.want(News::Reply);
        let put = bench.mailbox.offer(&number.to_ne_bytes(), false);
        assert_eq!(put, Ok(Put::Accepted(1)));
        let deadline = Instant::now() + GUARD;
        let mut into = [0; 4];
        while bench.mailbox.collect(&mut into).unwrap() == CollectRecords::Empty {
            bench.worker.want(News::Reply);
            let is_there = bench.mailbox.has_reply();
            while !is_there && bench.bell.answer().is_empty() {
                assert!(Instant::now() < deadline, "nobody rang");
                thread::yield_now();
            }
        }
    }
    bench.mailbox.close_input();
    assert!(bench.worker.join(GUARD));
}

#[test]
fn a_worker_that_is_stopped_ends_at_rest_and_at_a_full_output() {
    let at_rest = bench(4);
    start(&at_rest);
    at_rest.worker.stop();
    assert!(at_rest.worker.join(GUARD));
    assert_eq!(at_rest.bell.answer().last(), Some(&KEY));

    let full = bench(2);
    start(&full);
    let deadline = Instant::now() + GUARD;
    while !full.worker.is_blocked() {
        assert!(Instant::now() < deadline, "it found room for all");
        full.mailbox.offer(&[0; 4], false).unwrap();
        thread::yield_now();
    }
    full.worker.stop();
    assert!(full.worker.join(GUARD));
    let discarded = full.mailbox.end(End::Cancelled);
    let counts = full.mailbox.snapshot().unwrap().counts;
    assert_eq!(counts.accepted, counts.answered + discarded);
}

#[test]
fn a_worker_waits_while_its_mailbox_is_paused() {
    let bench = bench(4);
    let rope = Rope::new(Arc::clone(&bench.bell), KEY);
    bench.mailbox.offer(&[0; 4], false).unwrap();
    bench.worker.want(News::Rest);
    bench.worker.start(rope).unwrap();
    let deadline = Instant::now() + GUARD;
    while bench.bell.answer().is_empty() {
        assert!(Instant::now() < deadline, "it never asked for a message");
        thread::yield_now();
    }
    assert_eq!(bench.mailbox.depths().queue, 1);
    bench.mailbox.resume();
    bench.mailbox.close_input();
    assert!(bench.worker.join(GUARD));
    assert!(bench.mailbox.has_reply());
}
