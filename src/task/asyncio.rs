//! What the stepper needs of asyncio and of the interpreter, without a Python frame.
#![allow(
    unsafe_code,
    reason = "calls of the stable C API that PyO3 does not wrap, each in a function of its own"
)]

use std::ptr;

use pyo3::exceptions::{PyBaseException, PyRuntimeError, PyStopIteration};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};
use pyo3::{ffi, intern};

use super::Object;

/// How the current task of a loop is read and exchanged.
enum Current {
    /// CPython 3.11: a dict from loop to task.
    Tasks(Py<PyDict>),
    /// CPython 3.12 and newer: two functions.
    Calls { swap: Object, read: Object },
}

struct Hooks {
    /// `asyncio._get_running_loop`, which gives None where there is none.
    running_loop: Object,
    current: Current,
    cancelled_error: Object,
    /// `sys._getframemodulename`, of CPython 3.12 and newer.
    frame_at: Option<Object>,
    recursion_limit: Object,
    /// Whether taking a cancellation back undoes it (CPython 3.13 and newer).
    uncancel_rescinds: bool,
}

static HOOKS: PyOnceLock<Hooks> = PyOnceLock::new();

/// Looks everything up, once.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    hooks(py).map(drop)
}

fn hooks(py: Python<'_>) -> PyResult<&'static Hooks> {
    HOOKS.get_or_try_init(py, || {
        let (tasks, sys) = (py.import("asyncio.tasks")?, py.import("sys")?);
        let current = match tasks.getattr_opt("_swap_current_task")? {
            Some(swap) => Current::Calls {
                swap: swap.unbind(),
                read: tasks.getattr("current_task")?.unbind(),
            },
            None => Current::Tasks(tasks.getattr("_current_tasks")?.cast_into()?.unbind()),
        };
        Ok(Hooks {
            running_loop: py.import("asyncio")?.getattr("_get_running_loop")?.unbind(),
            current,
            cancelled_error: py.import("asyncio")?.getattr("CancelledError")?.unbind(),
            frame_at: sys.getattr_opt("_getframemodulename")?.map(Bound::unbind),
            recursion_limit: sys.getattr("getrecursionlimit")?.unbind(),
            uncancel_rescinds: py.version_info() >= (3, 13),
        })
    })
}

/// Whether a task of `home` runs, in whatever thread.
#[inline]
pub(super) fn has_current_task(py: Python<'_>, home: &Object) -> PyResult<bool> {
    match &hooks(py)?.current {
        Current::Calls { read, .. } => Ok(!call(py, read, [home])?.is_none(py)),
        Current::Tasks(tasks) => Ok(task_of(py, tasks, home)?.is_some()),
    }
}

/// The current task of `home`, in CPython 3.11's dict of them.
///
/// Where one loop runs its task is alone in there, and the first entry takes a fifth of the time of
/// a search.
#[inline]
fn task_of(py: Python<'_>, tasks: &Py<PyDict>, home: &Object) -> PyResult<Option<Object>> {
    let (mut at, mut key, mut task) = (0, ptr::null_mut(), ptr::null_mut());
    let entries = tasks.as_ptr();
    // SAFETY: attached; the dict is held by the caller, and the places to write to are ours.
    let found = unsafe { ffi::PyDict_Next(entries, &raw mut at, &raw mut key, &raw mut task) };
    if found != 0 && key == home.as_ptr() {
        // SAFETY: attached; the dict holds what the line above borrowed, and nothing ran since.
        let task = unsafe { Borrowed::from_ptr(py, task) };
        return Ok(Some(task.to_owned().unbind()));
    }
    Ok(tasks.bind(py).get_item(home)?.map(Bound::unbind))
}

/// Whether `home` is the loop that runs in this thread.
#[inline]
pub(super) fn is_running(py: Python<'_>, home: &Object) -> PyResult<bool> {
    Ok(hooks(py)?.running_loop.call0(py)?.is(home))
}

/// Makes `task` the current one of `home`, None for none, and returns the one that was.
pub(super) fn swap_current_task(
    py: Python<'_>,
    home: &Object,
    task: Option<&Object>,
) -> PyResult<Option<Object>> {
    match &hooks(py)?.current {
        Current::Calls { swap, .. } => {
            let task = task.map_or_else(|| py.None(), |task| task.clone_ref(py));
            let before = call(py, swap, [home, &task])?;
            Ok((!before.is_none(py)).then_some(before))
        }
        Current::Tasks(tasks) => {
            let before = task_of(py, tasks, home)?;
            match task {
                Some(task) => tasks.bind(py).set_item(home, task)?,
                None if before.is_some() => tasks.bind(py).del_item(home)?,
                None => {}
            }
            Ok(before)
        }
    }
}

/// Whether `task` is the current one of `home`.
pub(super) fn is_current_task(py: Python<'_>, home: &Object, task: &Object) -> PyResult<bool> {
    match &hooks(py)?.current {
        Current::Calls { read, .. } => Ok(call(py, read, [home])?.is(task)),
        Current::Tasks(tasks) => {
            let current = task_of(py, tasks, home)?;
            Ok(current.is_some_and(|current| current.is(task)))
        }
    }
}

/// Whether a cancellation may wait for `task` to suspend; a task that is not asyncio's does not say.
pub(super) fn must_cancel(py: Python<'_>, task: &Object) -> PyResult<bool> {
    let told = task.bind(py).getattr_opt(intern!(py, "_must_cancel"))?;
    told.map_or(Ok(true), |told| told.is_truthy())
}

/// Whether every cancellation of `task` was taken back, where that undoes them.
pub(super) fn is_rescinded(py: Python<'_>, task: &Object) -> PyResult<bool> {
    if !hooks(py)?.uncancel_rescinds {
        return Ok(false);
    }
    let requests = task.call_method0(py, intern!(py, "cancelling"))?;
    Ok(!requests.is_truthy(py)?)
}

/// The CancelledError for a cancellation with this message.
pub(super) fn cancelled_error(py: Python<'_>, message: &Object) -> PyResult<PyErr> {
    let class = hooks(py)?.cancelled_error.bind(py);
    let error = if message.is_none(py) {
        class.call0()?
    } else {
        class.call1((message,))?
    };
    Ok(PyErr::from_value(error))
}

/// Whether an exception is a CancelledError.
pub(super) fn is_cancellation(error: &Bound<'_, PyBaseException>) -> PyResult<bool> {
    let py = error.py();
    error.is_instance(hooks(py)?.cancelled_error.bind(py))
}

/// Whether the Python stack is so deep that code run on top of it might meet the recursion limit;
/// always false on CPython 3.11, where only raising an exception could tell.
pub(super) fn is_deep(py: Python<'_>) -> PyResult<bool> {
    let Some(frame_at) = &hooks(py)?.frame_at else {
        return Ok(false);
    };
    let limit: usize = hooks(py)?.recursion_limit.call0(py)?.extract(py)?;
    let depth = (limit / 2).into_pyobject(py)?.into_any().unbind();
    Ok(!call(py, frame_at, [&depth])?.is_none(py))
}

/// Where the exception lies that the calling code handles just now; 0 where it handles none.
pub(super) fn handled_exception(_attached: Python<'_>) -> usize {
    // SAFETY: attached; the call takes nothing and returns a new reference or null.
    let handled = unsafe { ffi::PyErr_GetHandledException() };
    // SAFETY: attached; the reference of the line above, given back. Whoever handles it holds it.
    unsafe { ffi::Py_XDECREF(handled) };
    // SAFETY: attached; the call returns a borrowed, immortal object.
    let none = unsafe { ffi::Py_None() };
    if handled == none { 0 } else { handled as usize }
}

/// What came out of a coroutine that was resumed.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It suspended with this.
    Yielded(Object),
    /// It returned.
    Returned,
    /// An exception left it.
    Raised(PyErr),
}

