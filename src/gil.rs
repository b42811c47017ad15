//! State guarded by the interpreter lock.
#![allow(
    unsafe_code,
    reason = "the one place that shares unsynchronised state between threads"
)]

use std::cell::{Ref, RefCell};
use std::fmt;

use pyo3::Python;

/// A cell that only the thread holding the interpreter lock opens.
///
/// Nothing may call into Python while it is open: values are moved out first and dropped after.
/// A call that did so and came back here would panic, not corrupt.
pub(crate) struct GilCell<T>(RefCell<T>);

// SAFETY: `with` takes a `Python` token, so its caller is attached; `look` is called by the garbage
// collector, which runs attached. The module declares `gil_used = true`, so attached means that
// this thread alone holds the interpreter lock, and neither method releases it.
unsafe impl<T: Send> Sync for GilCell<T> {}

impl<T> GilCell<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }

    #[inline]
    pub(crate) fn with<R>(&self, _attached: Python<'_>, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.0.borrow_mut())
    }

    /// For `__traverse__` only, which has no token: None while the cell is open.
    pub(crate) fn look(&self) -> Option<Ref<'_, T>> {
        self.0.try_borrow().ok()
    }
}

impl<T> fmt::Debug for GilCell<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GilCell").finish_non_exhaustive()
    }
}
