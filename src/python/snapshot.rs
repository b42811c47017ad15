//! A kernel at one moment, as Python sees it.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyType};

use super::clock::seconds;
use super::instance::instance_of;
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

/// Puts values that are not 0 and not None into a dict that shows the others already: most of what
/// a kernel shows is blank, and copying a dict costs less than filling it. The names are made
/// whatever the values are, see `prepare()`.
macro_rules! put_over_blank {
    ($fields:ident, {$($name:literal: $value:expr),* $(,)?}) => {
        $(
            let (name, value) = (pyo3::intern!($fields.py(), $name), $value);
            if !is_blank(&value) {
                $fields.set_item(name, value)?;
            }
        )*
    };
}

fn is_blank<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The fields of KernelTelemetry in their order, with counts of 0 and otherwise None.
static BLANK: PyOnceLock<Py<PyDict>> = PyOnceLock::new();

/// The fields of LatencySummary in their order.
static BLANK_SUMMARY: PyOnceLock<Py<PyDict>> = PyOnceLock::new();

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
    let blank = BLANK_SUMMARY.get_or_try_init(py, || {
        let fields = PyDict::new(py);
        for name in ["count", "sum", "p50", "p90", "p99", "p999", "max"] {
            fields.set_item(PyString::intern(py, name), py.None())?;
        }
        PyResult::Ok(fields.unbind())
    })?;
    let fields = blank.bind(py).copy()?;
    let [p50, p90, p99, p999] = summary.quantiles_ns.map(seconds);
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

/// A dict to put the fields of KernelTelemetry into.
fn blank(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let blank = BLANK.get_or_try_init(py, || {
        let fields = PyDict::new(py);
        put!(fields, {
            "kernel_id": py.None(),
            "state": py.None(),
            "messages_received": 0,
            "messages_sent": 0,
            "messages_processed": 0,
            "errors": 0,
            "start_time": py.None(),
            "last_message_time": py.None(),
            "messages_unanswered": 0,
            "messages_errored": 0,
            "messages_dropped": 0,
            "messages_discarded": 0,
            "messages_rejected": 0,
            "queue_depth": 0,
            "in_flight": 0,
            "queue_depth_peak": 0,
            "output_depth": 0,
            "error_replies": 0,
            "replies_received": 0,
            "replies_discarded": 0,
            "restarts": 0,
            "last_error": py.None(),
            "reset_time": py.None(),
            "uptime_seconds": py.None(),
            "queue_wait": py.None(),
            "service": py.None(),
            "latency_sample_rate": py.None(),
            "duty_cycle": py.None(),
        });
        PyResult::Ok(fields.unbind())
    })?;
    blank.bind(py).copy()
}

/// Puts in what a snapshot does not know itself, and the member of KernelState for its value.
fn identify(
    fields: &Bound<'_, PyDict>,
    kernel_id: &Bound<'_, PyString>,
    last_error: Option<&Bound<'_, PyString>>,
    state: &Bound<'_, PyAny>,
) -> PyResult<()> {
    put!(fields, {"kernel_id": kernel_id, "last_error": last_error, "state": state});
    Ok(())
}

/// Makes what the first reading would make, so that no fork in another thread comes in between: its
/// child would wait for ever for the making to end.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    let fields = Snapshot(record::Snapshot::default()).since(py, None)?;
    identify(&fields, &PyString::new(py, ""), None, &fields)?;
    summary_fields(py, LatencySummary::default()).map(drop)
}

#[pymethods]
impl Snapshot {
    /// The fields of KernelTelemetry, counted since `baseline`, an earlier snapshot of the same
    /// kernel, else since the launch. Times in seconds; `state` is the value of a KernelState,
    /// `queue_wait` and `service` are None or the fields of a LatencySummary, and the caller is to
    /// fill in `kernel_id` and `last_error`, which are None.
    #[pyo3(signature = (baseline = None))]
    fn since<'py>(&self, py: Python<'py>, baseline: Option<&Self>) -> PyResult<Bound<'py, PyDict>> {
        self.fields(py, baseline, |summary| {
            Ok(summary_fields(py, summary)?.into_any())
        })
    }

    /// The same as a KernelTelemetry. `classes` are that class, LatencySummary, and a dict from the
    /// values of KernelState to its members. TypeError where instances of either class keep no
    /// attributes in a dict.
    fn telemetry<'py>(
        &self,
        classes: (Bound<'py, PyType>, Bound<'py, PyType>, Bound<'py, PyDict>),
        kernel_id: &Bound<'py, PyString>,
        last_error: Option<&Bound<'py, PyString>>,
        baseline: Option<&Self>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = kernel_id.py();
        let (kernel_class, summary_class, states) = classes;
        let fields = self.fields(py, baseline, |summary| {
            instance_of(&summary_class, &summary_fields(py, summary)?)
        })?;
        let state = states.as_any().get_item(state_name(self.0.state))?;
        identify(&fields, kernel_id, last_error, &state)?;
        instance_of(&kernel_class, &fields)
    }

    /// Unix time at which the snapshot was taken, in seconds.
    #[getter]
    fn time(&self) -> f64 {
        seconds(self.0.taken_ns.wrapping_add(self.0.unix_offset_ns))
    }
}

impl Snapshot {
    /// The fields of KernelTelemetry since `baseline`; `summary_of` makes those of latencies.
    fn fields<'py>(
        &self,
        py: Python<'py>,
        baseline: Option<&Self>,
        summary_of: impl Fn(LatencySummary) -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (now, base) = (&self.0, baseline.map(|earlier| &earlier.0));
        let (shown, latency) = (now.since(base), now.latency_since(base));
        let fields = blank(py)?;
        put!(fields, {
            "state": state_name(now.state),
            "uptime_seconds": seconds(shown.uptime_ns),
        });
        put_over_blank!(fields, {
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
            "error_replies": shown.error_replies,
            "replies_received": shown.replies_received,
            "replies_discarded": shown.replies_discarded,
            "restarts": now.restarts,
            "reset_time": baseline.map(Self::time),
            "latency_sample_rate": latency.sample_rate,
            "duty_cycle": latency.duty_ratio,
        });
        for (name, summary) in [
            (pyo3::intern!(py, "queue_wait"), latency.queue_wait),
            (pyo3::intern!(py, "service"), latency.service),
        ] {
            if let Some(summary) = summary {
                fields.set_item(name, summary_of(summary)?)?;
            }
        }
        Ok(fields)
    }
}
