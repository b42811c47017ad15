//! Rings under real threads; also a program that `ThreadSanitizer` watches.
#![cfg(not(pydotcompute_loom))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use _core::parker::Parker;
use _core::ring::{Consumer, Producer, Shape, ring};
use _core::segment::Segment;

const RECORDS: u64 = 60_000;
const GUARD: Option<Duration> = Some(Duration::from_secs(20));

fn ring_of(bound: usize, spins: bool, segment: &Segment) -> (Producer, Consumer) {
    let shape = Shape::new(24, bound).unwrap();
    let block = segment.allocate(shape.bytes()).unwrap();
    let parker = || Arc::new(Parker::new(spins));
    ring(shape, Box::new(block), parker(), parker())
}

fn record(number: u64) -> [u8; 24] {
    let mut record = [0; 24];
    for word in record.chunks_mut(8) {
        word.copy_from_slice(&number.to_le_bytes());
    }
    record
}

/// Pushes all records, in chunks of changing length.
fn push_all(producer: &mut Producer) {
    let mut next = 0;
    while next < RECORDS {
        let most = (next % 7 + 1).min(RECORDS - next);
        let chunk: Vec<u8> = (next..next + most).flat_map(record).collect();
        let pushed = producer.push(&chunk);
        producer.notify();
        if pushed == 0 {
            producer.wait(GUARD);
        }
        next += pushed as u64;
    }
    producer.close();
}

fn pop_all(consumer: &mut Consumer) -> u64 {
    let (mut expected, mut into) = (0, [0; 5 * 24]);
    loop {
        let finished = consumer.is_finished();
        let popped = consumer.pop(&mut into);
        for found in into.chunks(24).take(popped) {
            assert_eq!(found, record(expected));
            expected += 1;
        }
        if finished {
            return expected;
        }
        if popped == 0 {
            consumer.wait(GUARD);
        }
        consumer.notify();
    }
}

fn pass_all(bound: usize, spins: bool, segment: &Segment) {
    let (mut producer, mut consumer) = ring_of(bound, spins, segment);
    let gauge = producer.gauge();
    let done = Arc::new(AtomicBool::new(false));
    let looking = {
        let (gauge, done) = (gauge.clone(), Arc::clone(&done));
        thread::spawn(move || {
            while !done.load(Ordering::Acquire) {
                assert!(gauge.depth() <= bound);
                thread::yield_now();
            }
        })
    };
    let pushing = thread::spawn(move || push_all(&mut producer));
    assert_eq!(pop_all(&mut consumer), RECORDS);
    pushing.join().unwrap();
    done.store(true, Ordering::Release);
    looking.join().unwrap();
    assert_eq!(gauge.depth(), 0);
}

#[test]
fn every_record_arrives_once_and_in_order_whatever_the_bound() {
    for bound in [1, 3, 64] {
        pass_all(bound, true, &Segment::Heap);
    }
}

#[test]
fn no_wake_up_is_lost_where_nobody_looks_before_sleeping() {
    pass_all(2, false, &Segment::Heap);
}

#[test]
fn a_ring_in_a_memory_file_is_the_same() {
    pass_all(100, true, &Segment::memory_file(1 << 20).unwrap());
}
