//! Rows of messages and replies by the fast path: one call for as many as can move at once.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::fast_path::{FastPath, fits};
use super::mailbox::ObjectMailbox;
use crate::mailbox::{self, Take};

type Object = Py<PyAny>;

impl FastPath {
    /// Puts messages into the input queue; how many. All of them are checked before the first
    /// moves.
    pub(super) fn offer_row(&self, row: &Bound<'_, PyTuple>) -> PyResult<usize> {
        let py = row.py();
        if row.is_empty() || !are_fit(row, self.input_type.as_ref())? {
            return Ok(0);
        }
        let Ok(priorities) = self.priorities_of(row) else {
            return Ok(0); // which will be said by the call that waits
        };
        if self.has_waiting_sender(py) || self.has_waiting_taker(py) {
            return Ok(0);
        }
        if let Some(stepper) = self.stepper(py) {
            stepper.get().wake(py)?; // before a message has moved: this may raise
        }
        let messages = objects_of(row).zip(priorities);
        let (count, dropped) = self
            .mailbox()
            .with(py, |mailbox| mailbox.offer_batch(messages));
        drop(dropped); // here their code may run
        Ok(count)
    }

    /// Puts replies into the output queue; how many. All of them are checked before the first
    /// moves.
    pub(super) fn reply_row(&self, row: &Bound<'_, PyTuple>) -> PyResult<usize> {
        let py = row.py();
        if !are_fit(row, self.output_type.as_ref())? || self.is_reply_for_others(py) {
            return Ok(0);
        }
        let replies = objects_of(row);
        Ok(self
            .mailbox()
            .with(py, |mailbox| mailbox.reply_batch(replies)))
    }

    fn priorities_of(&self, row: &Bound<'_, PyTuple>) -> PyResult<Vec<u8>> {
        let priorities = &self.mailbox().priorities;
        row.iter_borrowed()
            .map(|message| priorities.of(&message))
            .collect()
    }
}

impl ObjectMailbox {
    /// A list of one to `most` messages for the kernel, whose asking ends those in flight; `again`:
    /// it has asked before.
    pub(super) fn take_row(
        &self,
        py: Python<'_>,
        most: usize,
        again: bool,
    ) -> PyResult<Take<Object>> {
        let asked = self.with(py, |mailbox| {
            if again {
                mailbox.ask_batch_again(most)
            } else {
                mailbox.ask_batch(most)
            }
        });
        Ok(match asked {
            Take::Message(count) => {
                let next = || self.with(py, mailbox::ObjectMailbox::hand_out);
                let row = list_of(py, count, next)?;
                if row.is_empty() {
                    return self.take_row(py, most, true);
                }
                Take::Message(row.into_any().unbind())
            }
            Take::Empty => Take::Empty,
            Take::End => Take::End,
        })
    }

    /// A list of the `count` oldest replies; fewer where there are fewer now.
    pub(super) fn collect_row<'py>(
        &self,
        py: Python<'py>,
        count: usize,
    ) -> PyResult<Bound<'py, PyList>> {
        list_of(py, count, || {
            self.with(py, mailbox::ObjectMailbox::collect_value)
        })
    }
}

/// The rest of a row, as far as so many places go.
pub(super) fn rest_of<'py>(
    row: &Bound<'py, PyTuple>,
    start: usize,
    places: usize,
) -> Bound<'py, PyTuple> {
    match start {
        0 => row.clone(),
        _ => row.get_slice(start, start.saturating_add(places)),
    }
}

fn are_fit(row: &Bound<'_, PyTuple>, kind: Option<&Object>) -> PyResult<bool> {
    if kind.is_some() {
        for object in row.iter_borrowed() {
            if !fits(&object, kind)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn objects_of(row: &Bound<'_, PyTuple>) -> impl ExactSizeIterator<Item = Object> {
    row.iter_borrowed().map(|object| object.to_owned().unbind())
}

/// A list of at most `count` objects, for which memory is there before the first of them moves.
fn list_of(
    py: Python<'_>,
    count: usize,
    mut next: impl FnMut() -> Option<Object>,
) -> PyResult<Bound<'_, PyList>> {
    let mut moved = 0;
    let objects = (0..count).map(|_| {
        let object = next()?;
        moved += 1;
        Some(object)
    });
    let list = PyList::new(py, objects)?; // the collector may run first, and code that takes some
    if moved < count {
        list.del_slice(moved, count)?;
    }
    Ok(list)
}
