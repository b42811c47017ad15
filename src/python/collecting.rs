//! How a caller gets replies by the fast path, and runs the kernel that makes them.

use pyo3::prelude::*;

use super::fast_path::FastPath;
use super::message;
use crate::task::{Ran, Stepper};

type Object = Py<PyAny>;

/// What a caller's try to get a reply came to.
enum Got {
    Reply(Object),
    Nothing,
    /// Nothing yet, but the kernel has messages and may be run.
    Work,
}

impl FastPath {
    fn try_collect(&self, py: Python<'_>) -> Got {
        if self.is_collected_in_line(py) || self.is_reply_expected(py) {
            return Got::Nothing;
        }
        let (reply, has_message) = self.mailbox().with(py, |mailbox| {
            let reply = mailbox.collect_value();
            let has_work = reply.is_none() && !mailbox.is_error_next() && mailbox.has_message();
            (reply, has_work)
        });
        match reply {
            Some(reply) => Got::Reply(reply),
            None if has_message => Got::Work,
            None => Got::Nothing,
        }
    }

    fn try_collect_row(&self, py: Python<'_>, most: usize) -> PyResult<Got> {
        if self.is_collected_in_line(py) || self.is_reply_expected(py) {
            return Ok(Got::Nothing);
        }
        let count = self
            .mailbox()
            .with(py, |mailbox| mailbox.replies_ready(most));
        if count > 0 {
            let row = self.mailbox().collect_row(py, count)?;
            if !row.is_empty() {
                return Ok(Got::Reply(row.into_any().unbind()));
            }
        }
        let has_work = self.mailbox().with(py, |mailbox| {
            !mailbox.is_error_next() && mailbox.has_message()
        });
        Ok(if has_work { Got::Work } else { Got::Nothing })
    }

    /// See `FastPath.receive()`.
    pub(super) fn receive_one(&self, py: Python<'_>) -> PyResult<Object> {
        self.until_reply(py, || Ok(self.try_collect(py)))
    }

    /// See `FastPath.receive_answer()`.
    pub(super) fn receive_answer_to(&self, message: &Bound<'_, PyAny>) -> PyResult<Object> {
        self.until_reply(message.py(), || self.try_collect_answer_to(message))
    }

    fn try_collect_answer_to(&self, message: &Bound<'_, PyAny>) -> PyResult<Got> {
        let (py, mailbox) = (message.py(), self.mailbox());
        let oldest = mailbox.with(py, |mailbox| {
            let oldest = mailbox.replies().next();
            oldest.map(|reply| reply.bind(py).clone())
        });
        match oldest {
            Some(reply)
                if mailbox.priorities.is_message(&reply)?
                    && !message::may_answer(&reply, message)? =>
            {
                Ok(Got::Nothing)
            }
            _ => Ok(self.try_collect(py)),
        }
    }

    /// See `FastPath.receive_batch()`.
    pub(super) fn receive_row(&self, py: Python<'_>, most: usize) -> PyResult<Object> {
        self.until_reply(py, || self.try_collect_row(py, most))
    }

    /// See `FastPath.collect_batch()`.
    pub(super) fn collect_row(&self, py: Python<'_>, most: usize) -> PyResult<Object> {
        match self.try_collect_row(py, most)? {
            Got::Reply(row) => Ok(row),
            Got::Nothing | Got::Work => message::empty(py),
        }
    }

    /// What `attempt` gives, for which the kernel may be run by the caller's task; or EMPTY.
    fn until_reply(&self, py: Python<'_>, attempt: impl Fn() -> PyResult<Got>) -> PyResult<Object> {
        if !self.place.is_here(py, &self.home)? {
            return message::empty(py);
        }
        loop {
            match attempt()? {
                Got::Reply(reply) => return Ok(reply),
                Got::Nothing => break,
                Got::Work => {}
            }
            match self.run_kernel(py)? {
                Ran::Yes => {}
                Ran::No => break,
                Ran::YesAndCancelled | Ran::NotNow => {
                    self.is_turn_due.with(py, |is_due| *is_due = true);
                    break;
                }
            }
        }
        if let Some(stepper) = self.stepper(py) {
            stepper.get().wake_again(py)?;
        }
        message::empty(py)
    }

    fn run_kernel(&self, py: Python<'_>) -> PyResult<Ran> {
        match self.stepper(py) {
            Some(stepper) => Stepper::run_for_caller(stepper.bind(py)),
            None => Ok(Ran::No),
        }
    }
}