/// Resumes a coroutine in the caller's context.
pub(super) fn resume(py: Python<'_>, coroutine: &Object) -> Outcome {
    let mut result = ptr::null_mut();
    // SAFETY: attached; both objects are held by the caller, and `result` is a place to write to.
    let sent = unsafe { ffi::PyIter_Send(coroutine.as_ptr(), ffi::Py_None(), &raw mut result) };
    match (sent, owned(py, result)) {
        (ffi::PySendResult::PYGEN_NEXT, Ok(yielded)) => Outcome::Yielded(yielded),
        (_, Ok(_returned)) => Outcome::Returned,
        (_, Err(error)) => Outcome::Raised(error),
    }
}

/// Throws an exception into a coroutine.
pub(super) fn throw(py: Python<'_>, coroutine: &Object, error: &Object) -> Outcome {
    match coroutine.call_method1(py, intern!(py, "throw"), (error,)) {
        Ok(yielded) => Outcome::Yielded(yielded),
        Err(error) if error.is_instance_of::<PyStopIteration>(py) => Outcome::Returned,
        Err(error) => Outcome::Raised(error),
    }
}

/// Calls `function(argument)` in a context, by the `run` of the context.
pub(super) fn run_in(
    py: Python<'_>,
    run: &Object,
    function: &Object,
    argument: &Object,
) -> PyResult<()> {
    call(py, run, [function, argument]).map(drop)
}

