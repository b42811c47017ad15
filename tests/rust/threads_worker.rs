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
use _core::worker::{Bell, Handler, News, Prospect, Rope, Worker};
use rustix::thread::{Pid, gettid, sched_getaffinity};

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

/// Takes a millisecond.
///
/// # Safety
/// None of its arguments is used.
unsafe extern "C" fn take_long(_input: *const c_void, _output: *mut c_void) -> i32 {
    let until = Instant::now() + Duration::from_millis(1);
    while Instant::now() < until {
        std::hint::spin_loop();
    }
    0
}

/// Replies with the number of its thread.
///
/// # Safety
/// The second points to an `i32`.
unsafe extern "C" fn tell_thread(_input: *const c_void, output: *mut c_void) -> i32 {
    let thread = gettid().as_raw_nonzero().get();
    // SAFETY: workers hand over room for a record of the mailbox below, which has this size.
    unsafe { output.cast::<i32>().write(thread) };
    0
}

struct Bench {
    mailbox: Arc<RecordMailbox>,
    worker: Worker,
    bell: Arc<Bell>,
}

fn bench(bound: usize) -> Bench {
    bench_of(bound, add_one as *const () as usize)
}

fn bench_of(bound: usize, address: usize) -> Bench {
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
    // SAFETY: one of the functions above, which keep to their records and are always there.
    let handler = unsafe { Handler::at(address) };
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

/// Waits for a reply as a caller does, up to where a loop of events would turn.
fn receive_one(bench: &Bench) -> i32 {
    let deadline = Instant::now() + GUARD;
    let mut into = [0; 4];
    while bench.mailbox.collect_replies(&mut into).unwrap() == 0 {
        assert!(Instant::now() < deadline, "no reply came");
        match bench.worker.look_for_reply() {
            Prospect::Here => assert!(bench.mailbox.has_reply()),
            Prospect::Soon => {
                let found = bench.worker.sleep_for_reply();
                assert!(!found || bench.mailbox.has_reply());
            }
            Prospect::Later => thread::yield_now(),
        }
    }
    i32::from_ne_bytes(into)
}

#[test]
fn a_caller_that_looks_and_sleeps_gets_every_reply() {
    let bench = bench(4);
    start(&bench);
    for number in (0..5_000).map(|number| 10 * number) {
        let put = bench.mailbox.offer(&i32::to_ne_bytes(number), false);
        assert_eq!(put, Ok(Put::Accepted(1)));
        assert_eq!(receive_one(&bench), number + 1);
    }
    bench.mailbox.close_input();
    assert!(bench.worker.join(GUARD));
    let counts = bench.mailbox.snapshot().unwrap().counts;
    assert_eq!((counts.accepted, counts.answered), (5_000, 5_000));
}

#[test]
fn nobody_sleeps_for_a_kernel_without_messages() {
    let bench = bench(4);
    bench.worker.want(News::Rest);
    start(&bench);
    let deadline = Instant::now() + GUARD;
    while bench.bell.answer().is_empty() {
        assert!(Instant::now() < deadline, "it never came to rest");
        thread::yield_now();
    }
    for _ in 0..100 {
        assert_eq!(bench.worker.look_for_reply(), Prospect::Later);
    }
    bench.worker.stop();
    assert!(bench.worker.join(GUARD));
}

#[test]
fn nobody_sleeps_for_a_handler_that_took_long() {
    let bench = bench_of(4, take_long as *const () as usize);
    start(&bench);
    for _ in 0..2 {
        bench.mailbox.offer(&[0; 4], false).unwrap();
    }
    let deadline = Instant::now() + GUARD;
    while !bench.mailbox.has_reply() {
        assert!(Instant::now() < deadline, "no reply came");
        thread::yield_now();
    }
    assert_eq!(bench.mailbox.collect_replies(&mut [0; 4]), Ok(1));
    assert_eq!(bench.worker.look_for_reply(), Prospect::Later);
    bench.worker.stop();
    assert!(bench.worker.join(GUARD));
}

#[test]
fn a_worker_that_was_moved_may_use_every_core_it_could_before() {
    let bench = bench_of(4, tell_thread as *const () as usize);
    start(&bench);
    let mut thread = 0;
    for _ in 0..2_000 {
        bench.mailbox.offer(&[0; 4], false).unwrap();
        thread = receive_one(&bench);
    }
    let allowed = sched_getaffinity(None).unwrap();
    let deadline = Instant::now() + GUARD;
    while sched_getaffinity(Pid::from_raw(thread)).unwrap() != allowed {
        assert!(Instant::now() < deadline, "it was not given its cores back");
        thread::yield_now();
    }
    bench.worker.stop();
    assert!(bench.worker.join(GUARD));
}
