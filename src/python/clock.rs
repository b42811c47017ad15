//! A clock that tests turn by hand.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::clock::{self, Clock};

/// A clock that stands still until `advance()`: pass it to a runtime or a collector in tests.
#[pyclass(module = "pydotcompute._core", frozen)]
#[derive(Debug)]
pub(crate) struct MockClock(clock::MockClock);

#[pymethods]
impl MockClock {
    /// `auto_tick_seconds`: how far each reading moves it on, at least 0 (ValueError otherwise).
    #[new]
    #[pyo3(signature = (*, auto_tick_seconds = 0.0))]
    fn new(auto_tick_seconds: f64) -> PyResult<Self> {
        let tick = duration("auto_tick_seconds", auto_tick_seconds)?;
        Ok(Self(clock::MockClock::ticking(tick)))
    }

    /// Move the clock on by `seconds`, at least 0 (ValueError otherwise). Safe from any thread.
    fn advance(&self, seconds: f64) -> PyResult<()> {
        self.0.advance(duration("seconds", seconds)?);
        Ok(())
    }

    /// Monotonic time in seconds.
    fn monotonic(&self) -> f64 {
        seconds(Clock::Mock(self.0.clone()).monotonic_ns())
    }

    /// Unix time in seconds.
    fn time(&self) -> f64 {
        seconds(Clock::Mock(self.0.clone()).unix_ns())
    }
}

fn duration(name: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|reason| {
        PyValueError::new_err(format!(
            "{name} must be 0 or more and finite, got {seconds}: {reason}"
        ))
    })
}

/// The clock a class was given, else the system's.
pub(super) fn clock_of(mock: Option<&Bound<'_, MockClock>>) -> Clock {
    mock.map_or(Clock::System, |mock| Clock::Mock(mock.get().0.clone()))
}

/// Nanoseconds to seconds: the one place that converts.
#[allow(
    clippy::cast_precision_loss,
    reason = "a Unix time keeps 0.2 microseconds in a float, a duration of a day 15 picoseconds"
)]
pub(super) fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}
