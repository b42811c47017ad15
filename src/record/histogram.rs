//! The histogram of one kind of latency: one writer, any number of readers.

use std::ops::Range;

use crate::sync::OnceLock;

use super::buckets::{BUCKET_COUNT, index_of};
use super::{Counter, Distribution};

/// Samples kept one by one before there is a table, so that a kernel that hardly works costs 64
/// bytes here and not 5 KiB. Models of every interleaving can do with fewer.
const FEW: usize = if cfg!(pydotcompute_loom) { 1 } else { 8 };

/// Buckets of the table.
const TABLE: usize = if cfg!(pydotcompute_loom) {
    3
} else {
    BUCKET_COUNT
};

/// Bits of a word of the few that hold the bucket; the rest holds the weight.
const BUCKET_BITS: u32 = 16;

/// Weighted latencies counted by bucket ([`super::buckets`]).
///
/// Writer: the token of the kernel's side (object mailboxes: the interpreter lock). The first
/// samples lie one by one in a few words; the next one makes a table, which begins with those and
/// takes all that follow. The few words stay as they are, so a reader that finds no table yet has
/// missed nothing but newer samples.
#[derive(Debug, Default)]
pub struct Histogram {
    /// Samples recorded, whatever they weigh. Stored last and read first.
    samples: Counter,
    /// Sum of value times weight, nanoseconds; wraps after 584 years.
    sum_ns: Counter,
    /// One past the highest bucket of the table that was used.
    used_to: Counter,
    /// The lowest one that was used, counted from the table's end, so that it grows as it falls.
    used_from_end: Counter,
    /// Weight and bucket of each of the first samples; 0 where there is none yet.
    few: [Counter; FEW],
    table: OnceLock<Box<[Counter; TABLE]>>,
}

impl Histogram {
    /// Counts one latency that stands for `weight` of them; the caller is the only writer.
    ///
    /// Nothing is counted where `weight` is 0.
    #[inline]
    pub fn record(&self, value_ns: u64, weight: u32) {
        if weight == 0 {
            return;
        }
        let bucket = index_of(value_ns).min(TABLE - 1);
        let recorded = self.samples.get_own();
        let place = usize::try_from(recorded)
            .ok()
            .and_then(|at| self.few.get(at));
        if let Some(place) = place {
            place.set(packed(bucket, weight));
        } else {
            self.table()[bucket].add(weight.into());
            self.widen(bucket);
        }
        self.sum_ns.add(value_ns.wrapping_mul(weight.into()));
        self.samples.set(recorded + 1);
    }

    /// What has been counted so far.
    ///
    /// The number of samples is read first and was stored last, so no sample is among them whose
    /// weight is not in a bucket; the buckets may hold newer ones, which a later call shows too.
    #[must_use]
    pub fn read(&self) -> Distribution {
        let samples = self.samples.get();
        if samples == 0 {
            return Distribution::default();
        }
        let sum_ns = self.sum_ns.get();
        if let Some(table) = self.table.get() {
            let used = self.used();
            let counters = used.clone().zip(&table[used]);
            let buckets = counters.map(|(bucket, counter)| (bucket, counter.get()));
            Distribution::of_buckets(samples, sum_ns, buckets)
        } else {
            let few = self.few.iter().map(|place| unpacked(place.get()));
            Distribution::of_samples(samples, sum_ns, few)
        }
    }

    fn table(&self) -> &[Counter; TABLE] {
        self.table.get_or_init(|| self.promoted())
    }

    /// A table that begins with the few.
    #[cold]
    fn promoted(&self) -> Box<[Counter; TABLE]> {
        let table = Box::new(std::array::from_fn(|_| Counter::default()));
        for place in &self.few {
            let (bucket, weight) = unpacked(place.get_own());
            let counter: &Counter = &table[bucket];
            counter.add(weight);
            self.widen(bucket);
        }
        table
    }

    /// Takes a bucket into the range that is read: latencies of one kernel lie close together, and a
    /// reader of the whole table would look at ten times as many.
    ///
    /// Before `samples` is stored, so whoever sees a sample counted sees its bucket in the range.
    #[inline]
    fn widen(&self, bucket: usize) {
        self.used_to.raise_to(bucket as u64 + 1);
        self.used_from_end.raise_to((TABLE - bucket) as u64);
    }

    fn used(&self) -> Range<usize> {
        let place =
            |counter: &Counter| usize::try_from(counter.get()).map_or(TABLE, |at| at.min(TABLE));
        TABLE - place(&self.used_from_end)..place(&self.used_to)
    }
}

fn packed(bucket: usize, weight: u32) -> u64 {
    u64::from(weight) << BUCKET_BITS | bucket as u64
}

fn unpacked(word: u64) -> (usize, u64) {
    let bucket = word & ((1 << BUCKET_BITS) - 1);
    (bucket as usize, word >> BUCKET_BITS)
}
