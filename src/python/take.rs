//! A kernel's asking for messages, as something to await.

use pyo3::exceptions::{PyRuntimeError, PyRuntimeWarning, PyTypeError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::fast_path::FastPath;
use crate::clock::Clock;
use crate::gil::GilCell;
use crate::mailbox::Take as Taken;
use crate::task::{self, Outcome};

type Object = Py<PyAny>;

/// A coroutine that takes a kernel's next message, or a list of the next ones.
///
/// A kernel's own task parks in it, so that callers may run the kernel; whoever else awaits it, and
/// whoever has to wait in line, awaits the coroutine of the calls that wait instead.
#[pyclass(module = "pydotcompute._core", frozen)]
#[derive(Debug)]
pub(crate) struct Take {
    path: Py<FastPath>,
    /// For a list: how many messages at most.
    most: Option<usize>,
    timeout: Option<f64>,
    state: GilCell<State>,
}

#[derive(Debug)]
enum State {
    New,
    /// Until this time, where there is a timeout.
    Parked(Option<u64>),
    /// It is another coroutine that waits.
    Waiting(Object),
    Done,
}

impl Take {
    #[inline]
    pub(super) fn new(path: Py<FastPath>, most: Option<usize>, timeout: Option<f64>) -> Self {
        Self {
            path,
            most,
            timeout,
            state: GilCell::new(State::New),
        }
    }

    #[inline]
    fn enter(&self, py: Python<'_>, state: State) -> State {
        self.state.with(py, |held| std::mem::replace(held, state))
    }

    /// Takes what there is; `again`: what was asked for before, which ends nothing.
    #[inline]
    fn try_take(&self, py: Python<'_>, again: bool) -> PyResult<Taken<Object>> {
        let mailbox = self.path.get().mailbox();
        let Some(most) = self.most else {
            return Ok(mailbox.with(py, |mailbox| {
                if again {
                    mailbox.take_again()
                } else {
                    mailbox.take()
                }
            }));
        };
        let taken = mailbox.with(py, |mailbox| {
            if again {
                mailbox.take_batch_again(most)
            } else {
                mailbox.take_batch(most)
            }
        });
        Ok(match taken {
            Taken::Message(batch) => Taken::Message(PyList::new(py, batch)?.into_any().unbind()),
            Taken::Empty => Taken::Empty,
            Taken::End => Taken::End,
        })
    }

    /// The first step; Err(StopIteration) with what was taken.
    fn begin(&self, py: Python<'_>) -> PyResult<Object> {
        let path = self.path.get();
        let stepper = path.stepper(py);
        let has_others = path.has_waiting_taker(py)?
            || path.has_waiting_sender(py)?
            || stepper
                .as_ref()
                .is_some_and(|stepper| stepper.get().is_parked(py));
        if has_others {
            return self.wait(py);
        }
        match self.try_take(py, false)? {
            Taken::Message(message) => return Err(task::stop(message.into_bound(py))),
            Taken::Empty => {}
            Taken::End => return self.wait(py),
        }
        match stepper {
            Some(stepper) if stepper.get().may_park(py)? && self.timeout != Some(0.0) => {
                let deadline_ns = match self.timeout {
                    Some(seconds) if seconds.is_finite() => {
                        if !path.timer.keeps_time() {
                            return self.wait(py);
                        }
                        Some(path.timer.wait_until(&self.path, py, seconds)?)
                    }
                    _ => None,
                };
                self.park(py, deadline_ns)
            }
            _ => self.wait(py),
        }
    }

    fn park(&self, py: Python<'_>, deadline_ns: Option<u64>) -> PyResult<Object> {
        let path = self.path.get();
        if path.is_watched(py)? {
            path.call_waiting(py, "tell_quiet")?;
        }
        let stepper = path.stepper(py).ok_or_else(reused)?;
        self.enter(py, State::Parked(deadline_ns));
        Ok(stepper.get().parking(py))
    }

    /// The kernel was woken, or is run by a caller.
    fn resume(&self, py: Python<'_>, deadline_ns: Option<u64>) -> PyResult<Object> {
        let path = self.path.get();
        if path.mailbox().with(py, |mailbox| mailbox.has_message()) {
            self.wake_others(py)?; // before the message has moved: this may raise
        }
        match self.try_take(py, true)? {
            Taken::Message(message) => {
                path.timer.wait_no_more(py);
                Err(task::stop(message.into_bound(py)))
            }
            Taken::Empty if is_over(deadline_ns) => {
                path.timer.wait_no_more(py);
                Err(path.late(py, self.timeout))
            }
            Taken::Empty => self.park(py, deadline_ns),
            Taken::End => {
                path.timer.wait_no_more(py);
                self.wait(py)
            }
        }
    }

    /// A place becomes free, and others of the kernel may wait for what comes next.
    fn wake_others(&self, py: Python<'_>) -> PyResult<()> {
        let path = self.path.get();
        if path.has_waiting_sender(py)? {
            path.call_waiting(py, "wake_sender")?;
        }
        if path.has_waiting_taker(py)? {
            path.call_waiting(py, "wake_taker")?;
        }
        Ok(())
    }

    /// Goes on as the call that waits.
    fn wait(&self, py: Python<'_>) -> PyResult<Object> {
        let waiting = &self.path.get().waiting;
        let coroutine = match self.most {
            None => waiting.call_method1(py, intern!(py, "take"), (self.timeout,))?,
            Some(most) => {
                waiting.call_method1(py, intern!(py, "take_batch"), (most, self.timeout))?
            }
        };
        let outcome = task::resume(py, &coroutine);
        self.follow(py, coroutine, outcome)
    }

    fn follow(&self, py: Python<'_>, coroutine: Object, outcome: Outcome) -> PyResult<Object> {
        match outcome {
            Outcome::Yielded(yielded) => {
                self.enter(py, State::Waiting(coroutine));
                Ok(yielded)
            }
            Outcome::Returned(value) => Err(task::stop(value.into_bound(py))),
            Outcome::Raised(error) => Err(error),
        }
    }

    fn step(&self, py: Python<'_>) -> PyResult<Object> {
        match self.enter(py, State::Done) {
            State::New => self.begin(py),
            State::Parked(deadline_ns) => self.resume(py, deadline_ns),
            State::Waiting(coroutine) => {
                let outcome = task::resume(py, &coroutine);
                self.follow(py, coroutine, outcome)
            }
            State::Done => Err(reused()),
        }
    }

    /// Leaves without a message; who waits behind may get it.
    fn leave(&self, py: Python<'_>) -> PyResult<()> {
        let path = self.path.get();
        path.timer.wait_no_more(py);
        self.wake_others(py)
    }
}

#[pymethods]
impl Take {
    #[getter]
    fn __name__(&self) -> &'static str {
        if self.most.is_none() {
            "receive"
        } else {
            "receive_batch"
        }
    }

    #[getter]
    fn __qualname__(&self) -> String {
        format!("KernelContext.{}", self.__name__())
    }

    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Object> {
        self.step(py)
    }

    /// Resume it, as a coroutine's `send(None)`.
    fn send(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<Object> {
        if !value.is_none() {
            return Err(PyTypeError::new_err(
                "a wait for a message takes nothing but None",
            ));
        }
        self.step(py)
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
        let error = task::thrown(kind, value, traceback)?;
        match self.enter(py, State::Done) {
            State::Waiting(coroutine) => {
                let outcome = task::throw(py, &coroutine, &error);
                return self.follow(py, coroutine, outcome);
            }
            State::Parked(_) => self.leave(py)?,
            State::New => {}
            State::Done => return Err(reused()),
        }
        Err(PyErr::from_value(error.into_bound(py)))
    }

    /// End it, as a coroutine's `close()`.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        match self.enter(py, State::Done) {
            State::Waiting(coroutine) => coroutine.call_method0(py, intern!(py, "close")).map(drop),
            State::Parked(_) => self.leave(py),
            State::New | State::Done => Ok(()),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.path)?;
        match self.state.look().as_deref() {
            Some(State::Waiting(coroutine)) => visit.call(coroutine),
            _ => Ok(()),
        }
    }
}

