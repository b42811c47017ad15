//! How a kernel takes messages by the fast path, and waits for them parked.

use pyo3::intern;
use pyo3::prelude::*;

use super::fast_path::FastPath;
use super::message;
use crate::mailbox::{self, Take};

type Object = Py<PyAny>;

impl FastPath {
    /// Takes what there is; `again`: what was asked for before, which ends nothing.
    #[inline]
    pub(super) fn try_take(
        &self,
        py: Python<'_>,
        most: Option<usize>,
        again: bool,
    ) -> PyResult<Take<Object>> {
        let mailbox = self.mailbox();
        match (most, again) {
            (None, false) => Ok(mailbox.with(py, mailbox::ObjectMailbox::take)),
            (None, true) => Ok(mailbox.with(py, mailbox::ObjectMailbox::take_again)),
            (Some(most), again) => mailbox.take_row(py, most, again),
        }
    }

    /// What the kernel asks for; see `take()`.
    pub(super) fn ask(
        slf: &Bound<'_, Self>,
        most: Option<usize>,
        timeout: Option<f64>,
    ) -> PyResult<Object> {
        let (py, path) = (slf.py(), slf.get());
        let stepper = path.stepper(py);
        let is_parked = stepper
            .as_ref()
            .is_some_and(|held| held.get().is_parked(py));
        if is_parked || path.has_waiting_taker(py) || path.has_waiting_sender(py) {
            return message::empty(py); // who came before goes first
        }
        match path.try_take(py, most, false)? {
            Take::Message(message) => return Ok(message),
            Take::Empty => {}
            Take::End => return message::empty(py),
        }
        match stepper {
            Some(stepper) if timeout != Some(0.0) && stepper.get().may_park(py)? => {}
            _ => return message::empty(py),
        }
        if let Some(seconds) = timeout.filter(|seconds| seconds.is_finite()) {
            if !path.timer.keeps_time() {
                return message::empty(py);
            }
            path.timer.wait_until(slf, seconds)?;
        }
        path.wait.with(py, |wait| {
            wait.most = most;
            wait.timeout = timeout;
        });
        path.park(py)
    }

    /// Lets the kernel wait; what watches hears that it is quiet.
    pub(super) fn park(&self, py: Python<'_>) -> PyResult<Object> {
        if self.is_watched(py) {
            self.waiting.call_method0(py, intern!(py, "tell_quiet"))?;
        }
        message::park(py)
    }

    /// A place becomes free, and others of the kernel may wait for what comes next.
    pub(super) fn wake_others(&self, py: Python<'_>) -> PyResult<()> {
        if self.has_waiting_sender(py) {
            self.waiting.call_method0(py, intern!(py, "wake_sender"))?;
        }
        if self.has_waiting_taker(py) {
            self.waiting.call_method0(py, intern!(py, "wake_taker"))?;
        }
        Ok(())
    }

    /// The error of a kernel that asked for a message in vain for `timeout` seconds.
    pub(super) fn late(&self, py: Python<'_>, timeout: Option<f64>) -> PyErr {
        let name = intern!(py, "take_late");
        let made = self.waiting.call_method1(py, name, (timeout,));
        made.map_or_else(
            |error| error,
            |error| PyErr::from_value(error.into_bound(py)),
        )
    }
}
