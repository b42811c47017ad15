//! What lies where in a ring's memory: the lines of positions, then the records.

use std::fmt;

use crate::sync::AtomicU64;

/// The largest bound of a ring, in records.
pub const MAX_BOUND: usize = 1 << 24;

/// The largest record, in bytes.
pub const MAX_RECORD_BYTES: usize = 1 << 20;

/// Size and number of a ring's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    record_bytes: usize,
    bound: usize,
}

/// Why there is no ring of some shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShapeError {
    /// The size of a record is out of range.
    RecordBytes(usize),
    /// The bound is out of range.
    Bound(usize),
}

impl fmt::Display for ShapeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RecordBytes(bytes) => {
                write!(
                    formatter,
                    "a record has 1 to {MAX_RECORD_BYTES} bytes, got {bytes}"
                )
            }
            Self::Bound(bound) => {
                write!(
                    formatter,
                    "a ring holds 1 to {MAX_BOUND} records, got {bound}"
                )
            }
        }
    }
}

impl std::error::Error for ShapeError {}

impl Shape {
    /// Records of `record_bytes` bytes, and never more than `bound` of them.
    ///
    /// # Errors
    /// Where there is no such ring: see [`MAX_RECORD_BYTES`] and [`MAX_BOUND`].
    pub fn new(record_bytes: usize, bound: usize) -> Result<Self, ShapeError> {
        if !(1..=MAX_RECORD_BYTES).contains(&record_bytes) {
            return Err(ShapeError::RecordBytes(record_bytes));
        }
        if !(1..=MAX_BOUND).contains(&bound) {
            return Err(ShapeError::Bound(bound));
        }
        Ok(Self {
            record_bytes,
            bound,
        })
    }

    /// Bytes of a record.
    #[must_use]
    pub fn record_bytes(&self) -> usize {
        self.record_bytes
    }

    /// The most records that the ring holds.
    #[must_use]
    pub fn bound(&self) -> usize {
        self.bound
    }

    /// Places for records: the bound, rounded up to a power of two, so that a position finds its
    /// place without a division.
    pub(super) fn slots(&self) -> usize {
        self.bound.next_power_of_two()
    }

    /// Records in so many bytes; None where they are no whole ones.
    #[inline]
    pub(super) fn records_in(&self, bytes: usize) -> Option<usize> {
        if bytes == self.record_bytes {
            return Some(1); // a division takes as long as the rest of a push
        }
        let count = bytes / self.record_bytes;
        (count * self.record_bytes == bytes).then_some(count)
    }

    /// Bytes of memory that the ring takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Header>() + self.slots() * self.record_bytes
    }
}

/// The positions, one writer a line. All of it 0 is a new and empty ring.
///
/// Positions count records from the ring's beginning and never wrap: 2^64 of them at one a
/// nanosecond are 584 years.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) producer: ProducerLine,
    pub(super) consumer: ConsumerLine,
}

/// Writer: the producer.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub(super) struct ProducerLine {
    /// Records published so far.
    pub(super) tail: AtomicU64,
    /// Whether no more will come: 0 or 1.
    pub(super) closed: AtomicU64,
    /// What the producer has its consumer know beside the records.
    pub(super) note: AtomicU64,
}

/// Writer: the consumer.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub(super) struct ConsumerLine {
    /// Records whose places were given back so far.
    pub(super) head: AtomicU64,
}

#[cfg(not(pydotcompute_loom))]
const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<Header>() == 256);
    assert!(offset_of!(Header, consumer) == 128);
    assert!(offset_of!(ProducerLine, closed) == 8);
    assert!(offset_of!(ProducerLine, note) == 16);
};
