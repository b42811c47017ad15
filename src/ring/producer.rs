//! The end that pushes.
#![allow(unsafe_code, reason = "writes to places that the consumer gave back")]

use std::sync::Arc;
use std::time::Duration;

use super::gauge::Gauge;
use super::layout::Shape;
use super::shared::{Shared, records_between};
use crate::sync::Ordering;

/// The end of a ring that pushes. There is one, and one thread at a time has it.
#[derive(Debug)]
pub struct Producer {
    ring: Arc<Shared>,
    /// Records written; those past the last publication are seen by nobody yet.
    written: u64,
    /// The consumer's position as seen last. Real ones are never behind it.
    head: u64,
}

impl Producer {
    pub(super) fn new(ring: Arc<Shared>) -> Self {
        Self {
            ring,
            written: 0,
            head: 0,
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

    /// The position of the next record: how many were written before it.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.written
    }

    /// Whether there is room for a record.
    #[inline]
    pub fn has_room(&mut self) -> bool {
        self.room(1) == 1
    }

    /// Room there is now, at most `wanted` records.
    #[inline]
    pub fn room(&mut self, wanted: usize) -> usize {
        let bound = self.ring.shape.bound();
        if bound - records_between(self.head, self.written) < wanted {
            // Acquire: pairs with the Release in `Consumer::release`; what is written to a place
            // now comes after the reading of what lay there.
            self.head = self.ring.header().consumer.head.load(Ordering::Acquire);
        }
        wanted.min(bound - records_between(self.head, self.written))
    }

    /// Records written, those not yet published too, whose places the consumer has not given back.
    #[inline]
    pub fn depth(&mut self) -> usize {
        // Acquire: as in `room`.
        self.head = self.ring.header().consumer.head.load(Ordering::Acquire);
        records_between(self.head, self.written)
    }

    /// Writes up to `most` records for which there is room and returns how many. `fill` gets their
    /// places, in two pieces of whole records; the second is empty unless the ring's end lies
    /// between. Nobody sees them before [`Producer::publish`].
    #[inline]
    pub fn write_with(&mut self, most: usize, fill: impl FnOnce(&mut [u8], &mut [u8])) -> usize {
        let count = self.room(most);
        if count > 0 {
            // SAFETY: `room` says that these places were given back, and there is one producer.
            unsafe { self.ring.slots.write(self.written, count, fill) };
            self.written += count as u64;
        }
        count
    }

    /// Writes the first of `records`, as many as there is room for, and returns how many; see
    /// [`Producer::write_with`].
    ///
    /// # Panics
    /// Where `records` are not whole records.
    #[inline]
    pub fn write(&mut self, records: &[u8]) -> usize {
        let shape = self.ring.shape;
        let Some(offered) = shape.records_in(records.len()) else {
            let (record_bytes, length) = (shape.record_bytes(), records.len());
            panic!("records of {record_bytes} bytes in {length} bytes");
        };
        self.write_with(offered, |here, rest| {
            let (first, second) = records.split_at(here.len());
            here.copy_from_slice(first);
            if !rest.is_empty() {
                rest.copy_from_slice(&second[..rest.len()]);
            }
        })
    }

    /// Lets the consumer see what was written.
    #[inline]
    pub fn publish(&mut self) {
        // Release: pairs with the Acquire in `Consumer::available` and in `Gauge::depth`; whoever
        // sees the position sees the records and all that was done before.
        let tail = &self.ring.header().producer.tail;
        tail.store(self.written, Ordering::Release);
    }

    /// Leaves a number where the consumer has to look for records anyway; to be seen with what is
    /// published next, or a newer one.
    #[inline]
    pub fn note(&self, number: u64) {
        // Relaxed: ordered by the position published next.
        let note = &self.ring.header().producer.note;
        note.store(number, Ordering::Relaxed);
    }

    /// Writes and publishes; how many there was room for.
    ///
    /// # Panics
    /// Where `records` are not whole records.
    #[inline]
    pub fn push(&mut self, records: &[u8]) -> usize {
        let count = self.write(records);
        self.publish();
        count
    }

    /// Wakes the consumer where it waits. Once a batch is enough.
    ///
    /// The wake-up is a read-modify-write of the word that the consumer changes before it sleeps
    /// and after it looked: one of the two comes first, so either it is woken or it has seen all
    /// that was published. Publishing and looking at a flag would not do: a store may be seen
    /// after a later load (one wake-up in 100,000 was lost that way).
    #[inline]
    pub fn notify(&self) {
        self.ring.ready.unpark();
    }

    /// Waits for room, at most `timeout` long, where [`Producer::has_room`] is false. It may
    /// come back early: look again.
    pub fn wait(&self, timeout: Option<Duration>) {
        self.ring.space.park(timeout);
    }

    /// Says that no more records come, and wakes the consumer. What was published is still popped.
    pub fn close(&mut self) {
        // Release: pairs with the Acquire in `Consumer::is_closed`; who sees it sees the last
        // position.
        let closed = &self.ring.header().producer.closed;
        closed.store(1, Ordering::Release);
        self.notify();
    }
}
