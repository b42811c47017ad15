//! What a mailbox writes into its kernel's records.

use std::sync::Arc;

use super::Sampler;
use crate::clock::Clock;
use crate::queue::Sample;
use crate::record::{Depths, KernelRecord, Latencies, LatencyRecord, Snapshot, State};

/// The one writer of a kernel's records: what moves and what is counted are the same call.
///
/// The token that makes it the one writer is the exclusive borrow of the mailbox that holds it, or
/// of that end of a record mailbox whose side of the record it writes.
#[derive(Debug)]
pub struct Ledger {
    record: Arc<KernelRecord>,
    timing: Option<Timing>,
    clock: Clock,
}

#[derive(Debug)]
struct Timing {
    record: Arc<LatencyRecord>,
    sampler: Sampler,
}

impl Ledger {
    /// Publishes `record` as the kernel `id`, launched.
    ///
    /// # Errors
    /// Gives the length back where `id` is longer than [`crate::record::ID_BYTES`].
    pub fn open(
        record: Arc<KernelRecord>,
        clock: Clock,
        id: &str,
        generation: u64,
    ) -> Result<Self, usize> {
        let anchor = clock.anchor();
        let offset = anchor.unix_ns.wrapping_sub(anchor.monotonic_ns);
        record.lifecycle.unix_offset_ns.set(offset);
        record.publish(id, generation, State::Launched)?;
        Ok(Self {
            record,
            timing: None,
            clock,
        })
    }

    /// Times messages too, the ones that `sampler` picks; without this call none are.
    #[must_use]
    pub fn timing(mut self, record: Arc<LatencyRecord>, sampler: Sampler) -> Self {
        self.timing = Some(Timing { record, sampler });
        self
    }

    /// Counts on from a past in which everything that is counted happened `first_count` times, so
    /// that a test need not wait until counts are large.
    ///
    /// A message ends in one of five ways, so five times as many were accepted; the replies of that
    /// past were collected, and its error replies thrown away.
    #[must_use]
    pub fn counting_from(self, first_count: u64) -> Self {
        let (kernel, producer, caller) = (
            &self.record.kernel,
            &self.record.producer,
            &self.record.caller,
        );
        let endings = [
            &kernel.answered,
            &kernel.left_unanswered,
            &kernel.errored,
            &kernel.discarded,
            &producer.dropped,
        ];
        let replies = [
            &kernel.sent,
            &kernel.error_replies,
            &caller.collected,
            &caller.errors_discarded,
        ];
        let others = [
            &kernel.errors,
            &producer.rejected,
            &self.record.lifecycle.restarts,
        ];
        producer
            .accepted
            .set(first_count.wrapping_mul(endings.len() as u64));
        for counter in endings.iter().chain(&replies).chain(&others) {
            counter.set(first_count);
        }
        self
    }

    /// The record written.
    #[must_use]
    pub fn record(&self) -> &Arc<KernelRecord> {
        &self.record
    }

    /// Stores the state; the first activation and the end are stamped.
    pub fn set_state(&self, state: State) {
        let lifecycle = &self.record.lifecycle;
        match state {
            State::Active if lifecycle.activated_ns.get_own() == 0 => {
                let anchor = self.clock.anchor();
                lifecycle.start_unix_ns.set(anchor.unix_ns);
                lifecycle.activated_ns.set(anchor.monotonic_ns);
            }
            State::Terminated | State::Failed if lifecycle.ended_ns.get_own() == 0 => {
                lifecycle.ended_ns.set(self.clock.monotonic_ns());
            }
            _ => {}
        }
        self.record.set_state(state);
    }

    /// Everything at one moment.
    #[must_use]
    pub fn snapshot(&self, depths: Depths) -> Snapshot {
        let timed = self.timing.as_ref();
        let offset_ns = self.record.lifecycle.unix_offset_ns.get_own();
        let now = self.clock.anchor_near(offset_ns);
        Snapshot {
            latencies: timed.map_or_else(Latencies::default, |t| Latencies::read(&t.record)),
            ..Snapshot::read(&self.record, depths, now)
        }
    }

