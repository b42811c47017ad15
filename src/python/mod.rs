//! The classes Python sees. They translate and decide nothing.
#![allow(
    clippy::doc_markdown,
    clippy::needless_pass_by_value,
    reason = "docstrings here are Python's, and PyO3 hands arguments over by value"
)]

mod clock;
mod gil;
mod mailbox;
mod manual;
mod message;
mod parker;
mod queue;
mod snapshot;

use pyo3::prelude::*;

/// Native core of pydotcompute.
#[pymodule(gil_used = true)]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::clock::MockClock;
    #[pymodule_export]
    use super::mailbox::ObjectMailbox;
    #[pymodule_export]
    use super::manual::ManualRecord;
    #[pymodule_export]
    use super::message::{ErrorReply, Sentinel};
    #[pymodule_export]
    use super::parker::Parker;
    #[pymodule_export]
    use super::queue::ObjectQueue;
    #[pymodule_export]
    use super::snapshot::Snapshot;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::message::add_sentinels(module)?;
        let py = module.py();
        module.add(
            "PriorityError",
            py.get_type::<super::message::PriorityError>(),
        )?;
        module.add("ACCEPTED", super::message::ACCEPTED)?;
        module.add("FULL", super::message::FULL)?;
        module.add("CLOSED", super::message::CLOSED)?;
        module.add("ID_BYTES", crate::record::ID_BYTES)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

/// The error for a kernel id that does not fit a record.
fn id_too_long(length: usize) -> PyErr {
    let limit = crate::record::ID_BYTES;
    pyo3::exceptions::PyValueError::new_err(format!(
        "a kernel id has at most {limit} bytes of UTF-8, got {length}: shorten it"
    ))
}
