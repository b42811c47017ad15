//! Queued messages whose priority is not the plain one.

use std::collections::{BTreeMap, VecDeque};

use super::Entry;

/// Lanes that may stay when they are empty. Few programs name more priorities than these, and an
/// urgent message now and then costs a third as much where its lane need not be made anew
/// (`benches/queue.rs`: 8 ns instead of 23).
const KEPT_LANES: usize = 4;

/// One queue a priority, made when it is first needed.
///
/// A binary heap was rejected: it finds its lowest entry by looking at all of them, needs a number
/// on each to keep equal ones in order, and is slower once messages pile up (`benches/queue.rs`).
#[derive(Debug)]
pub(super) struct Lanes<M> {
    by_priority: BTreeMap<u8, VecDeque<Entry<M>>>,
    len: usize,
}

impl<M> Lanes<M> {
    pub(super) const fn new() -> Self {
        Self {
            by_priority: BTreeMap::new(),
            len: 0,
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, entry: Entry<M>, priority: u8) {
        let lane = self.by_priority.entry(priority).or_default();
        lane.push_back(entry);
        self.len += 1;
    }

    /// Takes the oldest entry of a priority.
    pub(super) fn pop(&mut self, priority: u8) -> Option<Entry<M>> {
        let lane = self.by_priority.get_mut(&priority)?;
        let popped = lane.pop_front()?;
        self.len -= 1;
        if lane.is_empty() && self.by_priority.len() > KEPT_LANES {
            self.by_priority.remove(&priority);
        }
        Some(popped)
    }

    /// The oldest entry of a priority.
    pub(super) fn peek(&self, priority: u8) -> Option<&Entry<M>> {
        self.by_priority.get(&priority)?.front()
    }

    /// Highest priority queued.
    #[inline]
    pub(super) fn highest(&self) -> Option<u8> {
        if self.len == 0 {
            return None;
        }
        self.queued().next_back()
    }

    /// Lowest priority queued.
    #[inline]
    pub(super) fn lowest(&self) -> Option<u8> {
        if self.len == 0 {
            return None;
        }
        self.queued().next()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry<M>> {
        self.by_priority.values().flatten()
    }

    fn queued(&self) -> impl DoubleEndedIterator<Item = u8> {
        let lanes = self.by_priority.iter();
        lanes
            .filter(|(_, lane)| !lane.is_empty())
            .map(|(&priority, _)| priority)
    }
}
