//! A histogram as seen at one moment.

use super::buckets::{midpoint, upper_edge};

/// The quantiles that are reported, in thousandths.
const REPORTED: [u32; 4] = [500, 900, 990, 999];

/// Weighted latencies by bucket at one moment, or between two.
///
/// Buckets that hold nothing take no room, so that what was never sampled costs nothing to copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    samples: u64,
    sum_ns: u64,
    /// Bucket and weight, in ascending order of buckets, no bucket twice and no weight 0.
    buckets: Vec<(usize, u64)>,
}

/// What is reported of a distribution: counts of messages, times in nanoseconds.
///
/// Quantiles are midpoints of their buckets, within 3.2 % of the sampled value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LatencySummary {
    /// Messages that the samples stand for.
    pub count: u64,
    /// Sum over those messages.
    pub sum_ns: u64,
    /// The 50th, 90th and 99th percentile and the 99.9th.
    pub quantiles_ns: [u64; REPORTED.len()],
    /// Upper edge of the highest bucket used, within 6.25 % of the longest time sampled.
    pub max_ns: u64,
}

impl Distribution {
    /// From buckets in ascending order, none twice and none without weight.
    pub(super) fn of_buckets(samples: u64, sum_ns: u64, buckets: Vec<(usize, u64)>) -> Self {
        Self {
            samples,
            sum_ns,
            buckets,
        }
    }

    /// From single samples in any order, none without weight.
    pub(super) fn of_samples(samples: u64, sum_ns: u64, mut each: Vec<(usize, u64)>) -> Self {
        each.sort_unstable();
        each.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            kept.1 += if same { next.1 } else { 0 };
            same
        });
        Self::of_buckets(samples, sum_ns, each)
    }

    /// Samples taken, whatever they weigh.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Messages that the samples stand for: the sum over the buckets.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|&(_, weight)| weight).sum()
    }

    /// Sum over the messages that the samples stand for, nanoseconds.
    #[must_use]
    pub fn sum_ns(&self) -> u64 {
        self.sum_ns
    }

    /// The buckets used and the weight in each, in ascending order ([`super::buckets`]).
    #[must_use]
    pub fn buckets(&self) -> &[(usize, u64)] {
        &self.buckets
    }

    /// What came after `earlier`, which the same histogram showed before.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut before = earlier.buckets.iter().peekable();
        let rest = self.buckets.iter().map(|&(bucket, weight)| {
            let taken_off = before.next_if(|earlier| earlier.0 == bucket);
            let counted_before = taken_off.map_or(0, |earlier| earlier.1);
            (bucket, weight.saturating_sub(counted_before))
        });
        Self::of_buckets(
            self.samples.saturating_sub(earlier.samples),
            self.sum_ns.wrapping_sub(earlier.sum_ns),
            rest.filter(|&(_, weight)| weight > 0).collect(),
        )
    }

    /// This and `other` together, as if one histogram had counted both.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        let both = self.buckets.iter().chain(&other.buckets).copied();
        Self::of_samples(
            self.samples + other.samples,
            self.sum_ns.wrapping_add(other.sum_ns),
            both.collect(),
        )
    }

    /// The value that `per_mille` thousandths of the messages do not exceed: the midpoint of its
    /// bucket, in nanoseconds. None without samples.
    ///
    /// 0 gives the least value counted, 1000 and more the greatest.
    #[must_use]
    pub fn quantile_ns(&self, per_mille: u32) -> Option<u64> {
        self.quantiles_ns([per_mille], self.count())
            .map(|[quantile]| quantile)
    }

    /// Several quantiles in one pass; `per_milles` ascend, `count` is that of this distribution.
    fn quantiles_ns<const N: usize>(&self, per_milles: [u32; N], count: u64) -> Option<[u64; N]> {
        let mut buckets = self.buckets.iter();
        let (mut passed, mut reached) = (0, buckets.next()?);
        passed += reached.1;
        Some(per_milles.map(|per_mille| {
            let rank = rank(count, per_mille);
            while passed < rank {
                let Some(next) = buckets.next() else { break };
                (passed, reached) = (passed + next.1, next);
            }
            midpoint(reached.0)
        }))
    }

    /// Upper edge of the highest bucket used, nanoseconds. None without samples.
    #[must_use]
    pub fn max_ns(&self) -> Option<u64> {
        self.buckets.last().map(|&(bucket, _)| upper_edge(bucket))
    }

    /// What is reported, or None without samples.
    #[must_use]
    pub fn summary(&self) -> Option<LatencySummary> {
        let count = self.count();
        Some(LatencySummary {
            max_ns: self.max_ns()?,
            count,
            sum_ns: self.sum_ns,
            quantiles_ns: self.quantiles_ns(REPORTED, count)?,
        })
    }
}

/// How many of `count` messages the quantile of `per_mille` thousandths has to reach: their
/// product over 1000, rounded up, in steps that do not overflow.
fn rank(count: u64, per_mille: u32) -> u64 {
    let per_mille = u64::from(per_mille.min(1000));
    let (thousands, rest) = (count / 1000, count % 1000);
    thousands * per_mille + (rest * per_mille).div_ceil(1000)
}
