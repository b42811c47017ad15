//! The calls of a native kernel's callers as long as nobody has to wait for long.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::holding::may_hold;
use super::message;
use super::record_layout::{MOST_BYTES, RecordLayout};
use super::record_mailbox::RecordMailbox;
use super::worker::NativeWorker;
use crate::mailbox::{self, Put};
use crate::task::Place;
use crate::worker::Prospect;

type Object = Py<PyAny>;

/// What callers of a native kernel do, each of it one call from Python.
///
/// As in FastPath, each call does everything or nothing: nothing where somebody waits in line, where
/// another loop runs than `home`, or where it would have to fail, or to wait for longer than a
/// moment. `input_space` and `output_ready` are the lists of those who wait in line; `messages`
/// and `replies` the layouts, or None where records are made and read by others; ValueError where
/// they are not those of the mailbox.
#[pyclass(module = "pydotcompute._core", frozen)]
#[derive(Debug)]
pub(crate) struct NativePath {
    mailbox: Arc<mailbox::RecordMailbox>,
    worker: Py<NativeWorker>,
    home: Object,
    place: Place,
    input_space: Py<PyList>,
    output_ready: Py<PyList>,
    messages: Option<Py<RecordLayout>>,
    replies: Option<Py<RecordLayout>>,
}

#[pymethods]
impl NativePath {
    #[new]
    #[pyo3(signature = (mailbox, worker, *, home, input_space, output_ready, messages, replies))]
    #[allow(
        clippy::too_many_arguments,
        reason = "keyword-only parts of one constructor"
    )]
    fn new(
        mailbox: &RecordMailbox,
        worker: Py<NativeWorker>,
        home: Object,
        input_space: Py<PyList>,
        output_ready: Py<PyList>,
        messages: Option<Py<RecordLayout>>,
        replies: Option<Py<RecordLayout>>,
    ) -> PyResult<Self> {
        let mailbox = mailbox.shared();
        check(messages.as_ref(), mailbox.input_bytes())?;
        check(replies.as_ref(), mailbox.output_bytes())?;
        Ok(Self {
            mailbox,
            worker,
            home,
            place: Place::here(),
            input_space,
            output_ready,
            messages,
            replies,
        })
    }

    /// Put a message into the input queue; whether it was done.
    fn send(&self, message: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = message.py();
        let Some(layout) = &self.messages else {
            return Ok(false);
        };
        if !self.place.is_here(py, &self.home)? || !self.input_space.bind(py).is_empty() {
            return Ok(false);
        }
        let mut bytes = [0; MOST_BYTES];
        let record = layout.get().write(message, &mut bytes)?;
        let put = record.map(|record| self.mailbox.offer(record, false));
        Ok(put == Some(Ok(Put::Accepted(1))))
    }

    /// The oldest reply, which may have been waited for a moment; or EMPTY.
    fn receive(&self, py: Python<'_>) -> PyResult<Object> {
        let may_have = self.place.is_here(py, &self.home)?
            && self.output_ready.bind(py).is_empty()
            && may_hold(py, &self.home)?;
        if !may_have || !self.look_or_sleep(py) {
            return message::empty(py);
        }
        let Some(layout) = self.replies.as_ref().map(Py::get) else {
            return message::empty(py);
        };
        let mut bytes = [0; MOST_BYTES];
        let record = &mut bytes[..layout.record_bytes()];
        match self.mailbox.collect_replies(record) {
            Ok(1) => layout.read(py, &bytes),
            _ => message::empty(py), // an error, or another thread is just there
        }
    }

    /// Whether there is a reply, or an error in its place, after waiting a moment; not where the loop
    /// has to turn.
    fn has_reply_soon(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(may_hold(py, &self.home)? && self.look_or_sleep(py))
    }

    /// Whether the loop has to turn before a caller gets more replies.
    fn is_turn_due(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(!may_hold(py, &self.home)?)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.worker)?;
        visit.call(&self.home)?;
        visit.call(&self.input_space)?;
        visit.call(&self.output_ready)?;
        for layout in [&self.messages, &self.replies].into_iter().flatten() {
            visit.call(layout)?;
        }
        Ok(())
    }
}

impl NativePath {
    /// Whether there is a reply, or an error in its place, now or a moment later.
    #[inline]
    fn look_or_sleep(&self, py: Python<'_>) -> bool {
        if self.mailbox.has_reply() {
            return true;
        }
        let worker = self.worker.get().worker();
        match worker.look_for_reply() {
            Prospect::Here => true,
            Prospect::Soon => py.detach(|| worker.sleep_for_reply()),
            Prospect::Later => false,
        }
    }
}

fn check(layout: Option<&Py<RecordLayout>>, record_bytes: usize) -> PyResult<()> {
    match layout.map(|layout| layout.get().record_bytes()) {
        Some(bytes) if bytes != record_bytes => Err(PyValueError::new_err(format!(
            "a layout of {bytes} bytes for records of {record_bytes}"
        ))),
        _ => Ok(()),
    }
}
