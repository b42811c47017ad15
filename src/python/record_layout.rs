//! Messages of plain fields, as records and back.

use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyString, PyTuple, PyType};

use super::instance;
use crate::queue::NORMAL_PRIORITY;

/// The largest record that is written and read here.
pub(super) const MOST_BYTES: usize = 256;

/// A scalar of C, known by the letter that Python's `struct` has for it.
#[derive(Clone, Copy, Debug)]
enum Scalar {
    Bool,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

#[derive(Debug)]
struct Field {
    name: Py<PyString>,
    scalar: Scalar,
    offset: usize,
}

/// How messages of `kind`, a class whose instances are made of the values of `fields` by position,
/// lie in records of `record_bytes`, at most MOST_BYTES: of each field its name, the letter of its
/// scalar in `struct` (one of LETTERS) and its offset. ValueError where that is no layout.
/// `only_stores`: making an instance does no more than to store these values as attributes.
#[pyclass(module = "pydotcompute._core", frozen)]
#[derive(Debug)]
pub(crate) struct RecordLayout {
    kind: Py<PyType>,
    /// The arguments of `object.__new__`, where an instance is made without its `__init__`.
    bare: Option<Py<PyTuple>>,
    fields: Vec<Field>,
    record_bytes: usize,
    normal_priority: Py<PyInt>,
}

#[pymethods]
impl RecordLayout {
    #[classattr]
    const MOST_BYTES: usize = MOST_BYTES;

    #[classattr]
    const LETTERS: &'static str = "?bBhHiIqQfd";

    #[new]
    #[pyo3(signature = (kind, fields, record_bytes, *, only_stores = false))]
    fn new(
        py: Python<'_>,
        kind: Py<PyType>,
        fields: Vec<(Py<PyString>, char, usize)>,
        record_bytes: usize,
        only_stores: bool,
    ) -> PyResult<Self> {
        let fields = fields.into_iter();
        let fields = fields.map(|declared| Field::new(py, declared, record_bytes));
        let fields = fields.collect::<Option<Vec<Field>>>();
        let missing = || {
            PyValueError::new_err(
                "a field is no scalar, or lies outside the record, or that is too large",
            )
        };
        let bare = only_stores.then(|| PyTuple::new(py, [&kind]));
        Ok(Self {
            bare: bare.transpose()?.map(Bound::unbind),
            kind,
            fields: fields
                .filter(|_| record_bytes <= MOST_BYTES)
                .ok_or_else(missing)?,
            record_bytes,
            normal_priority: NORMAL_PRIORITY.into_pyobject(py)?.unbind(),
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.kind)?;
        self.bare.as_ref().map_or(Ok(()), |bare| visit.call(bare))
    }
}

impl RecordLayout {
    /// Writes a message as the first of the bytes, and gives those; None where it is of another
    /// type, has another priority, or a value that is not just what the record has.
    #[inline]
    pub(super) fn write<'bytes>(
        &self,
        message: &Bound<'_, PyAny>,
        bytes: &'bytes mut [u8; MOST_BYTES],
    ) -> PyResult<Option<&'bytes [u8]>> {
        let py = message.py();
        if !message.get_type().is(&self.kind) {
            return Ok(None);
        }
        let priority = message.getattr(intern!(py, "priority"))?;
        if !priority.is(&self.normal_priority) {
            return Ok(None);
        }
        for field in &self.fields {
            let value = message.getattr(&field.name)?;
            let place = &mut bytes[field.offset..];
            if field.scalar.write(&value, place).is_none() {
                return Ok(None);
            }
        }
        Ok(Some(&bytes[..self.record_bytes]))
    }

    /// The message that the first of the bytes are.
    #[inline]
    pub(super) fn read(&self, py: Python<'_>, bytes: &[u8; MOST_BYTES]) -> PyResult<Py<PyAny>> {
        let made = match &self.bare {
            Some(bare) => self.read_into(instance::new(py)?.call1(bare.bind(py))?, bytes)?,
            None => self.kind.bind(py).call1(self.values(py, bytes)?)?,
        };
        Ok(made.unbind())
    }

    #[inline]
    fn read_into<'py>(
        &self,
        made: Bound<'py, PyAny>,
        bytes: &[u8; MOST_BYTES],
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = made.py();
        for field in &self.fields {
            instance::set(&made, field.name.bind(py), &field.read(py, bytes)?)?;
        }
        Ok(made)
    }

    fn values<'py>(
        &self,
        py: Python<'py>,
        bytes: &[u8; MOST_BYTES],
    ) -> PyResult<Bound<'py, PyTuple>> {
        let values = self.fields.iter().map(|field| field.read(py, bytes));
        PyTuple::new(py, values.collect::<PyResult<Vec<_>>>()?)
    }

    pub(super) fn record_bytes(&self) -> usize {
        self.record_bytes
    }
}

