//! Native workers, and the bell by which they tell an event loop.
#![allow(unsafe_code, reason = "code is handed over by its address")]

use std::os::fd::RawFd;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use super::record_mailbox::RecordMailbox;
use crate::worker::{self, Handler, News, Rope, Worker};

/// A file descriptor that is readable while a worker has rung; one a loop. OSError where the system
/// gives no more files.
#[pyclass(module = "pydotcompute._core", frozen)]
#[derive(Debug)]
pub(crate) struct Bell(Arc<worker::Bell>);

#[pymethods]
impl Bell {
    #[new]
    fn new() -> PyResult<Self> {
        let bell = worker::Bell::new();
        bell.map(|bell| Self(Arc::new(bell)))
            .map_err(|error| PyOSError::new_err(error.to_string()))
    }

    /// The file descriptor, open as long as this object and every worker that rings it.
    fn fileno(&self) -> RawFd {
        self.0.file()
    }

    /// The keys of the workers that have rung since the last call, each once.
    fn answer(&self) -> Vec<u64> {
        self.0.answer()
    }
}

/// Runs the C function at `address` once for each message of a mailbox, in a native thread that
/// never has the interpreter lock. `code` is kept as long as the function may run. ValueError where
/// `address` is 0.
///
/// May be used from any thread; dropping it asks its thread to stop.
#[pyclass(module = "pydotcompute._core", frozen)]
#[derive(Debug)]
pub(crate) struct NativeWorker {
    worker: Option<Worker>,
    code: Option<Py<PyAny>>,
    process: u32,
    started: std::sync::atomic::AtomicBool,
}

impl NativeWorker {
    pub(super) fn worker(&self) -> &Worker {
        self.worker.as_ref().expect("there until it is dropped")
    }

    /// A forked child has none of its parent's threads, but the locks that they held.
    fn is_here(&self) -> bool {
        self.process == process::id()
    }
}

#[pymethods]
impl NativeWorker {
    #[new]
    fn new(mailbox: &RecordMailbox, address: usize, code: Py<PyAny>) -> PyResult<Self> {
        // SAFETY: whoever makes a native kernel promises that such a function lies there, and
        // `code` keeps it there.
        let handler = unsafe { Handler::at(address) };
        let missing = || PyValueError::new_err("there is no function at address 0");
        Ok(Self {
            worker: Some(Worker::new(mailbox.shared(), handler.ok_or_else(missing)?)),
            code: Some(code),
            process: process::id(),
            started: false.into(),
        })
    }

    /// Start the thread, which rings `bell` for `key`. RuntimeError where it was started before, or
    /// the system gives no more threads.
    fn start(&self, bell: &Bell, key: u64) -> PyResult<()> {
        // Relaxed: callers have the interpreter lock.
        if self
            .started
            .swap(true, std::sync::atomic::Ordering::Relaxed)
        {
            return Err(PyRuntimeError::new_err("a worker starts once"));
        }
        let started = self.worker().start(Rope::new(Arc::clone(&bell.0), key));
        started.map_err(|error| {
            self.started
                .store(false, std::sync::atomic::Ordering::Relaxed);
            PyRuntimeError::new_err(format!("no thread for a native kernel: {error}"))
        })
    }

    /// Ask the thread to stop before its next message; nothing in a forked child.
    fn stop(&self) {
        if self.is_here() {
            self.worker().stop();
        }
    }

    /// Wait at most `timeout` seconds for the thread's end; whether it came. One caller at a time.
    fn join(&self, py: Python<'_>, timeout: f64) -> bool {
        let timeout = Duration::try_from_secs_f64(timeout).unwrap_or_default();
        py.detach(|| self.worker().join(timeout))
    }

    /// Ask to be rung when there is room for messages. Look after this.
    fn want_room(&self) {
        self.worker().want(News::Room);
    }

    /// Ask to be rung when there is a reply, or an error in its place. Look after this.
    fn want_reply(&self) {
        self.worker().want(News::Reply);
    }

    /// Ask to be rung when there is nothing to do, or no room for replies. Look after this.
    fn want_rest(&self) {
        self.worker().want(News::Rest);
    }

    /// Whether the thread has ended.
    #[getter]
    fn has_ended(&self) -> bool {
        self.worker().has_ended()
    }

    /// Whether the thread waits for room for replies.
    #[getter]
    fn is_blocked(&self) -> bool {
        self.worker().is_blocked()
    }

    /// The code of the newest error, or None.
    #[getter]
    fn last_error(&self) -> Option<i32> {
        self.worker().last_error()
    }
}

impl Drop for NativeWorker {
    fn drop(&mut self) {
        let may_run = *self.started.get_mut() && !self.worker().has_ended();
        if may_run {
            std::mem::forget(self.code.take()); // else it would be freed under the thread's feet
        }
        if !self.is_here() {
            std::mem::forget(self.worker.take()); // stopping it would wait for locks of nobody
        }
    }
}
