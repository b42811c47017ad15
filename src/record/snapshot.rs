//! A record as seen at one moment, and what is shown of it.

use std::borrow::Cow;

use super::{KernelRecord, Latencies, ShownLatency, State};
use crate::clock::{Anchor, COARSE_NS};

/// Every counter of a record, since the launch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Replies handed to callers.
    pub collected: u64,
    /// Replies thrown away uncollected.
    pub replies_discarded: u64,
    /// Error replies handed to callers.
    pub errors_collected: u64,
    /// Error replies thrown away uncollected.
    pub errors_discarded: u64,
    /// Late answers to messages left before.
    pub answered_late: u64,
    /// Messages ever left without an answer.
    pub left_unanswered: u64,
    /// Messages answered while in flight.
    pub answered: u64,
    /// Messages ended in error.
    pub errored: u64,
    /// Messages queued or in flight when their kernel ended.
    pub discarded: u64,
    /// Replies put into the output queue.
    pub sent: u64,
    /// Error replies put into the output queue.
    pub error_replies: u64,
    /// Exceptions that left the kernel's code or were recorded by it.
    pub errors: u64,
    /// Accepted messages that made room for newer ones.
    pub dropped: u64,
    /// Sends refused because the queue was full.
    pub rejected: u64,
    /// Messages put into the input queue.
    pub accepted: u64,
}

impl Counts {
    /// Reads a record, what is counted last first.
    ///
    /// Each load is an Acquire and each counter was stored with Release after the ones that it
    /// depends on, so `answered_late <= left_unanswered` and `ended() <= accepted` hold at any moment.
    #[must_use]
    pub fn read(record: &KernelRecord) -> Self {
        let (caller, kernel, producer) = (&record.caller, &record.kernel, &record.producer);
        Self {
            collected: caller.collected.get(),
            replies_discarded: caller.replies_discarded.get(),
            errors_collected: caller.errors_collected.get(),
            errors_discarded: caller.errors_discarded.get(),
            answered_late: kernel.answered_late.get(),
            left_unanswered: kernel.left_unanswered.get(),
            answered: kernel.answered.get(),
            errored: kernel.errored.get(),
            discarded: kernel.discarded.get(),
            sent: kernel.sent.get(),
            error_replies: kernel.error_replies.get(),
            errors: kernel.errors.get(),
            dropped: producer.dropped.get(),
            rejected: producer.rejected.get(),
            accepted: producer.accepted.get(),
        }
    }

    /// Messages that have ended, whichever way. A late answer ends nothing a second time.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.answered + self.left_unanswered + self.errored + self.discarded + self.dropped
    }

    fn replies_collected(&self) -> u64 {
        self.collected + self.errors_collected
    }

    fn replies_thrown_away(&self) -> u64 {
        self.replies_discarded + self.errors_discarded
    }
}

/// What the queues themselves say; never computed from counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depths {
    /// Messages in the input queue.
    pub queue: u64,
    /// Messages taken and not ended.
    pub in_flight: u64,
    /// Replies and error replies in the output queue.
    pub output: u64,
}

/// Counters, depths, times and latencies of one kernel at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Counters since the launch.
    pub counts: Counts,
    /// Lengths measured at the queues.
    pub depths: Depths,
    /// Longest the input queue has been.
    pub depth_peak: u64,
    /// State of the kernel.
    pub state: State,
    /// Times the code was started again after an exception; no reset touches it.
    pub restarts: u64,
    /// When the snapshot was taken, monotonic nanoseconds.
    pub taken_ns: u64,
    /// Unix time minus monotonic time, nanoseconds.
    pub unix_offset_ns: u64,
    /// First activation, monotonic nanoseconds; 0 before it.
    pub activated_ns: u64,
    /// First activation, Unix nanoseconds; 0 before it.
    pub start_unix_ns: u64,
    /// End of the kernel, monotonic nanoseconds; 0 before it.
    pub ended_ns: u64,
    /// Newest message accepted or answered, monotonic nanoseconds; 0 before the first.
    pub last_message_ns: u64,
    /// Latencies since the launch; empty where none are timed.
    pub latencies: Latencies,
}

/// What a reader is shown: the counts since the launch or the last reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "named and explained as the fields of KernelTelemetry"
)]
pub struct Shown {
    pub messages_received: u64,
    pub messages_sent: u64,
    pub messages_processed: u64,
    pub messages_unanswered: u64,
    pub messages_errored: u64,
    pub messages_dropped: u64,
    pub messages_discarded: u64,
    pub messages_rejected: u64,
    pub errors: u64,
    pub error_replies: u64,
    pub replies_received: u64,
    pub replies_discarded: u64,
    pub uptime_ns: u64,
}

