//! Histograms: what is recorded is what is reported, within the stated error.
#![cfg(not(pydotcompute_loom))]

use _core::record::buckets::{MAX_NS, RELATIVE_ERROR, index_of, upper_edge};
use _core::record::{Distribution, Histogram, Latencies};
use hdrhistogram::Histogram as Oracle;
use proptest::prelude::*;

type Samples = Vec<(u64, u32)>;

/// Times up to an hour, every power of two as likely as any other, and what they stand for.
fn samples(count: std::ops::Range<usize>) -> impl Strategy<Value = Samples> {
    let value_ns = (0..=MAX_NS.ilog2())
        .prop_flat_map(|power| (1_u64 << power)..(2_u64 << power))
        .prop_map(|value_ns| value_ns.min(MAX_NS));
    prop::collection::vec((value_ns, 1_u32..2000), count)
}

fn recorded(samples: &[(u64, u32)]) -> Distribution {
    let histogram = Histogram::default();
    for &(value_ns, weight) in samples {
        histogram.record(value_ns, weight);
    }
    histogram.read()
}

fn weight_of(samples: &[(u64, u32)]) -> u64 {
    samples.iter().map(|&(_, weight)| u64::from(weight)).sum()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "times up to an hour are below 2**52 ns"
)]
fn relative_error(reported_ns: u64, value_ns: u64) -> f64 {
    reported_ns.abs_diff(value_ns) as f64 / value_ns as f64
}

/// The quantile as the oracle asks for it, half a message short, so that both round to one rank.
#[expect(clippy::cast_precision_loss, reason = "a few million messages")]
fn oracle_quantile(count: u64, per_mille: u32) -> f64 {
    let rank = (count * u64::from(per_mille)).div_ceil(1000).max(1);
    (rank as f64 - 0.5) / count as f64
}

proptest! {
    #[test]
    fn quantiles_are_those_of_an_oracle_of_three_digits_within_half_the_bucket(
        samples in samples(1..200),
        per_mille in 0..=1000_u32,
    ) {
        let mut oracle = Oracle::<u64>::new_with_bounds(1, MAX_NS, 3).expect("valid bounds");
        for &(value_ns, weight) in &samples {
            oracle.record_n(value_ns, weight.into()).expect("within bounds");
        }
        let shown = recorded(&samples);
        let expected_ns = oracle.value_at_quantile(oracle_quantile(shown.count(), per_mille));
        let error = relative_error(shown.quantile_ns(per_mille).unwrap(), expected_ns);
        prop_assert!(error <= RELATIVE_ERROR / 2.0 + 1e-3, "off by {error}");
    }

    #[test]
    fn count_sum_and_maximum_are_those_of_the_samples(samples in samples(1..200)) {
        let shown = recorded(&samples);
        let longest_ns = samples.iter().map(|sample| sample.0).max().unwrap();
        let sum_ns = samples.iter().map(|&(value_ns, weight)| value_ns * u64::from(weight)).sum();
        prop_assert_eq!(shown.samples(), samples.len() as u64);
        prop_assert_eq!((shown.count(), shown.sum_ns()), (weight_of(&samples), sum_ns));
        prop_assert_eq!(shown.max_ns(), Some(upper_edge(index_of(longest_ns))));
    }

    #[test]
    fn what_came_after_a_moment_is_what_was_recorded_after_it(
        earlier in samples(0..20),
        later in samples(0..20),
    ) {
        let all: Samples = earlier.iter().chain(&later).copied().collect();
        prop_assert_eq!(recorded(&all).since(&recorded(&earlier)), recorded(&later));
    }

    #[test]
    fn two_merged_are_one_that_recorded_both(one in samples(0..20), other in samples(0..20)) {
        let all: Samples = one.iter().chain(&other).copied().collect();
        prop_assert_eq!(recorded(&one).merged(&recorded(&other)), recorded(&all));
    }

    #[test]
    fn the_reported_quantiles_ascend_to_the_maximum(samples in samples(1..50)) {
        let summary = recorded(&samples).summary().unwrap();
        prop_assert!(summary.quantiles_ns.is_sorted());
        prop_assert!(summary.quantiles_ns[3] <= summary.max_ns);
    }
}

#[test]
fn without_samples_nothing_is_reported() {
    let empty = Histogram::default().read();
    assert_eq!(empty, Distribution::default());
    assert_eq!((empty.summary(), empty.max_ns()), (None, None));
    assert_eq!(empty.quantile_ns(500), None);
}

#[test]
fn a_sample_that_stands_for_nothing_is_not_counted() {
    assert_eq!(recorded(&[(5, 0)]), Distribution::default());
}

#[test]
fn a_time_of_zero_counts_as_a_nanosecond_and_adds_nothing_to_the_sum() {
    let shown = recorded(&[(0, 1)]);
    assert_eq!((shown.sum_ns(), shown.quantile_ns(500)), (0, Some(1)));
}

#[test]
fn more_than_an_hour_shows_as_an_hour_but_in_the_sum() {
    let shown = recorded(&[(3 * MAX_NS, 2)]);
    assert!(relative_error(shown.max_ns().unwrap(), MAX_NS) <= RELATIVE_ERROR);
    assert_eq!(shown.sum_ns(), 6 * MAX_NS);
}

#[test]
fn a_heavy_sample_outweighs_many_light_ones() {
    let mut samples = vec![(1000, 1); 99];
    samples.push((10, 100));
    let shown = recorded(&samples);
    assert_eq!(shown.quantile_ns(500), Some(10));
    assert_eq!(shown.samples(), 100);
}

#[test]
fn shares_are_none_without_samples_or_uptime_and_at_most_one() {
    let mut latencies = Latencies::default();
    assert_eq!(
        latencies.shown(1000),
        _core::record::ShownLatency::default()
    );
    latencies.queue_wait = recorded(&[(10, 1), (10, 3)]);
    latencies.service = recorded(&[(100, 3)]);
    assert_eq!(latencies.shown(0).duty_ratio, None);
    assert_eq!(latencies.shown(1200).duty_ratio, Some(0.25));
    assert_eq!(latencies.shown(100).duty_ratio, Some(1.0));
    assert_eq!(latencies.shown(100).sample_rate, Some(0.5));
}
