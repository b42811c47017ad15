//! How long callers of native kernels may go on before their loop has to turn.

use std::cell::Cell;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::clock::Clock;

/// Nanoseconds in which callers get replies at once, or sleep for them, between two turns of the
/// loop: others that want to run wait no longer than this and one sleep.
const HOLD_NS: u64 = 150_000;

/// Of the loop that runs in this thread.
struct Hold {
    /// The address of the loop, and when it has to turn; 0 where it has turned since.
    home: Cell<usize>,
    until_ns: Cell<u64>,
}

thread_local! {
    static HOLD: Hold = const { Hold { home: Cell::new(0), until_ns: Cell::new(0) } };
}

static TURNED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Whether a caller in a task of `home` may go on without a turn of it.
pub(super) fn may_hold(py: Python<'_>, home: &Py<PyAny>) -> PyResult<bool> {
    let address = home.as_ptr() as usize;
    let now_ns = Clock::System.monotonic_ns();
    let until_ns = HOLD.with(|hold| (hold.home.get() == address).then(|| hold.until_ns.get()));
    if let Some(until_ns) = until_ns.filter(|until_ns| *until_ns != 0) {
        return Ok(now_ns < until_ns);
    }
    let turned = TURNED.get_or_try_init(py, || {
        PyResult::Ok(wrap_pyfunction!(loop_turned, py)?.into_any().unbind())
    })?;
    home.call_method1(py, intern!(py, "call_soon"), (turned,))?;
    HOLD.with(|hold| {
        hold.home.set(address);
        hold.until_ns.set(now_ns + HOLD_NS);
    });
    Ok(true)
}

/// Note that the loop that runs in this thread has turned.
#[pyfunction]
pub(super) fn loop_turned() {
    HOLD.with(|hold| hold.until_ns.set(0));
}
