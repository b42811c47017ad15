//! A push and a pop, beside the queues one would pick instead. Nothing is contended: the owner of
//! a queue already holds its guard, and what the rivals' own guards cost is part of their figure.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::iter;
use std::sync::{Mutex, MutexGuard};

use _core::queue::{Entry, NORMAL_PRIORITY, PriorityQueue};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use crossbeam_queue::ArrayQueue;

const CAPACITY: usize = 1024;

/// How many messages are pushed before they are popped again.
const BURSTS: [usize; 2] = [1, 64];

/// One urgent and one low message in eight; 1 of 1 is urgent, the case that pays most.
fn mixed(message: usize) -> u8 {
    match message % 8 {
        1 => 200,
        5 => 50,
        _ => NORMAL_PRIORITY,
    }
}

fn lock<T>(guarded: &Mutex<T>) -> MutexGuard<'_, T> {
    guarded.lock().expect("no holder of the lock panics")
}

/// Measures bursts through a queue, and asserts once that all that goes in comes out.
fn bursts<Q>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    mut queue: Q,
    push: impl Fn(&mut Q, usize) -> bool,
    pop: impl Fn(&mut Q) -> Option<usize>,
) {
    for burst in BURSTS {
        let mut round = || {
            let pushed = (1..=burst).filter(|&message| push(&mut queue, message));
            let pushed = pushed.count();
            let sum: usize = iter::from_fn(|| pop(&mut queue)).take(burst).sum();
            (pushed, sum)
        };
        assert_eq!(round(), (burst, burst * (burst + 1) / 2), "{name}");
        group.throughput(Throughput::Elements(burst as u64));
        group.bench_function(format!("{name}/{burst}"), |bencher| {
            bencher.iter(&mut round);
        });
    }
}

fn plain(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue plain");
    bursts(
        &mut group,
        "PriorityQueue",
        PriorityQueue::new(CAPACITY),
        |queue, message| queue.push(Entry::plain(message), NORMAL_PRIORITY).is_ok(),
        |queue| queue.pop().map(|entry| entry.message),
    );
    bursts(
        &mut group,
        "VecDeque of entries",
        VecDeque::new(),
        |queue, message| {
            queue.push_back(Entry::plain(message));
            true
        },
        |queue| queue.pop_front().map(|entry| entry.message),
    );
    bursts(
        &mut group,
        "ArrayQueue",
        ArrayQueue::new(CAPACITY),
        |queue, message| queue.push(Entry::plain(message)).is_ok(),
        |queue| queue.pop().map(|entry| entry.message),
    );
    let guarded = Mutex::new(VecDeque::new());
    bursts(
        &mut group,
        "Mutex of VecDeque",
        &guarded,
        |queue, message| {
            lock(queue).push_back(Entry::plain(message));
            true
        },
        |queue| lock(queue).pop_front().map(|entry| entry.message),
    );
    group.finish();
}

fn with_priorities(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue with priorities");
    bursts(
        &mut group,
        "PriorityQueue",
        PriorityQueue::new(CAPACITY),
        |queue, message| queue.push(Entry::plain(message), mixed(message)).is_ok(),
        |queue| queue.pop().map(|entry| entry.message),
    );
    bursts(
        &mut group,
        "BinaryHeap",
        BinaryHeap::new(),
        |queue, message| {
            queue.push((mixed(message), Reverse(message)));
            true
        },
        |queue| queue.pop().map(|(_, Reverse(message))| message),
    );
    group.finish();
}

/// Pushes into full queues: each one drops the oldest.
fn dropping(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue dropping");
    let mut queue = PriorityQueue::new(CAPACITY);
    while queue.push(Entry::plain(0), NORMAL_PRIORITY).is_ok() {}
    let mut replace = || queue.push_dropping(Entry::plain(1), NORMAL_PRIORITY);
    assert_eq!(replace(), Some(Entry::plain(0)));
    group.bench_function("PriorityQueue", |bencher| bencher.iter(&mut replace));

    let rival = ArrayQueue::new(CAPACITY);
    while rival.push(Entry::plain(0)).is_ok() {}
    let replace = || rival.force_push(Entry::plain(1));
    assert_eq!(replace(), Some(Entry::plain(0)));
    group.bench_function("ArrayQueue", |bencher| bencher.iter(replace));
    group.finish();
}

criterion_group!(benches, plain, with_priorities, dropping);
criterion_main!(benches);
