//! The coroutine that a kernel's task runs, and that callers may run for it.

use pyo3::exceptions::PyTypeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;

use super::asyncio::{self, Outcome};
use super::budget::{self, May};
use super::owed::{Owed, cancel_wait};
use super::phase::{Phase, Ran};
use super::{Home, Object, Parking};
use crate::gil::GilCell;

/// A coroutine around a kernel's coroutine, run by one task or, while parked, by callers.
#[pyclass(module = "pydotcompute._core", frozen, weakref)]
#[derive(Debug)]
pub(crate) struct Stepper {
    coroutine: Object,
    home: Py<Home>,
    parking: Py<Parking>,
    state: GilCell<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// The task, and the `run` of its context.
    bound: Option<(Object, Object)>,
    owed: Option<Owed>,
    /// What the coroutine did that was just resumed for a caller.
    outcome: Option<Outcome>,
    is_caller_run: bool,
}

impl Stepper {
    /// Whether a kernel that asks for a message now, here, may park.
    #[inline]
    pub(crate) fn may_park(&self, py: Python<'_>) -> PyResult<bool> {
        let task = self.state.with(py, |state| {
            let bound = state
                .bound
                .as_ref()
                .filter(|_| state.phase == Phase::Running);
            bound.map(|(task, _)| task.clone_ref(py))
        });
        match task {
            Some(task) => asyncio::is_current_task(py, self.event_loop(), &task),
            None => Ok(false),
        }
    }

    /// What a coroutine yields to park.
    pub(crate) fn parking(&self, py: Python<'_>) -> Object {
        self.parking.clone_ref(py).into_any()
    }

    /// Lets the task run that is owed something, or is cancelled, and was not told: a wake-up that
    /// was broken off again and again is asked for once more.
    pub(crate) fn wake_again(&self, py: Python<'_>) -> PyResult<()> {
        let is_owing = self.state.with(py, |state| state.phase == Phase::Owing);
        if is_owing || self.parking.get().is_cancelled(py) {
            Parking::call(self.parking.bind(py))?;
        }
        Ok(())
    }

    /// Runs the kernel on behalf of the current task until it suspends, where that may be.
    #[inline]
    pub(crate) fn run_for_caller(slf: &Bound<'_, Self>) -> PyResult<Ran> {
        let (py, stepper) = (slf.py(), slf.get());
        let Some((task, run)) = stepper.runnable(py) else {
            return Ok(Ran::No);
        };
        match budget::spend(py, stepper.home.get().address())? {
            May::Run => {}
            May::RunFirst => stepper.home.get().refill_soon(py)?,
            May::NotHere => return Ok(Ran::No),
            May::NotNow => return Ok(Ran::NotNow),
            May::NotNowNorLater => {
                stepper.home.get().refill_soon(py)?;
                return Ok(Ran::NotNow);
            }
        }
        stepper.exchange(slf.as_any(), &task, &run)
    }

    fn event_loop(&self) -> &Object {
        self.home.get().event_loop()
    }

    fn runnable(&self, py: Python<'_>) -> Option<(Object, Object)> {
        let bound = self.state.with(py, |state| {
            let bound = state.bound.as_ref()?;
            let is_parked = state.phase == Phase::Parked;
            is_parked.then(|| (bound.0.clone_ref(py), bound.1.clone_ref(py)))
        })?;
        (!self.parking.get().is_cancelled(py)).then_some(bound)
    }

    /// `myself`: this stepper.
    fn exchange(&self, myself: &Bound<'_, PyAny>, task: &Object, run: &Object) -> PyResult<Ran> {
        let py = myself.py();
        let caller = asyncio::swap_current_task(py, self.event_loop(), Some(task))?;
        let Some(caller) = caller else {
            asyncio::swap_current_task(py, self.event_loop(), None)?;
            return Ok(Ran::No); // a callback: nobody could wait here
        };
        self.state.with(py, |state| {
            state.phase = Phase::Running;
            state.is_caller_run = true;
        });
        let resume = &self.home.get().resume;
        let ran = budget::one_deeper(|| asyncio::run_in(py, run, resume, myself.as_unbound()));
        let restored = asyncio::swap_current_task(py, self.event_loop(), Some(&caller));
        let Some(outcome) = self.state.with(py, |state| state.outcome.take()) else {
            self.set(py, Phase::Parked, None);
            return restored.map(|_| Ran::No); // the context is entered already: nothing ran
        };
        self.settle(py, outcome, task)?;
        restored?;
        ran?;
        if asyncio::must_cancel(py, &caller)? {
            Ok(Ran::YesAndCancelled)
        } else {
            Ok(Ran::Yes)
        }
    }