/// The exception object that the three arguments of a coroutine's `throw()` mean.
pub(super) fn thrown(
    kind: &Bound<'_, PyAny>,
    value: Option<&Bound<'_, PyAny>>,
    traceback: Option<&Bound<'_, PyAny>>,
) -> PyResult<Object> {
    let error = match value {
        _ if kind.is_instance_of::<PyBaseException>() => kind.clone(),
        Some(value) if value.is_instance_of::<PyBaseException>() => value.clone(),
        Some(value) if !value.is_none() => kind.call1((value,))?,
        _ => kind.call0()?,
    };
    let error = error.cast_into::<PyBaseException>()?;
    if let Some(traceback) = traceback.filter(|traceback| !traceback.is_none()) {
        error.setattr(intern!(error.py(), "__traceback__"), traceback)?;
    }
    Ok(error.into_any().unbind())
}

/// Tries of a call that an exception of a signal handler may break off.
const CALL_TRIES: usize = 4;

/// Calls `callback(argument)` at the next turn of a loop, by its `call_soon`.
///
/// That of the stock loop is Python code: where a signal handler raised in it, the callback may
/// not be queued, so it is tried again; callbacks bear one call too many. Returns whether it is
/// queued, and what was raised meanwhile.
pub(super) fn call_soon(
    py: Python<'_>,
    call_soon: &Object,
    (callback, argument, context): (&Object, &Object, &Object),
) -> (bool, PyResult<()>) {
    let mut told = Ok(());
    for _ in 0..CALL_TRIES {
        match call_soon_once(call_soon.bind(py), [callback, argument], context) {
            Ok(()) => return (true, told),
            Err(error) if error.is_instance_of::<PyRuntimeError>(py) => return (false, Err(error)), // closed
            Err(error) => told = told.and(Err(error)),
        }
    }
    (false, told)
}

fn call_soon_once(
    call_soon: &Bound<'_, PyAny>,
    call: [&Object; 2],
    context: &Object,
) -> PyResult<()> {
    let py = call_soon.py();
    let options = PyDict::new(py);
    options.set_item(intern!(py, "context"), context)?;
    call_soon
        .call(PyTuple::new(py, call)?, Some(&options))
        .map(drop)
}

/// Calls a function that a caller handed in, by position.
fn call<const N: usize>(
    py: Python<'_>,
    function: &Object,
    arguments: [&Object; N],
) -> PyResult<Object> {
    let function = function.as_ptr();
    let end = ptr::null_mut::<ffi::PyObject>();
    let argument = |index: usize| arguments.get(index).map_or(end, |held| held.as_ptr());
    // SAFETY: attached; all objects are held by the caller, and a null pointer ends the arguments.
    let result = unsafe {
        ffi::PyObject_CallFunctionObjArgs(function, argument(0), argument(1), argument(2))
    };
    owned(py, result)
}

/// A new reference, or the exception that was set.
fn owned(py: Python<'_>, result: *mut ffi::PyObject) -> PyResult<Object> {
    // SAFETY: attached; the callers hand in what the C API returned as a new reference or null.
    unsafe { Bound::from_owned_ptr_or_err(py, result) }.map(Bound::unbind)
}
