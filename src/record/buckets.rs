//! Buckets of a latency histogram: which one a value counts in, and what a bucket stands for.
//!
//! Log-linear, the idea of `HdrHistogram` (Gil Tene): each power of two is cut into
//! [`SUB_BUCKETS`] buckets of equal width, so that the width grows with the value. A value of
//! less than twice [`SUB_BUCKETS`] has a bucket of its own. Nothing that a bucket reports (either
//! edge, or the midpoint) is further than [`RELATIVE_ERROR`] from any value counted in it; the
//! midpoint, meant for quantiles, is within half of that.
//!
//! Half as many buckets would keep the midpoint within the same error, but not the upper edge,
//! which is what a maximum is reported as.

const SUB_BUCKET_BITS: u32 = 4;

/// Buckets a power of two.
pub const SUB_BUCKETS: usize = 1 << SUB_BUCKET_BITS;

/// Bound of the relative error of every edge and midpoint, for values up to [`MAX_NS`]: 6.25 %.
pub const RELATIVE_ERROR: f64 = 1.0 / 16.0;

/// Longest time that is told apart, in nanoseconds: one hour. Longer ones count in the last bucket.
pub const MAX_NS: u64 = 3_600_000_000_000;

/// Number of buckets; 5 KiB of `u64` counts.
pub const BUCKET_COUNT: usize = index_of_positive(MAX_NS) + 1;

/// The bucket of a time in nanoseconds, in `0..BUCKET_COUNT`.
///
/// 0 counts as 1 (a clock may not have ticked between two readings), more than [`MAX_NS`] in the
/// last bucket.
#[inline]
#[must_use]
pub fn index_of(value_ns: u64) -> usize {
    index_of_positive(value_ns.max(1)).min(BUCKET_COUNT - 1)
}

/// Smallest value of a bucket, in nanoseconds, inclusive.
///
/// # Panics
/// Where `index` is not below [`BUCKET_COUNT`].
#[must_use]
pub fn lower_edge(index: usize) -> u64 {
    let (shift, leading) = parts(index);
    leading << shift
}

/// Largest value of a bucket, in nanoseconds, inclusive: one less than the next lower edge.
///
/// # Panics
/// Where `index` is not below [`BUCKET_COUNT`].
#[must_use]
pub fn upper_edge(index: usize) -> u64 {
    let (shift, leading) = parts(index);
    ((leading + 1) << shift) - 1
}

/// The value halfway between the edges of a bucket, in nanoseconds, rounded down.
///
/// # Panics
/// Where `index` is not below [`BUCKET_COUNT`].
#[must_use]
pub fn midpoint(index: usize) -> u64 {
    u64::midpoint(lower_edge(index), upper_edge(index))
}

/// The leading bits of a value (`SUB_BUCKETS..2 * SUB_BUCKETS`, or any smaller value as it is) and
/// how far they were shifted down, put side by side, less one because no value is 0.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "at most 5 leading bits are left"
)]
const fn index_of_positive(value_ns: u64) -> usize {
    let lowest_leading = 1 << SUB_BUCKET_BITS;
    let shift = u64::BITS - 1 - SUB_BUCKET_BITS - (value_ns | lowest_leading).leading_zeros();
    let leading = (value_ns >> shift) as usize;
    ((shift as usize) << SUB_BUCKET_BITS) + leading - 1
}

/// Shift and leading bits of the values in a bucket.
fn parts(index: usize) -> (usize, u64) {
    assert!(
        index < BUCKET_COUNT,
        "bucket {index} of {BUCKET_COUNT} buckets"
    );
    let place = index + 1;
    let shift = (place >> SUB_BUCKET_BITS).saturating_sub(1);
    let leading = place - (shift << SUB_BUCKET_BITS);
    (shift, leading as u64)
}
