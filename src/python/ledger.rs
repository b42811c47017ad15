//! What a mailbox counts into.

use std::sync::Arc;

use pyo3::prelude::*;

use super::clock::{MockClock, clock_of};
use super::id_too_long;
use crate::mailbox::{Ledger, Sampler};
use crate::record::{KernelRecord, LatencyRecord};

/// A ledger of a launched kernel. `latency`: messages are timed; `generation` decides which.
pub(super) fn open_ledger(
    kernel_id: &str,
    latency: bool,
    generation: u64,
    first_count: u64,
    clock: Option<&Bound<'_, MockClock>>,
) -> PyResult<Ledger> {
    let record = Arc::new(KernelRecord::default());
    let ledger = Ledger::open(record, clock_of(clock), kernel_id, generation)
        .map_err(id_too_long)?
        .counting_from(first_count);
    Ok(if latency {
        ledger.timing(Arc::new(LatencyRecord::default()), Sampler::new(generation))
    } else {
        ledger
    })
}
