//! How long a ring is, for anybody to see.

use std::sync::Arc;

use super::shared::{Shared, records_between};
use crate::sync::Ordering;

/// Reads the length of a ring from any thread, and touches nothing.
#[derive(Clone, Debug)]
pub struct Gauge(Arc<Shared>);

impl Gauge {
    pub(super) fn new(ring: Arc<Shared>) -> Self {
        Self(ring)
    }

    /// Records in the ring: never negative and never above its bound; exact where neither end is
    /// moving.
    #[must_use]
    pub fn depth(&self) -> usize {
        let header = self.0.header();
        // Acquire: pairs with the Release in `Consumer::release`. The consumer had seen as many
        // records published, so the position read next is no smaller.
        let head = header.consumer.head.load(Ordering::Acquire);
        // Acquire: pairs with the Release in `Producer::publish`; what was counted before that is
        // seen by whoever looks at the counts next.
        let tail = header.producer.tail.load(Ordering::Acquire);
        records_between(head, tail).min(self.0.shape.bound())
    }
}
