//! The ring against a `VecDeque`, and what it refuses.
#![cfg(not(pydotcompute_loom))]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use _core::parker::Parker;
use _core::ring::{Consumer, MAX_BOUND, MAX_RECORD_BYTES, Producer, Shape, ShapeError, ring};
use _core::segment::Segment;
use proptest::prelude::*;

fn ring_of(record_bytes: usize, bound: usize) -> (Producer, Consumer) {
    let shape = Shape::new(record_bytes, bound).unwrap();
    let block = Segment::Heap.allocate(shape.bytes()).unwrap();
    let parker = || Arc::new(Parker::new(false));
    ring(shape, Box::new(block), parker(), parker())
}

/// The records `first..first + count`, each filled with bytes of its number.
fn records(first: usize, count: usize, record_bytes: usize) -> Vec<u8> {
    let byte = |number: usize, at: usize| (number * 31 + at).to_le_bytes()[0];
    let record = |number| (0..record_bytes).map(move |at| byte(number, at));
    (first..first + count).flat_map(record).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Push(usize),
    Pop(usize),
    WriteUnpublished(usize),
    Publish,
    ReadUnreleased(usize),
    Release,
    Skip(usize),
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let count = 0..12_usize;
    let step = prop_oneof![
        4 => count.clone().prop_map(Step::Push),
        4 => count.clone().prop_map(Step::Pop),
        2 => count.clone().prop_map(Step::WriteUnpublished),
        2 => Just(Step::Publish),
        2 => count.clone().prop_map(Step::ReadUnreleased),
        2 => Just(Step::Release),
        1 => count.prop_map(Step::Skip),
        1 => Just(Step::Close),
    ];
    proptest::collection::vec(step, 0..200)
}

/// A ring beside what it should be.
struct Both {
    producer: Producer,
    consumer: Consumer,
    record_bytes: usize,
    bound: usize,
    written: usize,
    unpublished: usize,
    visible: VecDeque<usize>,
    unreleased: usize,
}

impl Both {
    fn new(record_bytes: usize, bound: usize) -> Self {
        let (producer, consumer) = ring_of(record_bytes, bound);
        Self {
            producer,
            consumer,
            record_bytes,
            bound,
            written: 0,
            unpublished: 0,
            visible: VecDeque::new(),
            unreleased: 0,
        }
    }

    fn room(&self) -> usize {
        self.bound - self.visible.len() - self.unpublished - self.unreleased
    }

    fn write(&mut self, count: usize) {
        let offered = records(self.written, count, self.record_bytes);
        let expected = count.min(self.room());
        assert_eq!(self.producer.write(&offered), expected);
        self.unpublished += expected;
        self.written += expected;
    }

    fn publish(&mut self) {
        self.producer.publish();
        let first = self.written - self.unpublished;
        self.visible.extend(first..self.written);
        self.unpublished = 0;
    }

    fn read(&mut self, most: usize) {
        let mut into = vec![0; most * self.record_bytes];
        let count = self.consumer.read(&mut into);
        assert_eq!(count, most.min(self.visible.len()));
        for record in into.chunks(self.record_bytes).take(count) {
            let expected = self.visible.pop_front().unwrap();
            assert_eq!(record, records(expected, 1, self.record_bytes));
        }
        self.unreleased += count;
    }

    fn release(&mut self) {
        self.consumer.release();
        self.unreleased = 0;
    }

    fn skip(&mut self, most: usize) {
        let expected = most.min(self.visible.len());
        assert_eq!(self.consumer.skip(most), expected);
        self.visible.drain(..expected);
        self.unreleased = 0;
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Push(count) => {
                self.write(count);
                self.publish();
            }
            Step::Pop(most) => {
                self.read(most);
                self.release();
            }
            Step::WriteUnpublished(count) => self.write(count),
            Step::Publish => self.publish(),
            Step::ReadUnreleased(most) => self.read(most),
            Step::Release => self.release(),
            Step::Skip(most) => self.skip(most),
            Step::Close => self.producer.close(),
        }
        assert_eq!(self.consumer.is_empty(), self.visible.is_empty());
        assert_eq!(self.producer.has_room(), self.room() > 0);
        let depth = self.visible.len() + self.unreleased;
        assert_eq!(self.producer.gauge().depth(), depth);
        assert_eq!(self.consumer.gauge().depth(), depth);
    }
}

