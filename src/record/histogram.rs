//! The histogram of one kind of latency: one writer, any number of readers.

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

/// Words that say which buckets of the table were used, a bit each.
const MARKS: usize = TABLE.div_ceil(u64::BITS as usize);

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
    /// Weight and bucket of each of the first samples; 0 where there is none yet.
    few: [Counter; FEW],
    table: OnceLock<Box<Table>>,
}

/// Weights by bucket. A reader looks at the buckets that are marked: latencies of one kernel lie
/// close together, and all that lie between its shortest and its longest are ten times as many.
#[derive(Debug)]
struct Table {
    marks: [Counter; MARKS],
    buckets: [Counter; TABLE],
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
            self.table().add(bucket, weight.into());
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
            Distribution::of_buckets(samples, sum_ns, table.read())
        } else {
            let few = self.few.iter().map(|place| unpacked(place.get()));
            let few = few.filter(|&(_, weight)| weight > 0);
            Distribution::of_samples(samples, sum_ns, few.collect())
        }
    }

    fn table(&self) -> &Table {
        self.table.get_or_init(|| self.promoted())
    }

    /// A table that begins with the few.
    #[cold]
    fn promoted(&self) -> Box<Table> {
        let table = Box::new(Table {
            marks: std::array::from_fn(|_| Counter::default()),
            buckets: std::array::from_fn(|_| Counter::default()),
        });
        for place in &self.few {
            let (bucket, weight) = unpacked(place.get_own());
            table.add(bucket, weight);
        }
        table
    }
}

impl Table {
    /// Adds to a bucket and marks it, both before `samples` is stored: whoever sees a sample counted
    /// sees its bucket marked.
    #[inline]
    fn add(&self, bucket: usize, weight: u64) {
        self.buckets[bucket].add(weight);
        let marks = &self.marks[bucket / u64::BITS as usize];
        let marked = marks.get_own() | 1 << (bucket % u64::BITS as usize);
        if marked != marks.get_own() {
            marks.set(marked);
        }
    }

    /// The buckets used and the weight in each, in ascending order.
    fn read(&self) -> Vec<(usize, u64)> {
        let marks = self.marks.each_ref().map(Counter::get);
        let count: u32 = marks.iter().map(|marks| marks.count_ones()).sum();
        let mut used = Vec::with_capacity(count as usize);
        for (word, mut left) in marks.into_iter().enumerate() {
            while left != 0 {
                let bucket = word * u64::BITS as usize + left.trailing_zeros() as usize;
                used.push((bucket, self.buckets[bucket].get()));
                left &= left - 1;
            }
        }
        used
    }
}

fn packed(bucket: usize, weight: u32) -> u64 {
    u64::from(weight) << BUCKET_BITS | bucket as u64
}

fn unpacked(word: u64) -> (usize, u64) {
    let bucket = word & ((1 << BUCKET_BITS) - 1);
    (bucket as usize, word >> BUCKET_BITS)
}
