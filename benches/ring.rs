//! Records of 64 bytes from one thread to another and back, beside the queues one would pick
//! instead. Each thread is pinned to a core of its own where there are two.
//!
//! Machines are noisy, so contestants take turns, block by block, and what counts is the median of
//! the ratios of neighbouring blocks; those lines come first. Criterion's figures are absolute.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use _core::parker::Parker;
use _core::ring::{Consumer, Producer, Shape, ring};
use _core::segment::Segment;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use crossbeam_queue::ArrayQueue;
use ringbuf::traits::{Consumer as _, Producer as _, Split};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

type Message = [u8; 64];

const CAPACITY: usize = 4096;
const CHUNK: usize = 64;
const MESSAGES: u64 = 200_000;
const ROUND_TRIPS: u64 = 20_000;
const BLOCKS: usize = 61;
const LOOKS: u32 = 200;

fn message(number: u64) -> Message {
    let mut message = [0; 64];
    for word in message.chunks_exact_mut(8) {
        word.copy_from_slice(&number.to_le_bytes());
    }
    message
}

fn number(message: &Message) -> u64 {
    let (_, last) = message.split_last_chunk().expect("64 bytes");
    u64::from_le_bytes(*last)
}

/// Puts this thread on the `place`th of the cores it may use.
fn pin(place: usize) {
    let allowed = sched_getaffinity(None).expect("Linux tells");
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU)
        .filter(|&core| allowed.is_set(core))
        .collect();
    let mut mine = CpuSet::new();
    mine.set(cores[place % cores.len()]);
    sched_setaffinity(None, &mine).expect("a core that is allowed");
}

/// Looks until `attempt` succeeds, and lets others run now and then.
fn until<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    let mut looks = 0;
    loop {
        if let Some(result) = attempt() {
            return result;
        }
        looks += 1;
        if looks % LOOKS == 0 {
            thread::yield_now();
        } else {
            std::hint::spin_loop();
        }
    }
}

/// Runs both works at once, each on its core; how long the second took. Works own their ends: in one
/// frame they would share lines.
fn together<T: Send>(
    first: impl FnOnce() + Send,
    second: impl FnOnce() -> T + Send,
) -> (Duration, T) {
    let start = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            pin(0);
            start.wait();
            first();
        });
        let timed = scope.spawn(|| {
            pin(1);
            start.wait();
            let began = Instant::now();
            let result = second();
            (began.elapsed(), result)
        });
        timed.join().expect("no contestant panics")
    })
}

fn assert_all(sum: u64) {
    assert_eq!(sum, MESSAGES * (MESSAGES - 1) / 2, "a message is missing");
}

fn one_by_one<P: Send, C: Send>(
    (mut producer, mut consumer): (P, C),
    push: impl Fn(&mut P, &Message) -> bool + Sync + Send,
    pop: impl Fn(&mut C) -> Option<Message> + Sync + Send,
) -> Duration {
    let (took, sum) = together(
        move || {
            for message in (0..MESSAGES).map(message) {
                until(|| push(&mut producer, &message).then_some(()));
            }
        },
        move || (0..MESSAGES).fold(0, |sum, _| sum + number(&until(|| pop(&mut consumer)))),
    );
    assert_all(sum);
    took
}

/// `push` gets messages, `pop` room for them, and each says how many it moved.
fn chunks<P: Send, C: Send>(
    (mut producer, mut consumer): (P, C),
    push: impl Fn(&mut P, &[Message]) -> usize + Sync + Send,
    pop: impl Fn(&mut C, &mut [Message]) -> usize + Sync + Send,
) -> Duration {
    let moved = |count: usize| (count > 0).then_some(count);
    let (took, sum) = together(
        move || {
            let mut chunk = [[0; 64]; CHUNK];
            for first in (0..MESSAGES).step_by(CHUNK) {
                for (number, place) in (first..).zip(&mut chunk) {
                    *place = message(number);
                }
                let mut rest = &chunk[..];
                while !rest.is_empty() {
                    rest = &rest[until(|| moved(push(&mut producer, rest)))..];
                }
            }
        },
        move || {
            let (mut chunk, mut sum, mut received) = ([[0; 64]; CHUNK], 0, 0);
            while received < MESSAGES {
                let count = until(|| moved(pop(&mut consumer, &mut chunk)));
                sum += chunk[..count].iter().map(number).sum::<u64>();
                received += count as u64;
            }
            sum
        },
    );
    assert_all(sum);
    took
}

fn ping_pong<P: Send, C: Send>(
    make: impl Fn() -> (P, C),
    push: impl Fn(&mut P, &Message) -> bool + Sync + Send,
    pop: impl Fn(&mut C) -> Option<Message> + Sync + Send,
) -> Duration {
    let ((mut here, mut there), (mut back, mut home)) = (make(), make());
    let (push, pop) = (&push, &pop);
    let (took, ()) = together(
        move || {
            for _ in 0..ROUND_TRIPS {
                let ping = until(|| pop(&mut there));
                assert!(push(&mut back, &ping));
            }
        },
        move || {
            for trip in 0..ROUND_TRIPS {
                assert!(push(&mut here, &message(trip)));
                assert_eq!(number(&until(|| pop(&mut home))), trip);
            }
        },
    );
    took
}

fn ours() -> (Producer, Consumer) {
    let shape = Shape::new(size_of::<Message>(), CAPACITY).expect("in range");
    let block = Segment::Heap.allocate(shape.bytes()).expect("memory");
    let parker = || Arc::new(Parker::for_this_machine());
    ring(shape, Box::new(block), parker(), parker())
}

