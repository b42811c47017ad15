//! Recording one latency and reading a histogram, beside hdrhistogram at the precision nearest to
//! ours that keeps our bound (two digits) and at the nearest below (one digit).

use std::hint::black_box;

use _core::record::Histogram;
use _core::record::buckets::MAX_NS;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use hdrhistogram::Histogram as Rival;

const SAMPLE_COUNT: usize = 1024;
const WEIGHT: u32 = 3;
const PER_MILLE: [u32; 4] = [500, 900, 990, 999];

/// Waits around 20 microseconds with a long tail: squares of a multiplicative hash, so that the
/// small are many and no branch predictor learns their order.
fn samples() -> Vec<u64> {
    let hash = |step: u64| step.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
    let sample = |step| 5_000 + hash(step) * hash(step) / 16_384;
    (1..=SAMPLE_COUNT as u64).map(sample).collect()
}

fn rival(digits: u8) -> Rival<u64> {
    Rival::new_with_bounds(1, MAX_NS, digits).expect("bounds")
}

fn recording(criterion: &mut Criterion) {
    let samples = samples();
    let mut group = criterion.benchmark_group("histogram record");
    group.throughput(Throughput::Elements(SAMPLE_COUNT as u64));

    let histogram = Histogram::default();
    let record = || {
        for &value_ns in &samples {
            histogram.record(value_ns, WEIGHT);
        }
    };
    record();
    assert_eq!(histogram.read().samples(), SAMPLE_COUNT as u64);
    group.bench_function("Histogram", |bencher| bencher.iter(record));

    for digits in [1, 2] {
        let mut histogram = rival(digits);
        let mut record = || {
            for &value_ns in &samples {
                histogram.saturating_record_n(value_ns, WEIGHT.into());
            }
        };
        record();
        let name = format!("hdrhistogram of {digits} digits");
        group.bench_function(name, |bencher| bencher.iter(&mut record));
        assert!(histogram.len() >= SAMPLE_COUNT as u64);
    }
    group.finish();
}

fn reading_of(group: &mut BenchmarkGroup<'_, WallTime>, sample_count: usize) {
    let histogram = Histogram::default();
    let mut oracle = rival(2);
    for &value_ns in samples().iter().take(sample_count) {
        histogram.record(value_ns, WEIGHT);
        oracle.saturating_record_n(value_ns, WEIGHT.into());
    }
    assert_eq!(histogram.read().summary().is_some(), sample_count > 0);
    group.bench_function(format!("copy/{sample_count}"), |bencher| {
        bencher.iter(|| histogram.read());
    });
    group.bench_function(format!("copy and summary/{sample_count}"), |bencher| {
        bencher.iter(|| histogram.read().summary());
    });
    group.bench_function(
        format!("hdrhistogram quantiles/{sample_count}"),
        |bencher| {
            bencher.iter(|| {
                black_box(&oracle);
                PER_MILLE.map(|per_mille| oracle.value_at_quantile(f64::from(per_mille) / 1e3))
            });
        },
    );
}

fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("histogram read");
    for sample_count in [0, 8, SAMPLE_COUNT] {
        reading_of(&mut group, sample_count);
    }
    group.finish();
}

criterion_group!(benches, recording, reading);
criterion_main!(benches);
