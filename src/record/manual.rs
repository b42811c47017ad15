//! A record moved by hand, from any number of threads.

use super::{Counter, Depths, KernelRecord, Snapshot, State};
use crate::clock::Clock;

/// Counts for code that is no ring kernel: each call is one event, and no count is ever lost.
///
/// There is no queue behind it, so a message is accepted and taken at once. Any number of threads
/// may call any method; this is the one place that pays for read-modify-write counters.
#[derive(Debug)]
pub struct ManualRecord {
    record: KernelRecord,
    clock: Clock,
    in_flight: Counter,
}

impl ManualRecord {
    /// Makes a record that is active from now on.
    ///
    /// # Errors
    /// Gives the length back where `id` is longer than [`super::ID_BYTES`].
    pub fn new(id: &str, clock: Clock) -> Result<Self, usize> {
        let record = KernelRecord::default();
        let anchor = clock.anchor();
        let lifecycle = &record.lifecycle;
        let offset = anchor.unix_ns.wrapping_sub(anchor.monotonic_ns);
        lifecycle.unix_offset_ns.set(offset);
        lifecycle.activated_ns.set(anchor.monotonic_ns);
        lifecycle.start_unix_ns.set(anchor.unix_ns);
        record.publish(id, 0, State::Active)?;
        Ok(Self {
            record,
            clock,
            in_flight: Counter::default(),
        })
    }

    /// A message was received, and is in flight.
    pub fn receive(&self) {
        let producer = &self.record.producer;
        producer.accepted.add_shared(1);
        producer
            .last_accepted_ns
            .raise_shared_to(self.clock.coarse_ns());
        self.in_flight.add_shared(1);
    }

    /// A reply was sent; it ends the oldest message in flight, where there is one. Nothing keeps it,
    /// so it counts as collected at once.
    pub fn send(&self) {
        let kernel = &self.record.kernel;
        kernel.sent.add_shared(1);
        kernel
            .last_answered_ns
            .raise_shared_to(self.clock.coarse_ns());
        if self.in_flight.take_one_shared() {
            kernel.answered.add_shared(1);
        }
        self.record.caller.collected.add_shared(1);
    }

    /// An error happened; it ends the oldest message in flight, where there is one.
    pub fn error(&self) {
        let kernel = &self.record.kernel;
        kernel.errors.add_shared(1);
        if self.in_flight.take_one_shared() {
            kernel.errored.add_shared(1);
        }
    }

    /// Everything at one moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let depths = Depths {
            in_flight: self.in_flight.get(),
            ..Depths::default()
        };
        let offset_ns = self.record.lifecycle.unix_offset_ns.get();
        Snapshot::read(&self.record, depths, self.clock.anchor_near(offset_ns))
    }
}
