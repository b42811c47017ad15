//! Counting by hand.

use pyo3::prelude::*;

use super::clock::{MockClock, clock_of};
use super::id_too_long;
use super::snapshot::Snapshot;
use crate::record;

/// One kernel's counts, moved by hand. Every method may be called from any number of threads.
#[pyclass(module = "pydotcompute._core", frozen)]
#[derive(Debug)]
pub(crate) struct ManualRecord(record::ManualRecord);

#[pymethods]
impl ManualRecord {
    /// ValueError where `kernel_id` is longer than `ID_BYTES` bytes of UTF-8.
    #[new]
    #[pyo3(signature = (kernel_id, *, clock = None))]
    fn new(kernel_id: &str, clock: Option<&Bound<'_, MockClock>>) -> PyResult<Self> {
        let record = record::ManualRecord::new(kernel_id, clock_of(clock));
        Ok(Self(record.map_err(id_too_long)?))
    }

    /// A message was received, and is in flight.
    fn receive(&self) {
        self.0.receive();
    }

    /// A reply was sent; it ends the oldest message in flight, where there is one.
    fn send(&self) {
        self.0.send();
    }

    /// An error happened; it ends the oldest message in flight, where there is one.
    fn error(&self) {
        self.0.error();
    }

    /// Everything at one moment.
    fn snapshot(&self) -> Snapshot {
        Snapshot(self.0.snapshot())
    }
}