fn push_ours(producer: &mut Producer, message: &Message) -> bool {
    producer.push(message) == 1
}

fn pop_ours(consumer: &mut Consumer) -> Option<Message> {
    let mut message = [0; 64];
    (consumer.pop(&mut message) == 1).then_some(message)
}

fn push_chunk_ours(producer: &mut Producer, messages: &[Message]) -> usize {
    let count = producer.push(messages.as_flattened());
    producer.notify();
    count
}

fn pop_chunk_ours(consumer: &mut Consumer, messages: &mut [Message]) -> usize {
    let count = consumer.pop(messages.as_flattened_mut());
    if count > 0 {
        consumer.notify();
    }
    count
}

fn rtrb_ends() -> (rtrb::Producer<Message>, rtrb::Consumer<Message>) {
    rtrb::RingBuffer::new(CAPACITY)
}

fn ringbuf_ends() -> (ringbuf::HeapProd<Message>, ringbuf::HeapCons<Message>) {
    ringbuf::HeapRb::new(CAPACITY).split()
}

fn array_queue() -> (Arc<ArrayQueue<Message>>, Arc<ArrayQueue<Message>>) {
    let queue = Arc::new(ArrayQueue::new(CAPACITY));
    (Arc::clone(&queue), queue)
}

/// A name, and how long one block takes.
type Contestant = (&'static str, fn() -> Duration);

const ONE_BY_ONE: [Contestant; 4] = [
    ("ring", || one_by_one(ours(), push_ours, pop_ours)),
    ("rtrb", || {
        one_by_one(rtrb_ends(), |p, m| p.push(*m).is_ok(), |c| c.pop().ok())
    }),
    ("ringbuf", || {
        let push = |p: &mut ringbuf::HeapProd<Message>, m: &Message| p.try_push(*m).is_ok();
        one_by_one(ringbuf_ends(), push, ringbuf::traits::Consumer::try_pop)
    }),
    ("ArrayQueue", || {
        one_by_one(array_queue(), |p, m| p.push(*m).is_ok(), |c| c.pop())
    }),
];

const CHUNKS: [Contestant; 3] = [
    ("ring, with notify", || {
        chunks(ours(), push_chunk_ours, pop_chunk_ours)
    }),
    ("rtrb", || {
        let push = |p: &mut rtrb::Producer<Message>, m: &[Message]| p.push_partial_slice(m).0.len();
        let pop =
            |c: &mut rtrb::Consumer<Message>, m: &mut [Message]| c.pop_partial_slice(m).0.len();
        chunks(rtrb_ends(), push, pop)
    }),
    ("ringbuf", || {
        let push = |p: &mut ringbuf::HeapProd<Message>, m: &[Message]| p.push_slice(m);
        let pop = |c: &mut ringbuf::HeapCons<Message>, m: &mut [Message]| c.pop_slice(m);
        chunks(ringbuf_ends(), push, pop)
    }),
];

const PING_PONG: [Contestant; 4] = [
    ("ring", || ping_pong(ours, push_ours, pop_ours)),
    ("rtrb", || {
        ping_pong(rtrb_ends, |p, m| p.push(*m).is_ok(), |c| c.pop().ok())
    }),
    ("ringbuf", || {
        let push = |p: &mut ringbuf::HeapProd<Message>, m: &Message| p.try_push(*m).is_ok();
        ping_pong(ringbuf_ends, push, ringbuf::traits::Consumer::try_pop)
    }),
    ("ArrayQueue", || {
        ping_pong(array_queue, |p, m| p.push(*m).is_ok(), |c| c.pop())
    }),
];

/// Lower quartile, median and upper quartile.
fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[values.len() * quarter / 4])
}

/// Lets contestants take turns, and prints how each compares with the first of them: above 1 where
/// the first is faster.
fn compare(title: &str, contestants: &[Contestant], each: u64) {
    let mut blocks = vec![Vec::new(); contestants.len()];
    for block in 0..BLOCKS {
        for turn in 0..contestants.len() {
            let place = (turn + block) % contestants.len();
            blocks[place].push(contestants[place].1().as_secs_f64() * 1e9);
        }
    }
    for ((name, _), times) in contestants.iter().zip(&blocks) {
        let pairs = times
            .iter()
            .zip(&blocks[0])
            .map(|(theirs, ours)| theirs / ours);
        let [low, ratio, high] = quartiles(pairs.collect());
        #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^53")]
        let nanoseconds = quartiles(times.clone())[1] / each as f64;
        println!(
            "{title}: {name}: {nanoseconds:.1} ns each, \
             time / ring's {ratio:.3} ({low:.3} to {high:.3})"
        );
    }
}

fn measure(criterion: &mut Criterion, title: &str, contestants: &[Contestant], each: u64) {
    compare(title, contestants, each);
    let mut group = criterion.benchmark_group(title);
    group.throughput(Throughput::Elements(each)).sample_size(10);
    for (name, block) in contestants {
        group.bench_function(*name, |bencher| {
            bencher.iter_custom(|blocks| (0..blocks).map(|_| block()).sum());
        });
    }
    group.finish();
}

fn rings(criterion: &mut Criterion) {
    measure(criterion, "ring chunks of 64", &CHUNKS, MESSAGES);
    measure(criterion, "ring one by one", &ONE_BY_ONE, MESSAGES);
    measure(criterion, "ring ping-pong", &PING_PONG, ROUND_TRIPS);
}

criterion_group!(benches, rings);
criterion_main!(benches);
