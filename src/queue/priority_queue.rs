//! The queue itself: plain messages in one line, the others in lanes beside it.

use std::collections::VecDeque;
use std::{iter, mem};

use super::Entry;
use super::lanes::Lanes;

/// The priority of a message that asks for none. Higher ones overtake it, lower ones yield to it.
pub const NORMAL_PRIORITY: u8 = 128;

/// A bounded queue: highest priority first, equal ones in order of arrival.
///
/// Messages of [`NORMAL_PRIORITY`] wait in one `VecDeque`; whoever uses no other priority pays one
/// comparison for those that do. Memory is taken for what was queued at once (up to twice that,
/// as `VecDeque` grows), never for the bound alone, and mostly kept until [`PriorityQueue::drain`].
///
/// No method drops a message: whatever leaves comes back to the caller, who drops it when the
/// queue is no longer borrowed, because a drop may run code that comes back here.
#[derive(Debug)]
pub struct PriorityQueue<M> {
    plain: VecDeque<Entry<M>>,
    lanes: Lanes<M>,
    capacity: usize,
}

impl<M> PriorityQueue<M> {
    /// An empty queue for up to `capacity` messages, at least 1. Allocates nothing yet.
    ///
    /// # Panics
    /// Where `capacity` is 0.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a queue has room for at least one message");
        Self {
            plain: VecDeque::new(),
            lanes: Lanes::new(),
            capacity,
        }
    }

    /// The bound.
    #[inline]
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many messages are queued, of all priorities.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.plain.len() + self.lanes.len()
    }

    /// Whether nothing is queued.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room.
    #[inline]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() >= self.capacity
    }

    /// Queues an entry behind those of the same priority.
    ///
    /// # Errors
    /// Gives the entry back where the queue is full.
    #[inline]
    pub fn push(&mut self, entry: Entry<M>, priority: u8) -> Result<(), Entry<M>> {
        if self.is_full() {
            return Err(entry);
        }
        self.place(entry, priority);
        Ok(())
    }

    /// Queues an entry, and makes room for it where there is none.
    ///
    /// Returns the entry that had to go: the oldest one of the lowest priority, and that is the
    /// new one itself where its priority is lower than all that are queued.
    #[inline]
    pub fn push_dropping(&mut self, entry: Entry<M>, priority: u8) -> Option<Entry<M>> {
        if !self.is_full() {
            self.place(entry, priority);
            return None;
        }
        let lane = self.last_lane();
        if priority < lane.unwrap_or(NORMAL_PRIORITY) {
            return Some(entry);
        }
        let dropped = self.pop_from(lane);
        self.place(entry, priority);
        dropped
    }

    /// Takes the oldest entry of the highest priority.
    #[inline]
    pub fn pop(&mut self) -> Option<Entry<M>> {
        self.pop_from(self.first_lane())
    }

    /// The entry that [`PriorityQueue::pop`] would take.
    #[inline]
    #[must_use]
    pub fn peek(&self) -> Option<&Entry<M>> {
        match self.first_lane() {
            Some(priority) => self.lanes.peek(priority),
            None => self.plain.front(),
        }
    }

    /// Takes all entries, in the order of [`PriorityQueue::pop`], and gives the memory back.
    #[must_use]
    pub fn drain(&mut self) -> Vec<Entry<M>> {
        let mut all = mem::replace(self, Self::new(self.capacity));
        let mut drained = Vec::with_capacity(all.len());
        drained.extend(iter::from_fn(|| all.pop()));
        drained
    }

    /// The messages queued, in any order: for the visit of a garbage collector.
    pub fn iter(&self) -> impl Iterator<Item = &M> {
        let entries = self.plain.iter().chain(self.lanes.iter());
        entries.map(|entry| &entry.message)
    }

    #[inline]
    fn place(&mut self, entry: Entry<M>, priority: u8) {
        if priority == NORMAL_PRIORITY {
            self.plain.push_back(entry);
        } else {
            self.lanes.push(entry, priority);
        }
    }

    /// The lane whose entry is next, or None where that is a plain one.
    #[inline]
    fn first_lane(&self) -> Option<u8> {
        let highest = self.lanes.highest()?;
        (highest > NORMAL_PRIORITY || self.plain.is_empty()).then_some(highest)
    }

    /// The lane of the lowest priority queued, or None where that is the plain one.
    #[inline]
    fn last_lane(&self) -> Option<u8> {
        let lowest = self.lanes.lowest()?;
        (lowest < NORMAL_PRIORITY || self.plain.is_empty()).then_some(lowest)
    }

    #[inline]
    fn pop_from(&mut self, lane: Option<u8>) -> Option<Entry<M>> {
        match lane {
            Some(priority) => self.lanes.pop(priority),
            None => self.plain.pop_front(),
        }
    }
}
