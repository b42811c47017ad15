//! The queue that programs make for themselves.

use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use super::message::{self, ACCEPTED, FULL, Priorities};
use crate::gil::GilCell;
use crate::queue::{Entry, PriorityQueue};

/// A bounded queue of objects: highest priority first, equal ones in order.
///
/// No call waits, and nothing is counted. Any thread may call.
#[pyclass(module = "pydotcompute._core", frozen, weakref)]
#[derive(Debug)]
pub(crate) struct ObjectQueue {
    queue: GilCell<PriorityQueue<Py<PyAny>>>,
    priorities: Priorities,
    drop_oldest: bool,
}

#[pymethods]
impl ObjectQueue {
    /// An empty queue for up to `capacity` messages, at least 1 (ValueError otherwise).
    #[new]
    #[pyo3(signature = (capacity, *, drop_oldest = false))]
    fn new(capacity: usize, drop_oldest: bool) -> PyResult<Self> {
        if capacity == 0 {
            return Err(PyValueError::new_err("a queue's capacity starts at 1"));
        }
        Ok(Self {
            queue: GilCell::new(PriorityQueue::new(capacity)),
            priorities: Priorities::new(),
            drop_oldest,
        })
    }

    /// Queue a message: ACCEPTED or FULL. A queue that drops the oldest is never FULL.
    /// PriorityError where a message class's priority is not an int from 0 to 255.
    fn offer(&self, message: &Bound<'_, PyAny>) -> PyResult<u8> {
        let priority = self.priorities.of(message)?;
        let entry = Entry::plain(message.clone().unbind());
        if self.drop_oldest {
            let dropped = self
                .queue
                .with(message.py(), |queue| queue.push_dropping(entry, priority));
            drop(dropped);
            return Ok(ACCEPTED);
        }
        let refused = self
            .queue
            .with(message.py(), |queue| queue.push(entry, priority));
        Ok(if refused.is_ok() { ACCEPTED } else { FULL })
    }

    /// Take the next message, or EMPTY.
    fn take(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self.queue.with(py, PriorityQueue::pop) {
            Some(entry) => Ok(entry.message),
            None => message::empty(py),
        }
    }

    /// The message that `take()` would give, or EMPTY.
    fn peek(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let next = self.queue.with(py, |queue| {
            queue.peek().map(|entry| entry.message.clone_ref(py))
        });
        next.map_or_else(|| message::empty(py), Ok)
    }

    /// Throw every message away; how many there were.
    fn clear(&self, py: Python<'_>) -> usize {
        self.queue.with(py, PriorityQueue::drain).len()
    }

    /// Messages queued.
    #[getter]
    fn depth(&self, py: Python<'_>) -> usize {
        self.queue.with(py, |queue| queue.len())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.priorities.traverse(&visit)?;
        match self.queue.look() {
            Some(queue) => queue.iter().try_for_each(|held| visit.call(held)),
            None => Ok(()),
        }
    }

    fn __clear__(&self, py: Python<'_>) {
        self.clear(py);
    }
}
