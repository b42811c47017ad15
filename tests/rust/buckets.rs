//! Buckets: contiguous, ordered, and never further from a value than they say.
#![cfg(not(pydotcompute_loom))]

use _core::record::buckets::{
    BUCKET_COUNT, MAX_NS, RELATIVE_ERROR, SUB_BUCKETS, index_of, lower_edge, midpoint, upper_edge,
};
use hdrhistogram::Histogram;
use proptest::prelude::*;

/// What the product promises; the buckets are finer.
const PROMISED_ERROR: f64 = 0.07;

/// Any time up to an hour, every power of two as likely as any other.
fn latency_ns() -> impl Strategy<Value = u64> {
    (0..=MAX_NS.ilog2())
        .prop_flat_map(|power| (1_u64 << power)..(2_u64 << power))
        .prop_map(|value_ns| value_ns.min(MAX_NS))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "times up to an hour are below 2**52 ns"
)]
fn relative_error(reported_ns: u64, value_ns: u64) -> f64 {
    reported_ns.abs_diff(value_ns) as f64 / value_ns as f64
}

#[test]
fn every_bucket_holds_both_of_its_edges_and_its_midpoint() {
    for index in 0..BUCKET_COUNT {
        assert_eq!(index_of(lower_edge(index)), index);
        assert_eq!(index_of(midpoint(index)), index);
        assert_eq!(index_of(upper_edge(index)), index);
    }
}

#[test]
fn buckets_leave_no_gap_and_do_not_overlap() {
    for index in 1..BUCKET_COUNT {
        assert_eq!(lower_edge(index), upper_edge(index - 1) + 1);
    }
}

#[test]
fn buckets_reach_from_one_nanosecond_to_one_hour() {
    assert_eq!(lower_edge(0), 1);
    let last = BUCKET_COUNT - 1;
    assert!((lower_edge(last)..=upper_edge(last)).contains(&MAX_NS));
    assert_eq!(index_of(MAX_NS), last);
}

#[test]
fn zero_counts_as_one_and_more_than_an_hour_as_the_last_bucket() {
    assert_eq!(index_of(0), index_of(1));
    for value_ns in [upper_edge(BUCKET_COUNT - 1) + 1, 1 << 42, u64::MAX] {
        assert_eq!(index_of(value_ns), BUCKET_COUNT - 1);
    }
}

#[test]
fn small_values_have_buckets_of_their_own() {
    for value_ns in 1..2 * SUB_BUCKETS as u64 {
        let index = index_of(value_ns);
        assert_eq!((lower_edge(index), upper_edge(index)), (value_ns, value_ns));
    }
}

/// The proof for the whole range: the error is largest between a bucket's own edges, because the
/// distance grows towards the far edge and the value it is divided by is least at the lower one.
#[test]
fn no_bucket_spans_more_than_the_stated_error() {
    let widest = (0..BUCKET_COUNT)
        .map(|index| relative_error(upper_edge(index), lower_edge(index)))
        .fold(0.0, f64::max);
    assert!(widest <= RELATIVE_ERROR, "{widest}");
    assert!(
        widest > RELATIVE_ERROR * 0.99,
        "the bound is tight, {widest} is not"
    );
    const { assert!(RELATIVE_ERROR <= PROMISED_ERROR) };
}

#[test]
fn no_midpoint_is_further_off_than_half_the_stated_error() {
    for index in 0..BUCKET_COUNT {
        for edge_ns in [lower_edge(index), upper_edge(index)] {
            let error = relative_error(midpoint(index), edge_ns);
            assert!(error <= RELATIVE_ERROR / 2.0, "bucket {index}: {error}");
        }
    }
}

#[test]
#[should_panic(expected = "buckets")]
fn a_bucket_past_the_last_has_no_edges() {
    let _ = lower_edge(BUCKET_COUNT);
}

proptest! {
    #[test]
    fn a_longer_time_never_counts_in_an_earlier_bucket(one in any::<u64>(), other in latency_ns()) {
        let (shorter, longer) = (one.min(other), one.max(other));
        prop_assert!(index_of(shorter) <= index_of(longer));
    }

    #[test]
    fn a_value_lies_between_the_edges_of_its_bucket(value_ns in latency_ns()) {
        let index = index_of(value_ns);
        prop_assert!((lower_edge(index)..=upper_edge(index)).contains(&value_ns));
    }

    #[test]
    fn whatever_is_reported_for_a_value_is_within_the_promised_error(value_ns in latency_ns()) {
        let index = index_of(value_ns);
        for reported_ns in [lower_edge(index), midpoint(index), upper_edge(index)] {
            prop_assert!(relative_error(reported_ns, value_ns) <= PROMISED_ERROR);
        }
    }

    #[test]
    fn quantiles_agree_with_a_histogram_of_three_digits(
        samples in prop::collection::vec(latency_ns(), 1..400),
        quantile in 0.0..1.0_f64,
    ) {
        let mut oracle = Histogram::<u64>::new_with_bounds(1, MAX_NS, 3).expect("valid bounds");
        let mut counts = vec![0_u64; BUCKET_COUNT];
        for &value_ns in &samples {
            oracle.record(value_ns).expect("within bounds");
            counts[index_of(value_ns)] += 1;
        }
        let rank = oracle_rank(quantile, samples.len());
        let reported_ns = midpoint(bucket_of_rank(&counts, rank));
        let error = relative_error(reported_ns, oracle.value_at_quantile(quantile));
        prop_assert!(error <= PROMISED_ERROR, "off by {error}");
    }
}

/// How many samples lie at or below a quantile, as `hdrhistogram` counts them.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few hundred samples"
)]
fn oracle_rank(quantile: f64, sample_count: usize) -> u64 {
    (quantile * sample_count as f64).ceil().max(1.0) as u64
}

fn bucket_of_rank(counts: &[u64], rank: u64) -> usize {
    let mut passed = 0;
    let reached = counts.iter().position(|count| {
        passed += count;
        passed >= rank
    });
    reached.expect("the rank is at most the number of samples")
}
