//! The record of one kernel: every count that its messages move, how long they take, and how a
//! reader sees it.
//!
//! Writers only ever add. What a reader shows after a reset is a difference of two [`Snapshot`]s,
//! so a reset touches no writer. The order of reading makes every shown term non-negative at any
//! moment: what is counted last is read first.

pub mod buckets;
mod counter;
mod distribution;
mod histogram;
mod latency;
mod layout;
mod manual;
mod snapshot;

pub use counter::Counter;
pub use distribution::{Distribution, LatencySummary};
pub use histogram::Histogram;
pub use latency::{Latencies, LatencyRecord, ShownLatency};
pub use layout::{
    CallerSide, ID_BYTES, Identity, KernelRecord, KernelSide, Lifecycle, ProducerSide, State,
};
pub use manual::ManualRecord;
pub use snapshot::{Counts, Depths, Shown, Snapshot};
