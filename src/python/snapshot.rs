//! A kernel at one moment, as Python sees it.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyFloat, PyString, PyType};

use super::clock::seconds;
use super::instance::{instance_of, instance_with};
use crate::record::{self, Distribution, LatencySummary, State};

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

/// The value of KernelState for each stored state, by its word.
static STATE_TEXTS: PyOnceLock<Vec<Py<PyString>>> = PyOnceLock::new();

/// The value of KernelState for a stored state.
fn state_name(state: State) -> &'static str {
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

/// The same as a Python string, made once.
fn state_text(py: Python<'_>, state: State) -> &Bound<'_, PyString> {
    let texts = STATE_TEXTS.get_or_init(py, || {
        let states = (0..).map_while(State::from_word);
        let texts = states.map(|state| PyString::intern(py, state_name(state)).unbind());
        texts.collect()
    });
    texts[state as usize].bind(py)
}

/// The stored state for a value of KernelState; ValueError where it is none.
pub(super) fn known_state(name: &str) -> PyResult<State> {
    let mut states = (1..).map_while(State::from_word);
    let known = states.find(|state| state_name(*state) == name);
    known.ok_or_else(|| PyValueError::new_err(format!("no state is called {name:?}")))
}

/// Names and values of the fields of LatencySummary in their order; times in seconds.
fn summary_values(
    py: Python<'_>,
    summary: LatencySummary,
) -> PyResult<[(&Bound<'_, PyString>, Bound<'_, PyAny>); 7]> {
    let time = |ns| PyFloat::new(py, seconds(ns)).into_any();
    let [p50, p90, p99, p999] = summary.quantiles_ns.map(time);
    let count = summary.count.into_pyobject(py)?.into_any();
    Ok([
        (pyo3::intern!(py, "count"), count),
        (pyo3::intern!(py, "sum"), time(summary.sum_ns)),
        (pyo3::intern!(py, "p50"), p50),
        (pyo3::intern!(py, "p90"), p90),
        (pyo3::intern!(py, "p99"), p99),
        (pyo3::intern!(py, "p999"), p999),
        (pyo3::intern!(py, "max"), time(summary.max_ns)),
    ])
}

/// A LatencySummary as a dict; None without samples.
fn summary_dict<'py>(py: Python<'py>, timed: &Distribution) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some(summary) = timed.summary() else {
        return Ok(None);
    };
    let fields = PyDict::new(py);
    for (name, value) in summary_values(py, summary)? {
        fields.set_item(name, value)?;
    }
    Ok(Some(fields.into_any()))
}

/// A LatencySummary, which is `cls`; None without samples.
fn summary_of<'py>(
    cls: &Bound<'py, PyType>,
    timed: &Distribution,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some(summary) = timed.summary() else {
        return Ok(None);
    };
    let values = summary_values(cls.py(), summary)?;
    let attributes = values.iter().map(|(name, value)| (*name, value));
    instance_with(cls, attributes).map(Some)
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

/// Puts in what a snapshot does not know itself.
fn identify(
    fields: &Bound<'_, PyDict>,
    kernel_id: &Bound<'_, PyString>,
    last_error: Option<&Bound<'_, PyString>>,
) -> PyResult<()> {
    put!(fields, {"kernel_id": kernel_id});
    let name = pyo3::intern!(fields.py(), "last_error");
    last_error.map_or(Ok(()), |text| fields.set_item(name, text))
}

/// Makes what the first reading would make, so that no fork in another thread comes in between: its
/// child would wait for ever for the making to end.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    let fields = Snapshot(record::Snapshot::default()).since(py, None)?;
    let empty = PyString::new(py, "");
    identify(&fields, &empty, Some(&empty))?;
    summary_values(py, LatencySummary::default()).map(drop)
}

#[pymethods]
impl Snapshot {
    /// The fields of KernelTelemetry, counted since `baseline`, an earlier snapshot of the same
    /// kernel, else since the launch. Times in seconds; `state` is the value of a KernelState,
    /// `queue_wait` and `service` are None or the fields of a LatencySummary, and the caller is to
    /// fill in `kernel_id` and `last_error`, which are None.
    #[pyo3(signature = (baseline = None))]
    fn since<'py>(&self, py: Python<'py>, baseline: Option<&Self>) -> PyResult<Bound<'py, PyDict>> {
        let state = state_text(py, self.0.state).as_any();
        self.fields(baseline, state, |timed| summary_dict(py, timed))
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
        let (kernel_class, summary_class, states) = classes;
        let state = state_text(kernel_id.py(), self.0.state);
        let state = states.as_any().get_item(state)?;
        let fields = self.fields(baseline, &state, |timed| summary_of(&summary_class, timed))?;
        identify(&fields, kernel_id, last_error)?;
        instance_of(&kernel_class, &fields)
    }

    /// Unix time at which the snapshot was taken, in seconds.
    #[getter]
    fn time(&self) -> f64 {
        seconds(self.0.taken_ns.wrapping_add(self.0.unix_offset_ns))
    }
}

impl Snapshot {
    /// The fields of KernelTelemetry since `baseline`; `shown_as` makes those of latencies,
    /// None for one without samples.
    fn fields<'py>(
        &self,
        baseline: Option<&Self>,
        state: &Bound<'py, PyAny>,
        shown_as: impl Fn(&Distribution) -> PyResult<Option<Bound<'py, PyAny>>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (now, base) = (&self.0, baseline.map(|earlier| &earlier.0));
        let (shown, latencies) = (now.since(base), now.latencies_since(base));
        let fields = blank(state.py())?;
        put!(fields, {
            "state": state,
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
            "latency_sample_rate": latencies.sample_rate(),
            "duty_cycle": latencies.duty_ratio(shown.uptime_ns),
        });
        for (name, timed) in [
            (
                pyo3::intern!(state.py(), "queue_wait"),
                &latencies.queue_wait,
            ),
            (pyo3::intern!(state.py(), "service"), &latencies.service),
        ] {
            if let Some(latency) = shown_as(timed)? {
                fields.set_item(name, latency)?;
            }
        }
        Ok(fields)
    }
}
