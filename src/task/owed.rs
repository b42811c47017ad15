//! What a kernel did in a caller's step that its task has yet to hear of.

use pyo3::intern;
use pyo3::prelude::*;

use super::Object;
use super::asyncio::{self, Outcome};

/// What a kernel that a caller ran did, and its task has yet to hear of.
#[derive(Debug)]
pub(super) enum Owed {
    /// It waits for this; `is_blocking`: a future that waits to be told who waits.
    Wait { object: Object, is_blocking: bool },
    /// It returned.
    Return,
    /// This exception left it.
    Raise(Object),
}

impl Owed {
    pub(super) fn of(py: Python<'_>, outcome: Outcome) -> Self {
        match outcome {
            Outcome::Yielded(object) => {
                let is_blocking = take_blocking(object.bind(py));
                Self::Wait {
                    object,
                    is_blocking,
                }
            }
            Outcome::Returned => Self::Return,
            Outcome::Raised(error) => Self::Raise(error.into_value(py).into_any()),
        }
    }
}

/// Takes a future's mark that its waiter is not known yet, so that others may wait for it
/// meanwhile; whether there was one. What is no future, or lies, is the task's to judge.
fn take_blocking(object: &Bound<'_, PyAny>) -> bool {
    let name = intern!(object.py(), "_asyncio_future_blocking");
    let marked = object.getattr(name).and_then(|mark| mark.is_truthy());
    matches!(marked, Ok(true)) && object.setattr(name, false).is_ok()
}

/// Cancels what a kernel waits for, as its task would have; whether the kernel is told by that.
pub(super) fn cancel_wait(
    object: &Object,
    is_blocking: bool,
    error: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    let py = error.py();
    if !is_blocking || !asyncio::is_cancellation(error.cast()?)? {
        return Ok(false);
    }
    let arguments = error.getattr(intern!(py, "args"))?;
    let options = pyo3::types::PyDict::new(py);
    if arguments.len()? > 0 {
        options.set_item(intern!(py, "msg"), arguments.get_item(0)?)?;
    }
    object
        .bind(py)
        .call_method(intern!(py, "cancel"), (), Some(&options))?
        .is_truthy()
}