impl Drop for Take {
    fn drop(&mut self) {
        match self.state.look().as_deref() {
            Some(State::New) => Python::attach(|py| self.warn_never_awaited(py)),
            Some(State::Parked(_)) => Python::attach(|py| self.abandon(py)),
            _ => {}
        }
    }
}

impl Take {
    /// Dropped where it waited, as a coroutine that is closed: who waits behind may get the message.
    #[cold]
    fn abandon(&self, py: Python<'_>) {
        let under_way = PyErr::take(py);
        if let Err(error) = self.leave(py) {
            error.write_unraisable(py, None);
        }
        if let Some(error) = under_way {
            error.restore(py);
        }
    }

    /// As the interpreter does for a coroutine.
    #[cold]
    fn warn_never_awaited(&self, py: Python<'_>) {
        let under_way = PyErr::take(py);
        let text = format!("coroutine '{}' was never awaited\0", self.__qualname__());
        if let Ok(text) = std::ffi::CStr::from_bytes_with_nul(text.as_bytes())
            && let Err(error) = PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), text, 1)
        {
            error.write_unraisable(py, None);
        }
        if let Some(error) = under_way {
            error.restore(py);
        }
    }
}

fn reused() -> PyErr {
    PyRuntimeError::new_err("cannot reuse already awaited coroutine")
}

fn is_over(deadline_ns: Option<u64>) -> bool {
    deadline_ns.is_some_and(|deadline_ns| Clock::System.monotonic_ns() >= deadline_ns)
}
