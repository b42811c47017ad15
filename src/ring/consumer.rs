//! The end that pops.
#![allow(unsafe_code, reason = "reads what the producer published")]

use std::sync::Arc;
use std::time::Duration;

use super::gauge::Gauge;
use super::layout::Shape;
use super::shared::{Shared, records_between};
use crate::sync::Ordering;

/// The end of a ring that pops. There is one, and one thread at a time has it.
#[derive(Debug)]
pub struct Consumer {
    ring: Arc<Shared>,
    /// Records read; the places of those past the last release are still kept.
    read: u64,
    /// The producer's position as seen last. Real ones are never behind it.
    tail: u64,
}

impl Consumer {
    pub(super) fn new(ring: Arc<Shared>) -> Self {
        Self {
            ring,
            read: 0,
            tail: 0,
        }
    }

    /// Size and bound.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.ring.shape
    }

    /// How long the ring is, for anybody to see.
    #[must_use]
    pub fn gauge(&self) -> Gauge {
        Gauge::new(Arc::clone(&self.ring))
    }

    /// The position of the next record: how many were read before it.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.read
    }

    /// Whether there is no record now.
    #[inline]
    pub fn is_empty(&mut self) -> bool {
        self.available(1) == 0
    }

    /// Records there are now, at most `wanted`.
    #[inline]
    pub fn available(&mut self, wanted: usize) -> usize {
        if records_between(self.read, self.tail) < wanted {
            // Acquire: pairs with the Release in `Producer::publish`.
            self.tail = self.ring.header().producer.tail.load(Ordering::Acquire);
        }
        wanted.min(records_between(self.read, self.tail))
    }

    /// What the producer noted before it published the records that were seen last, or later; 0
    /// where it never did.
    #[inline]
    #[must_use]
    pub fn note(&self) -> u64 {
        // Relaxed: ordered by the look at the position before.
        self.ring.header().producer.note.load(Ordering::Relaxed)
    }

    /// Whether no more records come; those published may still be there.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        // Acquire: pairs with the Release in `Producer::close`.
        self.ring.header().producer.closed.load(Ordering::Acquire) == 1
    }

    /// Whether no records are there and none will come.
    pub fn is_finished(&mut self) -> bool {
        self.is_closed() && self.is_empty() // closed first: what it shows, the look after it finds
    }

    /// Reads up to `most` records and returns how many. `look` gets them in two pieces of whole
    /// records. Their places stay theirs until [`Consumer::release`].
    #[inline]
    pub fn read_with(&mut self, most: usize, look: impl FnOnce(&[u8], &[u8])) -> usize {
        let count = self.available(most);
        if count > 0 {
            // SAFETY: these were published, and their places are given back in `release` only.
            unsafe { self.ring.slots.read(self.read, count, look) };
            self.read += count as u64;
        }
        count
    }

    /// Reads as many records as `into` has room for and returns how many; see
    /// [`Consumer::read_with`].
    ///
    /// # Panics
    /// Where `into` has no room for whole records.
    #[inline]
    pub fn read(&mut self, into: &mut [u8]) -> usize {
        let shape = self.ring.shape;
        let Some(most) = shape.records_in(into.len()) else {
            let (record_bytes, length) = (shape.record_bytes(), into.len());
            panic!("records of {record_bytes} bytes into {length} bytes");
        };
        self.read_with(most, |here, rest| {
            let (first, second) = into.split_at_mut(here.len());
            first.copy_from_slice(here);
            if !rest.is_empty() {
                second[..rest.len()].copy_from_slice(rest);
            }
        })
    }

    /// Gives the places of what was read back.
    #[inline]
    pub fn release(&mut self) {
        // Release: pairs with the Acquire in `Producer::room`; the reading comes before.
        let head = &self.ring.header().consumer.head;
        head.store(self.read, Ordering::Release);
    }

    /// Reads and releases; how many records there were.
    ///
    /// # Panics
    /// Where `into` has no room for whole records.
    #[inline]
    pub fn pop(&mut self, into: &mut [u8]) -> usize {
        let count = self.read(into);
        self.release();
        count
    }

    /// Throws up to `most` records away; how many there were.
    pub fn skip(&mut self, most: usize) -> usize {
        let count = self.available(most);
        self.read += count as u64;
        self.release();
        count
    }

    /// Wakes the producer where it waits for room; see [`super::Producer::notify`].
    #[inline]
    pub fn notify(&self) {
        self.ring.space.unpark();
    }

    /// Waits for records, at most `timeout` long, where there are none. It may come
    /// back early: look again.
    pub fn wait(&self, timeout: Option<Duration>) {
        self.ring.ready.park(timeout);
    }
}