    /// The sampler, for an end that keeps one of its own; None where nothing is timed.
    pub(super) fn sampler(&self) -> Option<Sampler> {
        self.timing.as_ref().map(|timing| timing.sampler.clone())
    }

    /// Now, monotonic nanoseconds.
    pub(super) fn now_ns(&self) -> u64 {
        self.clock.monotonic_ns()
    }

    /// Whether the message accepted now is timed.
    #[inline]
    pub(super) fn sample(&mut self) -> Sample {
        let clock = &self.clock;
        match &mut self.timing {
            Some(timing) => timing.sampler.pick(|| clock.monotonic_ns()),
            None => Sample::NONE,
        }
    }

    /// A timed message is taken: its wait ends, and the stamp returned is where its service begins.
    pub(super) fn timed_wait(&self, sample: Sample) -> Sample {
        let now_ns = self.clock.monotonic_ns();
        if let Some(timing) = &self.timing {
            let wait_ns = now_ns.saturating_sub(sample.stamp_ns);
            timing.record.queue_wait.record(wait_ns, sample.weight);
        }
        Sample {
            stamp_ns: now_ns,
            ..sample
        }
    }

    /// A timed message has ended.
    pub(super) fn timed_service(&self, sample: Sample) {
        if let Some(timing) = &self.timing {
            let service_ns = self.clock.monotonic_ns().saturating_sub(sample.stamp_ns);
            timing.record.service.record(service_ns, sample.weight);
        }
    }

    /// So many messages were accepted, and the queue holds `depth` of them now.
    #[inline]
    pub(super) fn accepted(&self, count: u64, depth: u64) {
        let producer = &self.record.producer;
        producer.accepted.add(count);
        producer.depth_peak.raise_to(depth);
        producer.last_accepted_ns.set(self.clock.coarse_ns());
    }

    pub(super) fn dropped(&self, count: u64) {
        self.record.producer.dropped.add(count);
    }

    /// The greatest depth so far, for who accepts messages.
    pub(super) fn queue_depth_peak(&self) -> u64 {
        self.record.producer.depth_peak.get_own()
    }

    pub(super) fn rejected(&self, count: u64) {
        self.record.producer.rejected.add(count);
    }

    #[inline]
    pub(super) fn sent(&self, count: u64) {
        let kernel = &self.record.kernel;
        kernel.sent.add(count);
        kernel.last_answered_ns.set(self.clock.coarse_ns());
    }

    pub(super) fn error_replied(&self) {
        self.record.kernel.error_replies.add(1);
    }

    #[inline]
    pub(super) fn answered(&self, count: u64) {
        self.record.kernel.answered.add(count);
    }

    pub(super) fn unanswered(&self, count: u64) {
        self.record.kernel.left_unanswered.add(count);
    }

    /// A reply came with nothing in flight: it answers the oldest message left unanswered, if any.
    pub(super) fn answered_late(&self) {
        let kernel = &self.record.kernel;
        if kernel.answered_late.get_own() < kernel.left_unanswered.get_own() {
            kernel.answered_late.add(1);
        }
    }

    /// Of some replies so many came to marked messages, of so many that came to no unmarked one.
    #[cold]
    pub(super) fn answered_otherwise(&self, marked: u64, count: u64) {
        self.errored(marked);
        for _ in marked..count {
            self.answered_late();
        }
    }

    pub(super) fn errored(&self, count: u64) {
        self.record.kernel.errored.add(count);
    }

    pub(super) fn discarded(&self, count: u64) {
        self.record.kernel.discarded.add(count);
    }

    pub(super) fn error(&self) {
        self.record.kernel.errors.add(1);
    }

    pub(super) fn restarted(&self) {
        self.record.lifecycle.restarts.add(1);
    }

    #[inline]
    pub(super) fn collected(&self, count: u64) {
        self.record.caller.collected.add(count);
    }

    pub(super) fn error_collected(&self) {
        self.record.caller.errors_collected.add(1);
    }

    pub(super) fn replies_discarded(&self, replies: u64, errors: u64) {
        self.record.caller.replies_discarded.add(replies);
        self.record.caller.errors_discarded.add(errors);
    }
}
