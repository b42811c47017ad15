//! What both ends of a ring hold.

use std::sync::Arc;

use super::layout::{Header, Shape};
use super::slots::{Memory, Slots};
use crate::parker::Parker;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) slots: Slots,
    pub(super) shape: Shape,
    /// Where the consumer waits for records.
    pub(super) ready: Arc<Parker>,
    /// Where the producer waits for room.
    pub(super) space: Arc<Parker>,
}

impl Shared {
    pub(super) fn new(
        shape: Shape,
        memory: Box<dyn Memory>,
        ready: Arc<Parker>,
        space: Arc<Parker>,
    ) -> Self {
        Self {
            slots: Slots::new(shape, memory),
            shape,
            ready,
            space,
        }
    }

    #[inline]
    pub(super) fn header(&self) -> &Header {
        self.slots.header()
    }
}

/// A number of records, which is at most a ring's bound.
#[inline]
#[allow(
    clippy::cast_possible_truncation,
    reason = "no more records than a ring's bound lie between its positions"
)]
pub(super) fn records_between(head: u64, tail: u64) -> usize {
    (tail - head) as usize
}