    /// Notes how a run for a caller ended.
    fn settle(&self, py: Python<'_>, outcome: Outcome, task: &Object) -> PyResult<()> {
        let (phase, owed) = match outcome {
            Outcome::Yielded(yielded) if yielded.is(&self.parking) => (Phase::Parked, None),
            other => (Phase::Owing, Some(Owed::of(py, other))),
        };
        let is_owing = owed.is_some();
        self.set(py, phase, owed);
        let parking = self.parking.bind(py);
        let called = if is_owing {
            Parking::call(parking)
        } else {
            Ok(())
        };
        if parking.get().is_cancelled(py) && asyncio::is_rescinded(py, task)? {
            parking.get().rescind(py);
        }
        called
    }

    fn set(&self, py: Python<'_>, phase: Phase, owed: Option<Owed>) {
        let before = self.state.with(py, |state| {
            state.phase = phase;
            state.is_caller_run = false;
            std::mem::replace(&mut state.owed, owed)
        });
        drop(before);
    }

    /// Runs the kernel on behalf of its task, which runs in the kernel's context.
    fn run_for_task(&self, py: Python<'_>, thrown: Option<&Object>) -> PyResult<Option<Object>> {
        let (is_bound, owed) = self
            .state
            .with(py, |state| (state.bound.is_some(), state.owed.take()));
        if is_bound {
            // An eager task begins unbound, on top of whoever made it and not of the loop.
            budget::enter_from_loop(py, self.home.get().address());
        }
        if let Some(owed) = owed
            && let Some(handed) = self.hand_over(py, owed, thrown)?
        {
            return handed.map_or_else(|| self.end(py, Ok(())), |object| Ok(Some(object)));
        }
        self.set(py, Phase::Running, None);
        match thrown {
            None => self.pass_on(py, asyncio::resume(py, &self.coroutine)),
            Some(error) => self.pass_on(py, asyncio::throw(py, &self.coroutine, error)),
        }
    }

    /// Gives the task what it is owed: Some(Some(what to wait for)), Some(None) where the kernel
    /// has returned, None where a cancellation goes to the kernel instead.
    #[allow(
        clippy::option_option,
        reason = "three cases, told apart by the caller"
    )]
    fn hand_over(
        &self,
        py: Python<'_>,
        owed: Owed,
        thrown: Option<&Object>,
    ) -> PyResult<Option<Option<Object>>> {
        let (object, is_blocking) = match owed {
            Owed::Return => return Ok(Some(None)),
            Owed::Raise(error) => {
                return self
                    .end(py, Err(PyErr::from_value(error.into_bound(py))))
                    .map(Some);
            }
            Owed::Wait {
                object,
                is_blocking,
            } => (object, is_blocking),
        };
        if let Some(error) = thrown
            && !cancel_wait(&object, is_blocking, error.bind(py))?
        {
            return Ok(None);
        }
        self.set(py, Phase::Task, None);
        if is_blocking {
            object.setattr(py, intern!(py, "_asyncio_future_blocking"), true)?;
        }
        Ok(Some(Some(object)))
    }

    /// Hands on to the task what the kernel did.
    fn pass_on(&self, py: Python<'_>, outcome: Outcome) -> PyResult<Option<Object>> {
        match outcome {
            Outcome::Yielded(yielded) => {
                let is_parked = yielded.is(&self.parking);
                if is_parked {
                    self.parking.get().block(py);
                }
                let phase = if is_parked {
                    Phase::Parked
                } else {
                    Phase::Task
                };
                self.set(py, phase, None);
                Ok(Some(yielded))
            }
            Outcome::Returned => self.end(py, Ok(())),
            Outcome::Raised(error) => self.end(py, Err(error)),
        }
    }

    fn end(&self, py: Python<'_>, result: PyResult<()>) -> PyResult<Option<Object>> {
        self.set(py, Phase::Finished, None);
        drop(self.state.with(py, |state| state.bound.take()));
        result.map(|()| None)
    }
}