/// The offset of the launch, which stands still, unless the wall clock was set or the machine slept
/// since: then that of now.
fn unix_offset(at_launch_ns: u64, now: Anchor) -> u64 {
    let offset_ns = now.unix_ns.wrapping_sub(now.monotonic_ns);
    if offset_ns.abs_diff(at_launch_ns) > COARSE_NS {
        offset_ns
    } else {
        at_launch_ns
    }
}

impl Snapshot {
    /// Reads a record; `depths` comes from the queues, `now` from the clock. Latencies, which lie in
    /// a record of their own, are left empty.
    #[must_use]
    pub fn read(record: &KernelRecord, depths: Depths, now: Anchor) -> Self {
        let (lifecycle, kernel, producer) = (&record.lifecycle, &record.kernel, &record.producer);
        Self {
            counts: Counts::read(record),
            depths,
            depth_peak: producer.depth_peak.get(),
            state: record.state(),
            restarts: lifecycle.restarts.get(),
            taken_ns: now.monotonic_ns,
            unix_offset_ns: unix_offset(lifecycle.unix_offset_ns.get(), now),
            activated_ns: lifecycle.activated_ns.get(),
            start_unix_ns: lifecycle.start_unix_ns.get(),
            ended_ns: lifecycle.ended_ns.get(),
            last_message_ns: kernel
                .last_answered_ns
                .get()
                .max(producer.last_accepted_ns.get()),
            latencies: Latencies::default(),
        }
    }

    /// Unix time of a monotonic stamp, nanoseconds; None for 0, which means never.
    #[must_use]
    pub fn to_unix_ns(&self, stamp_ns: u64) -> Option<u64> {
        (stamp_ns != 0).then(|| stamp_ns.wrapping_add(self.unix_offset_ns))
    }

    /// Unix time of the newest message, nanoseconds.
    ///
    /// A message accepted right after the activation may carry a stamp up to one tick of the
    /// coarse clock before it; then the time of the activation is the truer one.
    #[must_use]
    pub fn last_message_unix_ns(&self) -> Option<u64> {
        let stamp = self.to_unix_ns(self.last_message_ns)?;
        let early = self.activated_ns.saturating_sub(self.last_message_ns);
        Some(if (1..=COARSE_NS).contains(&early) {
            self.start_unix_ns
        } else {
            stamp
        })
    }

    /// What is shown since `baseline`, a snapshot of the same record taken at a reset.
    ///
    /// Messages queued or in flight at the reset count as received after it, and replies waiting
    /// for a caller as sent after it: both conservation equations hold on either side of a reset.
    /// What was waiting is what had not ended or left by the counts of that one reading, not by the
    /// depths measured beside them: a thread that moves meanwhile would make the two disagree.
    /// Late answers go to the oldest message left unanswered, so those that went to messages left
    /// before the reset are told apart by position alone.
    #[must_use]
    pub fn since(&self, baseline: Option<&Self>) -> Shown {
        let none = Self::default();
        let start = baseline.unwrap_or(&none);
        let (now, base) = (&self.counts, &start.counts);
        let late = now.answered_late.saturating_sub(base.left_unanswered);
        Shown {
            messages_received: now.accepted - base.ended(),
            messages_sent: now.sent - base.collected - base.replies_discarded,
            messages_processed: now.answered - base.answered + late,
            messages_unanswered: now.left_unanswered - base.left_unanswered - late,
            messages_errored: now.errored - base.errored,
            messages_dropped: now.dropped - base.dropped,
            messages_discarded: now.discarded - base.discarded,
            messages_rejected: now.rejected - base.rejected,
            errors: now.errors - base.errors,
            error_replies: now.error_replies - base.errors_collected - base.errors_discarded,
            replies_received: now.replies_collected() - base.replies_collected(),
            replies_discarded: now.replies_thrown_away() - base.replies_thrown_away(),
            uptime_ns: self.uptime_ns(start.taken_ns),
        }
    }

    /// The latencies since `baseline`, a snapshot of the same record taken at a reset.
    ///
    /// A message taken before the reset and ended after it shows all of its service after it.
    #[must_use]
    pub fn latencies_since(&self, baseline: Option<&Self>) -> Cow<'_, Latencies> {
        baseline.map_or(Cow::Borrowed(&self.latencies), |start| {
            Cow::Owned(self.latencies.since(&start.latencies))
        })
    }

    /// What is shown of the latencies since `baseline`.
    #[must_use]
    pub fn latency_since(&self, baseline: Option<&Self>) -> ShownLatency {
        let reset_ns = baseline.map_or(0, |start| start.taken_ns);
        self.latencies_since(baseline)
            .shown(self.uptime_ns(reset_ns))
    }

    fn uptime_ns(&self, reset_ns: u64) -> u64 {
        if self.activated_ns == 0 {
            return 0;
        }
        let end = if self.ended_ns == 0 {
            self.taken_ns
        } else {
            self.ended_ns
        };
        end.saturating_sub(self.activated_ns.max(reset_ns))
    }
}
