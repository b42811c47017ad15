//! The event loop that kernels' tasks run on.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::{intern, wrap_pyfunction};

use super::asyncio::call_soon;
use super::budget::refill_budget;
use super::parking::deliver;
use super::stepper::resume_kernel;
use super::{Object, Parking};

/// An event loop, with what the tasks of all its kernels need of it, made once for them all.
#[pyclass(module = "pydotcompute._core", frozen)]
#[derive(Debug)]
pub(crate) struct Home {
    event_loop: Object,
    call_soon: Object,
    /// An empty one, for what concerns no kernel.
    context: Object,
    deliver: Object,
    refill: Object,
    pub(super) resume: Object,
}

impl Home {
    pub(super) fn event_loop(&self) -> &Object {
        &self.event_loop
    }

    /// Where the loop lies in memory.
    pub(super) fn address(&self) -> usize {
        self.event_loop.as_ptr() as usize
    }

    /// Lets a parked task run at the next turn, in `context`; what it returns is that of
    /// [`call_soon`].
    pub(super) fn deliver_soon(
        &self,
        parking: &Bound<'_, Parking>,
        context: &Object,
    ) -> (bool, PyResult<()>) {
        let parked = parking.clone().into_any().unbind();
        call_soon(
            parking.py(),
            &self.call_soon,
            (&self.deliver, &parked, context),
        )
    }

    /// Lets the budget of callers be refilled at the next turn.
    pub(super) fn refill_soon(&self, py: Python<'_>) -> PyResult<()> {
        let none = py.None();
        call_soon(py, &self.call_soon, (&self.refill, &none, &self.context)).1
    }
}

#[pymethods]
impl Home {
    /// The home of those whose tasks run on `event_loop`.
    #[new]
    fn new(py: Python<'_>, event_loop: Object) -> PyResult<Self> {
        let contexts = py.import(intern!(py, "contextvars"))?;
        Ok(Self {
            call_soon: event_loop.getattr(py, intern!(py, "call_soon"))?,
            event_loop,
            context: contexts.call_method0(intern!(py, "Context"))?.unbind(),
            deliver: wrap_pyfunction!(deliver, py)?.into_any().unbind(),
            refill: wrap_pyfunction!(refill_budget, py)?.into_any().unbind(),
            resume: wrap_pyfunction!(resume_kernel, py)?.into_any().unbind(),
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.event_loop)?;
        visit.call(&self.call_soon)?;
        visit.call(&self.context)
    }
}
