//! What the task of a parked kernel waits for.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use super::asyncio::cancelled_error;
use super::{Home, Object};
use crate::gil::GilCell;

/// Something like a future that can be waited for again and again, by one task.
///
/// asyncio's tasks take whatever has this interface. Unlike a future it knows when it was
/// cancelled, so that nobody runs a kernel whose cancellation is under way.
#[pyclass(module = "pydotcompute._core", frozen)]
#[derive(Debug)]
pub(crate) struct Parking {
    home: Py<Home>,
    state: GilCell<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The task's callback and the context to call it in.
    waiter: Option<(Object, Object)>,
    is_called: bool,
    cancelled: Option<Object>,
    is_blocking: bool,
}

impl Parking {
    pub(super) fn new(home: Py<Home>) -> Self {
        Self {
            home,
            state: GilCell::new(State::default()),
        }
    }

    /// The task is about to be handed this, to wait for it.
    pub(super) fn block(&self, py: Python<'_>) {
        self.state.with(py, |state| state.is_blocking = true);
    }

    /// Whether the task is on its way already.
    pub(super) fn is_called(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.is_called)
    }

    /// Whether the task is about to be told of a cancellation.
    pub(super) fn is_cancelled(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.cancelled.is_some())
    }

    /// Takes a cancellation back that the task was not told of yet.
    pub(super) fn rescind(&self, py: Python<'_>) {
        drop(self.state.with(py, |state| state.cancelled.take()));
    }

    /// Lets the task run at the loop's next turn; nothing where it is on its way.
    pub(super) fn call(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let parking = slf.get();
        let context = parking.state.with(py, |state| {
            let (_, context) = state.waiter.as_ref().filter(|_| !state.is_called)?;
            state.is_called = true;
            Some(context.clone_ref(py))
        });
        let Some(context) = context else {
            return Ok(());
        };
        let (is_queued, told) = parking.home.get().deliver_soon(slf, &context);
        if !is_queued {
            parking.state.with(py, |state| state.is_called = false);
        }
        told
    }
}

/// The loop has turned: let the task run, once, however often this was asked for.
#[pyfunction]
pub(super) fn deliver(py: Python<'_>, parking: &Bound<'_, Parking>) -> PyResult<()> {
    let waiter = parking.get().state.with(py, |state| {
        state.is_called = false;
        state.waiter.take()
    });
    match waiter {
        Some((callback, _)) => callback.call1(py, (parking,)).map(drop),
        None => Ok(()),
    }
}

#[pymethods]
impl Parking {
    #[getter]
    fn _asyncio_future_blocking(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.is_blocking)
    }

    #[setter(_asyncio_future_blocking)]
    fn set_asyncio_future_blocking(&self, py: Python<'_>, is_blocking: bool) {
        self.state.with(py, |state| state.is_blocking = is_blocking);
    }

    /// The loop whose task waits.
    fn get_loop(&self, py: Python<'_>) -> Object {
        self.home.get().event_loop().clone_ref(py)
    }

    /// Note the task's callback; a task waits once at a time.
    #[pyo3(signature = (callback, *, context))]
    fn add_done_callback(&self, py: Python<'_>, callback: Object, context: Object) {
        let waiter = Some((callback, context));
        let before = self
            .state
            .with(py, |state| std::mem::replace(&mut state.waiter, waiter));
        drop(before);
    }

    /// Let CancelledError be thrown at the task; False where none waits.
    #[pyo3(signature = (msg = None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<Object>) -> PyResult<bool> {
        let py = slf.py();
        let message = msg.unwrap_or_else(|| py.None());
        let (is_waited_for, before) = slf.get().state.with(py, |state| {
            let is_waited_for = state.waiter.is_some();
            let before = is_waited_for.then(|| state.cancelled.replace(message));
            (is_waited_for, before)
        });
        drop(before);
        Self::call(slf)?;
        Ok(is_waited_for)
    }

    /// Whether the task is on its way.
    fn done(&self, py: Python<'_>) -> bool {
        self.is_called(py)
    }

    /// Whether CancelledError is on its way to the task.
    fn cancelled(&self, py: Python<'_>) -> bool {
        self.is_cancelled(py)
    }

    /// Nothing; or raise CancelledError where that was asked for, once.
    fn result(&self, py: Python<'_>) -> PyResult<()> {
        match self.state.with(py, |state| state.cancelled.take()) {
            Some(message) => Err(cancelled_error(py, &message)?),
            None => Ok(()),
        }
    }

    fn __repr__(&self, py: Python<'_>) -> &'static str {
        if self.is_called(py) {
            "<Parking: woken>"
        } else {
            "<Parking: until there is a message>"
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.home)?;
        let Some(state) = self.state.look() else {
            return Ok(());
        };
        if let Some((callback, context)) = &state.waiter {
            visit.call(callback)?;
            visit.call(context)?;
        }
        state.cancelled.iter().try_for_each(|held| visit.call(held))
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.state.with(py, std::mem::take));
    }
}
