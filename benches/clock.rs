//! What one reading of a clock costs, beside the standard library's and quanta's.

use std::hint::black_box;
use std::time::Instant;

use _core::clock::Clock;
use criterion::{Criterion, criterion_group, criterion_main};

/// Asserts that a clock really ticks: each kernel tick takes at most 10 ms, far less than the loop.
fn assert_ticks<T: PartialEq>(name: &str, read: impl Fn() -> T) {
    let (start, begun) = (read(), Instant::now());
    let moved = || read() != start;
    while !moved() {
        assert!(begun.elapsed().as_secs() < 1, "{name} stands still");
    }
}

fn readings(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("clock");
    let ours = black_box(Clock::System);
    let quanta = quanta::Clock::new();

    macro_rules! reading {
        ($name:literal, $read:expr) => {
            assert_ticks($name, || $read);
            group.bench_function($name, |bencher| bencher.iter(|| $read));
        };
    }
    reading!("monotonic_ns", ours.monotonic_ns());
    reading!("coarse_ns", ours.coarse_ns());
    reading!("unix_ns", ours.unix_ns());
    reading!("anchor", ours.anchor());
    reading!("std Instant::now", Instant::now());
    reading!("quanta now", quanta.now());
    reading!("quanta raw", quanta.raw());
    group.finish();
}

criterion_group!(benches, readings);
criterion_main!(benches);
