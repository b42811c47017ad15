//! Instances of frozen dataclasses, made of their fields at once.
#![allow(unsafe_code, reason = "PyO3 has no safe form of object.__setattr__")]

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyType};
use pyo3::{PyTypeInfo, ffi};

static NEW: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// An instance of `cls` whose attributes are `fields`, which is its own dict from now on.
///
/// Neither `__init__` nor a `__setattr__` of the class is called: those of a frozen dataclass take
/// longer than reading a kernel. TypeError where instances of `cls` are no plain objects.
pub(super) fn instance_of<'py>(
    cls: &Bound<'py, PyType>,
    fields: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    instance_with(
        cls,
        [(pyo3::intern!(cls.py(), "__dict__"), fields.as_any())],
    )
}

/// An instance of `cls` that has these attributes, set one by one: for a few of them the interpreter
/// needs no dict, which takes longer to make than they do. TypeError where one cannot be set.
pub(super) fn instance_with<'a, 'py: 'a>(
    cls: &Bound<'py, PyType>,
    attributes: impl IntoIterator<Item = (&'a Bound<'py, PyString>, &'a Bound<'py, PyAny>)>,
) -> PyResult<Bound<'py, PyAny>> {
    let made = new(cls.py())?.call1((cls,))?;
    for (name, value) in attributes {
        // SAFETY: all three are live objects that the interpreter lock, held by `cls`, guards; the
        // call keeps references of its own, and checks itself whether the attribute can be set.
        let failed = unsafe {
            ffi::PyObject_GenericSetAttr(made.as_ptr(), name.as_ptr(), value.as_ptr()) != 0
        };
        if failed {
            drop(PyErr::take(cls.py()));
            let text = format!("instances of {cls} keep no attributes in a dict");
            return Err(PyTypeError::new_err(text));
        }
    }
    Ok(made)
}

/// `object.__new__`, which refuses a class that it cannot make instances of.
fn new(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    let made = NEW.get_or_try_init(py, || {
        let object = PyAny::type_object(py);
        PyResult::Ok(object.getattr("__new__")?.unbind())
    })?;
    Ok(made.bind(py))
}

/// Makes what the first call would make: see [`super::snapshot::prepare`].
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    pyo3::intern!(py, "__dict__");
    new(py).map(drop)
}
