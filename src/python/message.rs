//! What crosses the border beside messages: answers of the mailbox, priorities, error replies.

use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyType};

use crate::gil::GilCell;
use crate::queue::NORMAL_PRIORITY;

/// The message or reply is in its queue.
pub(super) const ACCEPTED: u8 = 0;
/// The queue is full.
pub(super) const FULL: u8 = 1;
/// The queue takes nothing any more.
pub(super) const CLOSED: u8 = 2;

/// A value that no message can be: EMPTY (nothing now), END (nothing now and none ever) or PARK
/// (nothing now, and the kernel may wait parked).
#[pyclass(module = "pydotcompute._core", frozen)]
#[derive(Debug)]
pub(crate) struct Sentinel(&'static str);

#[pymethods]
impl Sentinel {
    fn __repr__(&self) -> &'static str {
        self.0
    }
}

struct Sentinels {
    empty: Py<Sentinel>,
    end: Py<Sentinel>,
    park: Py<Sentinel>,
}

static SENTINELS: PyOnceLock<Sentinels> = PyOnceLock::new();

fn sentinels(py: Python<'_>) -> PyResult<&'static Sentinels> {
    SENTINELS.get_or_try_init(py, || {
        Ok(Sentinels {
            empty: Py::new(py, Sentinel("EMPTY"))?,
            end: Py::new(py, Sentinel("END"))?,
            park: Py::new(py, Sentinel("PARK"))?,
        })
    })
}

pub(super) fn empty(py: Python<'_>) -> PyResult<Py<PyAny>> {
    Ok(sentinels(py)?.empty.clone_ref(py).into_any())
}

pub(super) fn end(py: Python<'_>) -> PyResult<Py<PyAny>> {
    Ok(sentinels(py)?.end.clone_ref(py).into_any())
}

pub(super) fn park(py: Python<'_>) -> PyResult<Py<PyAny>> {
    Ok(sentinels(py)?.park.clone_ref(py).into_any())
}

pub(super) fn add_sentinels(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("EMPTY", empty(py)?)?;
    module.add("END", end(py)?)?;
    module.add("PARK", park(py)?)
}

/// An error in the place of a reply.
#[pyclass(module = "pydotcompute._core", frozen)]
#[derive(Debug)]
pub(crate) struct ErrorReply {
    /// The exception.
    #[pyo3(get)]
    error: Py<PyAny>,
}

#[pymethods]
impl ErrorReply {
    #[new]
    fn new(error: Py<PyAny>) -> Self {
        Self { error }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.error)
    }
}

impl From<Py<PyAny>> for ErrorReply {
    fn from(error: Py<PyAny>) -> Self {
        Self { error }
    }
}

/// Reads the priorities of messages; what is no instance of a message class has the normal one.
///
/// Remembers whether the type it saw last is a message class, so that a stream of one type is
/// asked once.
#[derive(Debug)]
pub(super) struct Priorities(GilCell<Option<(Py<PyType>, bool)>>);

impl Priorities {
    pub(super) fn new() -> Self {
        Self(GilCell::new(None))
    }

    /// The priority of a message; `PriorityError` where that of a message class is not 0 to 255.
    #[inline]
    pub(super) fn of(&self, message: &Bound<'_, PyAny>) -> PyResult<u8> {
        if self.is_message(message)? {
            priority_of(message)
        } else {
            Ok(NORMAL_PRIORITY)
        }
    }

    /// Whether this is an instance of a message class.
    #[inline]
    pub(super) fn is_message(&self, object: &Bound<'_, PyAny>) -> PyResult<bool> {
        let kind = object.get_type();
        match self.recall(&kind) {
            Some(known) => Ok(known),
            None => self.learn(kind),
        }
    }

    /// Visits the type remembered, for the garbage collector.
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.0.look().as_deref() {
            Some(Some((kind, _))) => visit.call(kind),
            _ => Ok(()),
        }
    }

    #[inline]
    fn recall(&self, kind: &Bound<'_, PyType>) -> Option<bool> {
        self.0.with(kind.py(), |last| {
            let (last, is_message) = last.as_ref()?;
            last.is(kind).then_some(*is_message)
        })
    }

    #[cold]
    fn learn(&self, kind: Bound<'_, PyType>) -> PyResult<bool> {
        let py = kind.py();
        let is_message = kind.hasattr(intern!(py, "__ring_message__"))?;
        let kind = kind.unbind();
        let before = self.0.with(py, |last| last.replace((kind, is_message)));
        drop(before); // the type before, and here its code may run
        Ok(is_message)
    }
}

/// Whether a reply that is a message says that it answers this one, or does not say what it answers.
pub(super) fn may_answer(reply: &Bound<'_, PyAny>, message: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = reply.py();
    match reply.getattr_opt(intern!(py, "correlation_id"))? {
        Some(named) if !named.is_none() => {
            let message_id = message.getattr_opt(intern!(py, "message_id"))?;
            message_id.map_or(Ok(false), |message_id| named.eq(message_id))
        }
        _ => Ok(true),
    }
}

create_exception!(
    pydotcompute._core,
    PriorityError,
    PyValueError,
    "The priority of a message is not an int from 0 to 255."
);

fn priority_of(message: &Bound<'_, PyAny>) -> PyResult<u8> {
    let priority = message.getattr(intern!(message.py(), "priority"))?;
    let number = if priority.is_instance_of::<PyBool>() {
        None
    } else {
        priority.extract().ok()
    };
    number.ok_or_else(|| {
        PriorityError::new_err(format!(
            "priority must be an int from 0 to 255 ({NORMAL_PRIORITY} is normal), got {priority:?}"
        ))
    })
}
