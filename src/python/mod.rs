//! The classes Python sees. They translate and decide nothing.
#![allow(
    clippy::doc_markdown,
    clippy::needless_pass_by_value,
    reason = "docstrings here are Python's, and PyO3 hands arguments over by value"
)]

mod clock;
mod collecting;
mod fast_path;
mod holding;
mod instance;
mod interpreter;
mod ledger;
mod mailbox;
mod manual;
mod message;
mod native_path;
mod parker;
mod queue;
mod record_layout;
mod record_mailbox;
mod records;
mod rows;
mod snapshot;
mod taking;
mod timer;
mod worker;

use pyo3::prelude::*;

use crate::task;

/// Native core of pydotcompute.
#[pymodule(gil_used = true)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    interpreter::refuse_subinterpreters(py)?; // first: a class made here would be everybody's
    module.add_class::<clock::MockClock>()?;
    module.add_class::<mailbox::ObjectMailbox>()?;
    module.add_class::<fast_path::FastPath>()?;
    module.add_class::<worker::Bell>()?;
    module.add_class::<worker::NativeWorker>()?;
    module.add_class::<native_path::NativePath>()?;
    module.add_function(wrap_pyfunction!(holding::loop_turned, module)?)?;
    module.add_class::<task::Home>()?;
    module.add_class::<task::Parking>()?;
    module.add_class::<task::Stepper>()?;
    module.add_function(wrap_pyfunction!(task::set_turn_budget, module)?)?;
    task::prepare(py)?;
    module.add_class::<manual::ManualRecord>()?;
    module.add_class::<message::ErrorReply>()?;
    module.add_class::<message::Sentinel>()?;
    module.add_class::<parker::Parker>()?;
    module.add_class::<queue::ObjectQueue>()?;
    module.add_class::<record_layout::RecordLayout>()?;
    module.add_class::<record_mailbox::RecordMailbox>()?;
    module.add_class::<snapshot::Snapshot>()?;
    instance::prepare(py)?;
    snapshot::prepare(py)?;
    message::add_sentinels(module)?;
    module.add("BusyError", py.get_type::<record_mailbox::BusyError>())?;
    module.add("ClosedError", py.get_type::<record_mailbox::ClosedError>())?;
    module.add("PriorityError", py.get_type::<message::PriorityError>())?;
    module.add("ACCEPTED", message::ACCEPTED)?;
    module.add("FULL", message::FULL)?;
    module.add("CLOSED", message::CLOSED)?;
    module.add("ID_BYTES", crate::record::ID_BYTES)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}

/// The error for a kernel id that does not fit a record.
fn id_too_long(length: usize) -> PyErr {
    let limit = crate::record::ID_BYTES;
    pyo3::exceptions::PyValueError::new_err(format!(
        "a kernel id has at most {limit} bytes of UTF-8, got {length}: shorten it"
    ))
}