impl Field {
    /// A field by its name, letter and offset; None where it does not lie in the record.
    fn new(
        py: Python<'_>,
        (name, letter, offset): (Py<PyString>, char, usize),
        record_bytes: usize,
    ) -> Option<Self> {
        let scalar = Scalar::of(letter)?;
        let end = offset.checked_add(scalar.bytes())?;
        let name = PyString::intern(py, name.bind(py).to_str().ok()?).unbind();
        (end <= record_bytes).then_some(Self {
            name,
            scalar,
            offset,
        })
    }

    #[inline]
    fn read<'py>(&self, py: Python<'py>, bytes: &[u8; MOST_BYTES]) -> PyResult<Bound<'py, PyAny>> {
        self.scalar.read(py, &bytes[self.offset..])
    }
}

impl Scalar {
    fn of(letter: char) -> Option<Self> {
        Some(match letter {
            '?' => Self::Bool,
            'b' => Self::I8,
            'B' => Self::U8,
            'h' => Self::I16,
            'H' => Self::U16,
            'i' => Self::I32,
            'I' => Self::U32,
            'q' => Self::I64,
            'Q' => Self::U64,
            'f' => Self::F32,
            'd' => Self::F64,
            _ => return None,
        })
    }

    fn bytes(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// Writes a value; None where it is of another type or does not fit.
    #[inline]
    fn write(self, value: &Bound<'_, PyAny>, into: &mut [u8]) -> Option<()> {
        match self {
            Self::Bool => {
                let flag = value.cast_exact::<PyBool>().ok()?.is_true();
                put(into, [u8::from(flag)]);
            }
            Self::I8 => put(into, int::<i8>(value)?.to_ne_bytes()),
            Self::U8 => put(into, int::<u8>(value)?.to_ne_bytes()),
            Self::I16 => put(into, int::<i16>(value)?.to_ne_bytes()),
            Self::U16 => put(into, int::<u16>(value)?.to_ne_bytes()),
            Self::I32 => put(into, int::<i32>(value)?.to_ne_bytes()),
            Self::U32 => put(into, int::<u32>(value)?.to_ne_bytes()),
            Self::I64 => put(into, int::<i64>(value)?.to_ne_bytes()),
            Self::U64 => {
                let number = value.cast_exact::<PyInt>().ok()?;
                put(into, number.extract::<u64>().ok()?.to_ne_bytes());
            }
            Self::F32 => put(into, single(float(value)?)?.to_ne_bytes()),
            Self::F64 => put(into, float(value)?.to_ne_bytes()),
        }
        Some(())
    }

    #[inline]
    fn read<'py>(self, py: Python<'py>, from: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let any = match self {
            Self::Bool => PyBool::new(py, from[0] != 0).to_owned().into_any(),
            Self::I8 => number(py, i8::from_ne_bytes(get(from)).into())?,
            Self::U8 => number(py, from[0].into())?,
            Self::I16 => number(py, i16::from_ne_bytes(get(from)).into())?,
            Self::U16 => number(py, u16::from_ne_bytes(get(from)).into())?,
            Self::I32 => number(py, i32::from_ne_bytes(get(from)).into())?,
            Self::U32 => number(py, u32::from_ne_bytes(get(from)).into())?,
            Self::I64 => number(py, i64::from_ne_bytes(get(from)))?,
            Self::U64 => u64::from_ne_bytes(get(from)).into_pyobject(py)?.into_any(),
            Self::F32 => PyFloat::new(py, f32::from_ne_bytes(get(from)).into()).into_any(),
            Self::F64 => PyFloat::new(py, f64::from_ne_bytes(get(from))).into_any(),
        };
        Ok(any)
    }
}

#[inline]
fn int<T: TryFrom<i64>>(value: &Bound<'_, PyAny>) -> Option<T> {
    let number: i64 = value.cast_exact::<PyInt>().ok()?.extract().ok()?;
    T::try_from(number).ok()
}

#[inline]
fn float(value: &Bound<'_, PyAny>) -> Option<f64> {
    Some(value.cast_exact::<PyFloat>().ok()?.value())
}

/// As `struct` rounds it; None where a finite number would become an infinite one.
#[allow(
    clippy::cast_possible_truncation,
    reason = "rounding is what is asked for"
)]
fn single(number: f64) -> Option<f32> {
    let rounded = number as f32;
    (rounded.is_finite() || !number.is_finite()).then_some(rounded)
}

#[inline]
fn number(py: Python<'_>, value: i64) -> PyResult<Bound<'_, PyAny>> {
    Ok(value.into_pyobject(py)?.into_any())
}

#[inline]
fn put<const N: usize>(into: &mut [u8], bytes: [u8; N]) {
    into[..N].copy_from_slice(&bytes);
}

#[inline]
fn get<const N: usize>(from: &[u8]) -> [u8; N] {
    from[..N].try_into().expect("as long as asked for")
}