proptest! {
    #[test]
    fn a_ring_is_a_bounded_queue_of_records(
        record_bytes in 1..40_usize, bound in 1..20_usize, steps in steps()
    ) {
        let mut both = Both::new(record_bytes, bound);
        for step in &steps {
            both.step(step);
        }
    }
}

#[test]
fn a_bound_that_is_no_power_of_two_is_kept_exactly() {
    for bound in [1, 2, 3, 5, 1000, 1025] {
        let (mut producer, mut consumer) = ring_of(3, bound);
        for lap in 0..3 {
            let offered = records(lap, bound + 1, 3);
            assert_eq!(producer.push(&offered), bound);
            assert_eq!(producer.push(&offered[..3]), 0);
            let mut into = vec![0; offered.len()];
            assert_eq!(consumer.pop(&mut into), bound);
            assert_eq!(into[..3 * bound], offered[..3 * bound]);
        }
    }
}

#[test]
fn a_record_written_in_place_comes_out_as_it_went_in() {
    let (mut producer, mut consumer) = ring_of(4, 3);
    producer.push(&records(0, 2, 4));
    consumer.skip(2);
    let written = producer.write_with(3, |here, rest| {
        assert_eq!((here.len(), rest.len()), (8, 4));
        here.copy_from_slice(&records(2, 2, 4));
        rest.copy_from_slice(&records(4, 1, 4));
    });
    assert_eq!(written, 3);
    assert!(consumer.is_empty());
    producer.publish();
    let read = consumer.read_with(9, |here, rest| {
        assert_eq!([here, rest].concat(), records(2, 3, 4));
    });
    assert_eq!(read, 3);
    assert!(!producer.has_room());
    consumer.release();
    assert_eq!(producer.room(9), 3);
}

#[test]
fn a_closed_ring_gives_what_it_has_and_is_finished_then() {
    let (mut producer, mut consumer) = ring_of(1, 2);
    producer.push(&[7]);
    assert!(!consumer.is_closed());
    producer.close();
    assert!(consumer.is_closed() && !consumer.is_finished());
    assert_eq!(consumer.skip(1), 1);
    assert!(consumer.is_finished());
}

#[test]
fn positions_count_records_from_the_beginning() {
    let (mut producer, mut consumer) = ring_of(1, 2);
    for lap in 0..5 {
        assert_eq!((producer.position(), consumer.position()), (lap, lap));
        producer.push(&[1]);
        consumer.skip(1);
    }
}

#[test]
fn whoever_is_notified_before_it_waits_does_not_wait() {
    let (mut producer, consumer) = ring_of(1, 1);
    producer.push(&[1]);
    producer.notify();
    consumer.wait(None);
    consumer.notify();
    producer.wait(None);
    producer.close();
    consumer.wait(None);
    producer.wait(Some(Duration::ZERO));
}

#[test]
fn shapes_out_of_range_say_the_limit() {
    let cases = [
        (
            0,
            1,
            ShapeError::RecordBytes(0),
            "1 to 1048576 bytes, got 0",
        ),
        (
            MAX_RECORD_BYTES + 1,
            1,
            ShapeError::RecordBytes(MAX_RECORD_BYTES + 1),
            "1048577",
        ),
        (8, 0, ShapeError::Bound(0), "1 to 16777216 records, got 0"),
        (
            8,
            MAX_BOUND + 1,
            ShapeError::Bound(MAX_BOUND + 1),
            "16777217",
        ),
    ];
    for (record_bytes, bound, error, words) in cases {
        let refused = Shape::new(record_bytes, bound).unwrap_err();
        assert_eq!(refused, error);
        assert!(refused.to_string().contains(words), "{refused}");
    }
    assert!(Shape::new(MAX_RECORD_BYTES, MAX_BOUND).is_ok());
}

#[test]
#[should_panic(expected = "records of 4 bytes in 6 bytes")]
fn a_part_of_a_record_is_not_written() {
    ring_of(4, 2).0.push(&[0; 6]);
}

#[test]
#[should_panic(expected = "records of 4 bytes into 6 bytes")]
fn a_part_of_a_record_is_not_read() {
    ring_of(4, 2).1.pop(&mut [0; 6]);
}

#[test]
#[should_panic(expected = "for Shape")]
fn memory_that_is_too_small_is_refused() {
    let shape = Shape::new(8, 8).unwrap();
    let block = Segment::Heap.allocate(shape.bytes() - 1).unwrap();
    let parker = || Arc::new(Parker::new(false));
    let _ends = ring(shape, Box::new(block), parker(), parker());
}
