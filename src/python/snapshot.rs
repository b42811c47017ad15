//! A kernel at one moment, as Python sees it.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::clock::seconds;
use crate::record::{self, LatencySummary, State};

/// Counters, depths and times of one kernel at one moment, since its launch. Immutable.
#[pyclass(module = "pydotcompute._core", frozen)]
#[derive(Debug)]
pub(crate) struct Snapshot(pub(super) record::Snapshot);

/// Puts values into a dict under interned names.
macro_rules! put {
    ($fields:ident, {$($name:literal: $value:expr),* $(,)?}) => {
        $($fields.set_item(pyo3::intern!($fields.py(), $name), $value)?;)*
    };
}

/// The value of KernelState for a stored state.
pub(super) fn state_name(state: State) -> &'static str {
    match state {
        State::Vacant | State::Created => "created",
        State::Launched => "launched",
        State::Active => "active",
        State::Deactivated => "deactivated",
        State::Terminating => "terminating",
        State::Terminated => "terminated",
        State::Failed => "failed",
    }
}

/// The stored state for a value of KernelState; ValueError where it is none.
pub(super) fn known_state(name: &str) -> PyResult<State> {
    let mut states = (1..).map_while(State::from_word);
    let known = states.find(|state| state_name(*state) == name);
    known.ok_or_else(|| PyValueError::new_err(format!("no state is called {name:?}")))
}

/// The fields of LatencySummary; times in seconds.
fn summary_fields(py: Python<'_>, summary: LatencySummary) -> PyResult<Bound<'_, PyDict>> {
    let [p50, p90, p99, p999] = summary.quantiles_ns.map(seconds);
    let fields = PyDict::new(py);
    put!(fields, {
        "count": summary.count,
        "sum": seconds(summary.sum_ns),
        "p50": p50,
        "p90": p90,
        "p99": p99,
        "p999": p999,
        "max": seconds(summary.max_ns),
    });
    Ok(fields)
}

/// Makes what the first reading would make, so that no fork in another thread comes in between: its
/// child would wait for ever for the making to end.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    Snapshot(record::Snapshot::default()).since(py, None)?;
    summary_fields(py, LatencySummary::default()).map(drop)
}

#[pymethods]
impl Snapshot {
    /// The fields of KernelTelemetry, counted since `baseline`, an earlier snapshot of the same
    /// kernel, else since the launch. Times in seconds; `state` is the value of a KernelState,
    /// `queue_wait` and `service` are None or the fields of a LatencySummary.
    #[pyo3(signature = (baseline = None))]
    fn since<'py>(&self, py: Python<'py>, baseline: Option<&Self>) -> PyResult<Bound<'py, PyDict>> {
        let (now, base) = (&self.0, baseline.map(|earlier| &earlier.0));
        let (shown, latency) = (now.since(base), now.latency_since(base));
        let fields = PyDict::new(py);
        put!(fields, {
            "state": state_name(now.state),
            "messages_received": shown.messages_received,
            "messages_sent": shown.messages_sent,
            "messages_processed": shown.messages_processed,
            "errors": shown.errors,
            "start_time": (now.start_unix_ns != 0).then(|| seconds(now.start_unix_ns)),
            "last_message_time": now.last_message_unix_ns().map(seconds),
            "messages_unanswered": shown.messages_unanswered,
            "messages_errored": shown.messages_errored,
            "messages_dropped": shown.messages_dropped,
            "messages_discarded": shown.messages_discarded,
            "messages_rejected": shown.messages_rejected,
            "queue_depth": now.depths.queue,
            "in_flight": now.depths.in_flight,
            "queue_depth_peak": now.depth_peak,
            "output_depth": now.depths.output,
            "restarts": now.restarts,
            "error_replies": shown.error_replies,
            "replies_received": shown.replies_received,
            "replies_discarded": shown.replies_discarded,
            "reset_time": baseline.map(Self::time),
            "uptime_seconds": seconds(shown.uptime_ns),
            "queue_wait": latency.queue_wait.map(|wait| summary_fields(py, wait)).transpose()?,
            "service": latency.service.map(|service| summary_fields(py, service)).transpose()?,
            "latency_sample_rate": latency.sample_rate,
            "duty_cycle": latency.duty_ratio,
        });
        Ok(fields)
    }

    /// Unix time at which the snapshot was taken, in seconds.
    #[getter]
    fn time(&self) -> f64 {
        seconds(self.0.taken_ns.wrapping_add(self.0.unix_offset_ns))
    }
}
