//! The time at which a parked kernel stops to wait.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::fast_path::FastPath;
use crate::clock::Clock;
use crate::gil::GilCell;

type Object = Py<PyAny>;

/// One timer for all the waits of a kernel that end in time mostly: each wait notes until when it
/// lasts, and the timer, when it fires, is set anew for the wait that goes on then.
#[derive(Debug)]
pub(super) struct Timer {
    /// The loop, where it keeps the time of `CLOCK_MONOTONIC`.
    home: Option<Object>,
    set: GilCell<Set>,
}

#[derive(Debug, Default)]
struct Set {
    handle: Option<Object>,
    fires_ns: u64,
    deadline_ns: Option<u64>,
}

/// Loops that count milliseconds would take less for nothing, and come back at once.
const SHORTEST_NS: u64 = 1_000_000;

#[allow(
    clippy::cast_precision_loss,
    reason = "seconds of a timer, good to a microsecond"
)]
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be 0 or more; what is too large for a u64 is for ever"
)]
fn ns(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

impl Timer {
    pub(super) fn new(home: Option<Object>) -> Self {
        Self {
            home,
            set: GilCell::new(Set::default()),
        }
    }

    /// Whether it can be used: the loop keeps the time it goes by.
    pub(super) fn keeps_time(&self) -> bool {
        self.home.is_some()
    }

    /// Begins a wait of so many seconds; until when it lasts.
    pub(super) fn wait_until(
        &self,
        path: &Py<FastPath>,
        py: Python<'_>,
        seconds: f64,
    ) -> PyResult<u64> {
        let now_ns = Clock::System.monotonic_ns();
        let deadline_ns = now_ns.saturating_add(ns(seconds));
        let is_set = self.set.with(py, |set| {
            set.deadline_ns = Some(deadline_ns);
            set.handle.is_some() && set.fires_ns <= deadline_ns
        });
        if !is_set {
            self.fire_at(path.bind(py), now_ns, deadline_ns)?;
        }
        Ok(deadline_ns)
    }

    #[inline]
    pub(super) fn wait_no_more(&self, py: Python<'_>) {
        self.set.with(py, |set| set.deadline_ns = None);
    }

    /// It has fired: whether the wait that goes on is over.
    pub(super) fn is_due(&self, path: &Bound<'_, FastPath>) -> PyResult<bool> {
        let py = path.py();
        let (before, deadline_ns) = self
            .set
            .with(py, |set| (set.handle.take(), set.deadline_ns));
        drop(before);
        let now_ns = Clock::System.monotonic_ns();
        match deadline_ns {
            Some(deadline_ns) if deadline_ns > now_ns => {
                self.fire_at(path, now_ns, deadline_ns)?;
                Ok(false)
            }
            Some(_) => Ok(true),
            None => Ok(false),
        }
    }

    fn fire_at(&self, path: &Bound<'_, FastPath>, now_ns: u64, fires_ns: u64) -> PyResult<()> {
        let py = path.py();
        let Some(home) = &self.home else {
            return Ok(());
        };
        let delay = seconds((fires_ns - now_ns).max(SHORTEST_NS));
        let on_time = path.getattr(intern!(py, "on_time"))?;
        let options = PyDict::new(py);
        let contexts = py.import(intern!(py, "contextvars"))?;
        options.set_item(
            intern!(py, "context"),
            contexts.call_method0(intern!(py, "Context"))?,
        )?;
        let handle = home.bind(py).call_method(
            intern!(py, "call_later"),
            (delay, on_time),
            Some(&options),
        )?;
        let before = self.set.with(py, |set| {
            set.fires_ns = fires_ns;
            set.handle.replace(handle.unbind())
        });
        cancel(py, before)
    }

    /// Forgets every wait.
    pub(super) fn stop(&self, py: Python<'_>) {
        let before = self.set.with(py, std::mem::take);
        if let Err(error) = cancel(py, before.handle) {
            error.write_unraisable(py, None);
        }
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.home.iter().try_for_each(|held| visit.call(held))?;
        match self.set.look() {
            Some(set) => set.handle.iter().try_for_each(|held| visit.call(held)),
            None => Ok(()),
        }
    }
}

fn cancel(py: Python<'_>, handle: Option<Object>) -> PyResult<()> {
    match handle {
        Some(handle) => handle.call_method0(py, intern!(py, "cancel")).map(drop),
        None => Ok(()),
    }
}
