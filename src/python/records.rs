//! Records in the memory of a Python object, without a copy of them.
#![allow(
    unsafe_code,
    reason = "PyO3's own buffers ask for a format, which takes a microsecond"
)]

use std::mem::MaybeUninit;
use std::os::raw::c_int;

use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;

/// From so many bytes on, copying takes longer than giving up the interpreter lock and waiting for
/// it again.
const LONG_BYTES: usize = 1 << 18;

/// Shows `work` the bytes that `records` exports: whole records of `record_bytes`, side by side.
///
/// Large ones are shown without the interpreter lock. Whoever writes to them meanwhile, from another
/// thread, decides what is read.
pub(super) fn look<R: Send>(
    records: &Bound<'_, PyAny>,
    record_bytes: usize,
    work: impl FnOnce(&[u8]) -> R + Send,
) -> PyResult<R> {
    let mut place = MaybeUninit::uninit();
    let view = View::of(records, ffi::PyBUF_C_CONTIGUOUS, &mut place)?;
    view.check(record_bytes)?;
    let length = view.length();
    // SAFETY: exported for as long as the view lives: so many bytes in one piece.
    let bytes = unsafe { std::slice::from_raw_parts(view.start(), length) };
    Ok(outside(records.py(), length, || work(bytes)))
}

/// Lets `work` fill the bytes that `into` exports: room for whole records of `record_bytes`.
///
/// Large ones are lent without the interpreter lock, see [`look`].
pub(super) fn fill<R: Send>(
    into: &Bound<'_, PyAny>,
    record_bytes: usize,
    work: impl FnOnce(&mut [u8]) -> R + Send,
) -> PyResult<R> {
    let mut place = MaybeUninit::uninit();
    let flags = ffi::PyBUF_C_CONTIGUOUS | ffi::PyBUF_WRITABLE;
    let view = View::of(into, flags, &mut place)?;
    view.check(record_bytes)?;
    let length = view.length();
    // SAFETY: exported to be written, for as long as the view lives: so many bytes in one piece.
    let bytes = unsafe { std::slice::from_raw_parts_mut(view.start(), length) };
    Ok(outside(into.py(), length, || work(bytes)))
}

fn outside<R: Send>(py: Python<'_>, length: usize, work: impl FnOnce() -> R + Send) -> R {
    if length < LONG_BYTES {
        work()
    } else {
        py.detach(work)
    }
}

/// A buffer that an object has exported; dropping it gives it back.
struct View<'place>(&'place mut ffi::Py_buffer);

impl<'place> View<'place> {
    /// `place` is where it lies until then: it may point into itself.
    fn of(
        object: &Bound<'_, PyAny>,
        flags: c_int,
        place: &'place mut MaybeUninit<ffi::Py_buffer>,
    ) -> PyResult<Self> {
        // SAFETY: attached, a live object, and memory for what it exports.
        let refused =
            unsafe { ffi::PyObject_GetBuffer(object.as_ptr(), place.as_mut_ptr(), flags) };
        if refused != 0 {
            return Err(PyErr::fetch(object.py()));
        }
        // SAFETY: filled in, since nothing was refused.
        Ok(Self(unsafe { place.assume_init_mut() }))
    }

    fn check(&self, record_bytes: usize) -> PyResult<()> {
        let length = self.length();
        if length.is_multiple_of(record_bytes) {
            return Ok(());
        }
        Err(PyValueError::new_err(format!(
            "a record has {record_bytes} bytes here, and {length} bytes are no whole records: pass \
             an array of the kernel's dtype"
        )))
    }

    fn length(&self) -> usize {
        self.0.len.cast_unsigned()
    }

    /// Where the bytes begin; an empty buffer may export no address.
    fn start(&self) -> *mut u8 {
        if self.0.buf.is_null() {
            std::ptr::dangling_mut()
        } else {
            self.0.buf.cast()
        }
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        // SAFETY: attached, as whoever made it; exported in `of` and given back here only.
        unsafe { ffi::PyBuffer_Release(self.0) };
    }
}
