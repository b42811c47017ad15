//! How long messages wait and how long they are worked on.

use super::{Distribution, Histogram, LatencySummary};

/// The latencies of one incarnation of a kernel, beside its [`super::KernelRecord`].
///
/// Writer of both: the token of the kernel's side (object mailboxes: the interpreter lock).
#[derive(Debug, Default)]
pub struct LatencyRecord {
    /// From acceptance until the kernel took the message.
    pub queue_wait: Histogram,
    /// From then until the message ended, however it ended.
    pub service: Histogram,
}

/// The latencies of one kernel at one moment, or between two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latencies {
    /// From acceptance until the kernel took the message.
    pub queue_wait: Distribution,
    /// From then until the message ended, however it ended.
    pub service: Distribution,
}

/// What a reader is shown: the latencies since the launch or the last reset.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[allow(
    missing_docs,
    reason = "named and explained as the fields of KernelTelemetry"
)]
pub struct ShownLatency {
    pub queue_wait: Option<LatencySummary>,
    pub service: Option<LatencySummary>,
    pub sample_rate: Option<f64>,
    pub duty_ratio: Option<f64>,
}

impl Latencies {
    /// Reads a record. A service follows its wait, so services are read first: whatever sample of
    /// one is shown, the wait of the same message is too.
    #[must_use]
    pub fn read(record: &LatencyRecord) -> Self {
        let service = record.service.read();
        let queue_wait = record.queue_wait.read();
        Self {
            queue_wait,
            service,
        }
    }

    /// What came after `earlier`, which the same record showed before.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            queue_wait: self.queue_wait.since(&earlier.queue_wait),
            service: self.service.since(&earlier.service),
        }
    }

    /// Messages timed per message taken; None where none was.
    #[must_use]
    pub fn sample_rate(&self) -> Option<f64> {
        let (samples, wait) = (self.queue_wait.samples(), &self.queue_wait);
        (samples > 0).then(|| ratio(samples, wait.count()))
    }

    /// Share of `uptime_ns` nanoseconds that the services took; None where there was neither.
    #[must_use]
    pub fn duty_ratio(&self, uptime_ns: u64) -> Option<f64> {
        let has_duty = uptime_ns > 0 && self.service.samples() > 0;
        has_duty.then(|| ratio(self.service.sum_ns(), uptime_ns))
    }

    /// What is shown of them after `uptime_ns` nanoseconds.
    #[must_use]
    pub fn shown(&self, uptime_ns: u64) -> ShownLatency {
        ShownLatency {
            queue_wait: self.queue_wait.summary(),
            service: self.service.summary(),
            sample_rate: self.sample_rate(),
            duty_ratio: self.duty_ratio(uptime_ns),
        }
    }
}

/// A share, at most 1.
#[expect(clippy::cast_precision_loss, reason = "a ratio needs no more digits")]
fn ratio(part: u64, whole: u64) -> f64 {
    (part as f64 / whole as f64).min(1.0)
}
