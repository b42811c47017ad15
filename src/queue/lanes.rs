//! Queued messages whose priority is not the plain one.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::mem;

use super::Entry;

/// One queue a priority, made when it is needed and gone when it is empty.
///
/// The memory of the last one that went is kept for the next: a kernel that gets an urgent message
/// now and then would otherwise allocate for each.
///
/// A binary heap would be smaller, but it finds its lowest entry by looking at all of them, and
/// needs a number on each to keep equal ones in order.
#[derive(Debug)]
pub(super) struct Lanes<M> {
    by_priority: BTreeMap<u8, VecDeque<Entry<M>>>,
    spare: VecDeque<Entry<M>>,
    len: usize,
}

impl<M> Lanes<M> {
    pub(super) const fn new() -> Self {
        Self {
            by_priority: BTreeMap::new(),
            spare: VecDeque::new(),
            len: 0,
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn push(&mut self, entry: Entry<M>, priority: u8) {
        self.by_priority
            .entry(priority)
            .or_insert_with(|| mem::take(&mut self.spare))
            .push_back(entry);
        self.len += 1;
    }

    /// Highest priority present.
    pub(super) fn highest(&self) -> Option<u8> {
        self.by_priority.keys().next_back().copied()
    }

    /// Lowest priority present.
    pub(super) fn lowest(&self) -> Option<u8> {
        self.by_priority.keys().next().copied()
    }

    /// The oldest entry of the highest priority.
    pub(super) fn peek_highest(&self) -> Option<&Entry<M>> {
        self.by_priority.values().next_back()?.front()
    }

    /// Takes the oldest entry of the highest priority.
    pub(super) fn pop_highest(&mut self) -> Option<Entry<M>> {
        let mut lane = self.by_priority.last_entry()?;
        let popped = lane.get_mut().pop_front();
        if lane.get().is_empty() {
            self.spare = lane.remove();
        }
        self.len -= 1;
        popped
    }

    /// Takes the oldest entry of the lowest priority.
    pub(super) fn pop_lowest(&mut self) -> Option<Entry<M>> {
        let mut lane = self.by_priority.first_entry()?;
        let popped = lane.get_mut().pop_front();
        if lane.get().is_empty() {
            self.spare = lane.remove();
        }
        self.len -= 1;
        popped
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry<M>> {
        self.by_priority.values().flatten()
    }
}
