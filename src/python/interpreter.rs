//! Which interpreter imports the extension.
#![allow(unsafe_code, reason = "PyO3 has no safe call for an interpreter's id")]

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

/// The id that CPython gives the interpreter it starts with.
const MAIN: i64 = 0;

/// `ImportError` in every interpreter but the main one: classes and sentinels are the process's own,
/// and objects must not pass from one interpreter to another.
pub(super) fn refuse_subinterpreters(_attached: Python<'_>) -> PyResult<()> {
    // SAFETY: the token says that this thread is attached, so it has a current interpreter.
    let interpreter = unsafe { pyo3::ffi::PyInterpreterState_Get() };
    // SAFETY: just given by CPython, and alive as long as the thread is attached to it.
    let id = unsafe { pyo3::ffi::PyInterpreterState_GetID(interpreter) };
    if id == MAIN {
        return Ok(());
    }
    Err(PyImportError::new_err(format!(
        "pydotcompute works in the main interpreter only, and this is subinterpreter {id}: \
         use threads or processes"
    )))
}