/// Resumes the kernel's coroutine; `Context.run()` calls it, without a Python frame.
#[pyfunction]
pub(super) fn resume_kernel(py: Python<'_>, stepper: &Bound<'_, Stepper>) {
    let stepper = stepper.get();
    let outcome = asyncio::resume(py, &stepper.coroutine);
    stepper
        .state
        .with(py, |state| state.outcome = Some(outcome));
}

#[pymethods]
impl Stepper {
    /// A stepper for a coroutine whose task will run on `home`.
    #[new]
    fn new(py: Python<'_>, coroutine: Object, home: Py<Home>) -> PyResult<Self> {
        let parking = Py::new(py, Parking::new(home.clone_ref(py)))?;
        Ok(Self {
            coroutine,
            home,
            parking,
            state: GilCell::new(State {
                phase: Phase::Task,
                bound: None,
                owed: None,
                outcome: None,
                is_caller_run: false,
            }),
        })
    }

    /// Let the kernel park and callers run it: `task` runs this, in `context`.
    fn bind(&self, py: Python<'_>, task: Object, context: &Bound<'_, PyAny>) -> PyResult<()> {
        let run = context.getattr(intern!(py, "run"))?.unbind();
        let before = self.state.with(py, |state| {
            let is_finished = state.phase == Phase::Finished;
            (!is_finished).then(|| state.bound.replace((task, run)))
        });
        drop(before);
        Ok(())
    }

    /// Let the task run at the loop's next turn; whether it waits parked and was not on its way.
    pub(crate) fn wake(&self, py: Python<'_>) -> PyResult<bool> {
        let parking = self.parking.bind(py);
        if !self.is_parked(py) {
            return self.wake_again(py).map(|()| false);
        }
        if parking.get().is_called(py) {
            return Ok(false);
        }
        Parking::call(parking)?;
        Ok(true)
    }

    /// Whether the kernel waits parked.
    #[getter]
    pub(crate) fn is_parked(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.phase == Phase::Parked)
    }

    /// Whether a caller runs the kernel.
    #[getter]
    fn is_caller_run(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.is_caller_run)
    }

    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Object>> {
        self.run_for_task(py, None)
    }

    /// Resume it, as a coroutine's `send(None)`.
    fn send(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<Object> {
        if !value.is_none() {
            return Err(PyTypeError::new_err(
                "a kernel's coroutine takes nothing but None",
            ));
        }
        self.run_for_task(py, None)?.ok_or_else(stop)
    }

    /// Throw an exception into it, as a coroutine's `throw()`.
    #[pyo3(signature = (kind, value = None, traceback = None))]
    fn throw(
        &self,
        py: Python<'_>,
        kind: &Bound<'_, PyAny>,
        value: Option<&Bound<'_, PyAny>>,
        traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Object> {
        let error = asyncio::thrown(kind, value, traceback)?;
        self.run_for_task(py, Some(&error))?.ok_or_else(stop)
    }

    /// End it, as a coroutine's `close()`.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.end(py, Ok(()))?;
        self.coroutine
            .call_method0(py, intern!(py, "close"))
            .map(drop)
    }

    /// What debuggers and libraries ask of a coroutine is the kernel's own coroutine's.
    fn __getattr__(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<Object> {
        self.coroutine
            .bind(py)
            .getattr(name.cast::<pyo3::types::PyString>()?)
            .map(Bound::unbind)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.coroutine)?;
        visit.call(&self.home)?;
        visit.call(&self.parking)?;
        let Some(state) = self.state.look() else {
            return Ok(());
        };
        if let Some((task, run)) = &state.bound {
            visit.call(task)?;
            visit.call(run)?;
        }
        match &state.owed {
            Some(Owed::Wait { object, .. } | Owed::Raise(object)) => visit.call(object),
            _ => Ok(()),
        }
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.state.with(py, |state| state.bound.take()));
        drop(self.state.with(py, |state| state.owed.take()));
    }
}

fn stop() -> PyErr {
    pyo3::exceptions::PyStopIteration::new_err(())
}
