//! Where a Python thread waits.

use std::time::Duration;

use pyo3::prelude::*;

use crate::parker;

/// Every wait has an end behind it: what was missed is seen then, and signals are handled.
const LONGEST: Duration = Duration::from_secs(1);

/// One thread's place to wait, outside the interpreter lock. Any thread may wake it.
#[pyclass(module = "pydotcompute._core", frozen)]
#[derive(Debug)]
pub(crate) struct Parker(parker::Parker);

#[pymethods]
impl Parker {
    #[new]
    fn new() -> Self {
        Self(parker::Parker::for_this_machine())
    }

    /// Wait until woken, at most `timeout` seconds and at most one second; whether it was woken. A
    /// wake-up that came before counts.
    #[pyo3(signature = (timeout = None))]
    fn park(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let wanted = timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let bounded = wanted.map_or(LONGEST, |wanted| wanted.min(LONGEST));
        let woken = py.detach(|| self.0.park(Some(bounded)));
        py.check_signals()?;
        Ok(woken)
    }

    /// Wake the thread that waits here, or that waits next.
    fn unpark(&self) {
        self.0.unpark();
    }
}
