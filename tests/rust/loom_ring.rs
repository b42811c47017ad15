//! Every interleaving and every allowed reordering of a ring's two ends and whoever looks on.
//! Loom's cells stand in the place of records: it refuses an access that races.
#![cfg(pydotcompute_loom)]

use std::sync::Arc as StdArc;

use _core::parker::Parker;
use _core::ring::{Consumer, Producer, Shape, ring};
use _core::segment::Segment;
use loom::thread;

fn ring_of(bound: usize) -> (Producer, Consumer) {
    let shape = Shape::new(1, bound).unwrap();
    let block = Segment::Heap.allocate(shape.bytes()).unwrap();
    let parker = || StdArc::new(Parker::new(false));
    ring(shape, Box::new(block), parker(), parker())
}

#[test]
fn records_come_out_whole_and_in_order_while_places_are_used_again() {
    loom::model(|| {
        let (mut producer, mut consumer) = ring_of(2);
        let pushing = thread::spawn(move || {
            let mut pushed = producer.push(&[1, 2]);
            pushed += producer.push(&[3]);
            (producer, pushed)
        });
        let mut into = [0; 3];
        let first = consumer.pop(&mut into);
        let second = consumer.pop(&mut into[first..]);
        let (mut producer, pushed) = pushing.join().unwrap();
        let third = consumer.pop(&mut into[first + second..]);
        assert_eq!(first + second + third, pushed);
        assert_eq!(into[..pushed], [1, 2, 3][..pushed]);
        assert_eq!(producer.push(&[4, 5, 6]), 2);
    });
}

#[test]
fn whoever_waits_for_a_record_is_woken_by_the_notification() {
    loom::model(|| {
        let (mut producer, mut consumer) = ring_of(1);
        let pushing = thread::spawn(move || {
            assert_eq!(producer.push(&[1]), 1);
            producer.notify();
        });
        let mut into = [0];
        while consumer.pop(&mut into) == 0 {
            consumer.wait(None);
        }
        assert_eq!(into, [1]);
        pushing.join().unwrap();
    });
}

#[test]
fn whoever_waits_for_room_is_woken_by_the_notification() {
    loom::model(|| {
        let (mut producer, mut consumer) = ring_of(1);
        producer.push(&[1]);
        let popping = thread::spawn(move || {
            assert_eq!(consumer.skip(1), 1);
            consumer.notify();
            consumer
        });
        while producer.push(&[2]) == 0 {
            producer.wait(None);
        }
        let mut into = [0];
        assert_eq!(popping.join().unwrap().pop(&mut into), 1);
        assert_eq!(into, [2]);
    });
}

#[test]
fn whoever_sees_the_end_has_seen_every_record() {
    loom::model(|| {
        let (mut producer, mut consumer) = ring_of(2);
        let pushing = thread::spawn(move || {
            producer.push(&[1]);
            producer.close();
        });
        let mut received = 0;
        loop {
            let finished = consumer.is_finished();
            let skipped = consumer.skip(1);
            received += skipped;
            if finished {
                assert_eq!(skipped, 0);
                break;
            }
            if skipped == 0 {
                consumer.wait(None);
            }
        }
        assert_eq!(received, 1);
        pushing.join().unwrap();
    });
}

#[test]
fn a_place_that_the_producer_saw_given_back_as_it_measured_was_read_before() {
    loom::model(|| {
        let (mut producer, mut consumer) = ring_of(1);
        producer.push(&[1]);
        let popping = thread::spawn(move || {
            let mut into = [0];
            assert_eq!(consumer.pop(&mut into), 1);
            into
        });
        if producer.depth() == 0 {
            assert_eq!(producer.push(&[2]), 1); // by what was just measured, without another look
        }
        assert_eq!(popping.join().unwrap(), [1]);
    });
}

#[test]
fn a_look_from_outside_is_never_longer_than_what_was_published() {
    loom::model(|| {
        let (mut producer, mut consumer) = ring_of(2);
        let gauge = producer.gauge();
        let pushing = thread::spawn(move || {
            producer.push(&[1]);
            producer.push(&[2]);
        });
        let popping = thread::spawn(move || consumer.skip(1));
        assert!(gauge.depth() <= 2);
        pushing.join().unwrap();
        let skipped = popping.join().unwrap();
        assert_eq!(gauge.depth(), 2 - skipped);
    });
}
