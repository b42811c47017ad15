//! Counting one latency, beside hdrhistogram at the two precisions nearest to ours.

use _core::record::buckets::{BUCKET_COUNT, MAX_NS, index_of};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hdrhistogram::Histogram;

const SAMPLE_COUNT: usize = 1024;

/// Times spread over the powers of two up to 2**41 ns (37 minutes), in the order of Knuth's
/// multiplicative hash, so that no branch predictor learns it in passing.
fn samples() -> Vec<u64> {
    let hash = |step: u64| step.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let sample = |step| (hash(step) | 1 << 63) >> (23 + hash(step) % 41);
    (1..=SAMPLE_COUNT as u64).map(sample).collect()
}

fn counting(criterion: &mut Criterion) {
    let samples = samples();
    let mut group = criterion.benchmark_group("buckets");
    group.throughput(Throughput::Elements(SAMPLE_COUNT as u64));

    let sum_of_indices = || -> usize { samples.iter().map(|&value| index_of(value)).sum() };
    assert!(sum_of_indices() > SAMPLE_COUNT);
    group.bench_function("index_of", |bencher| bencher.iter(sum_of_indices));

    let mut counts = vec![0_u64; BUCKET_COUNT];
    let mut count = || {
        for &value in &samples {
            counts[index_of(value)] += 1;
        }
    };
    count();
    group.bench_function("index_of and count", |bencher| bencher.iter(&mut count));
    assert!(counts.iter().sum::<u64>() >= SAMPLE_COUNT as u64);

    for digits in [1, 2] {
        let mut histogram = Histogram::<u64>::new_with_bounds(1, MAX_NS, digits).expect("bounds");
        let mut record = || {
            for &value in &samples {
                histogram.saturating_record(value);
            }
        };
        record();
        let name = format!("hdrhistogram of {digits} digits");
        group.bench_function(name, |bencher| bencher.iter(&mut record));
        assert!(histogram.len() >= SAMPLE_COUNT as u64);
    }
    group.finish();
}

criterion_group!(benches, counting);
criterion_main!(benches);
