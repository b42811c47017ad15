//! A mailbox's calls as long as nobody has to wait for anybody.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::mailbox::ObjectMailbox;
use super::message;
use super::rows::rest_of;
use super::timer::Timer;
use crate::gil::GilCell;
use crate::mailbox::{Offer, ReplyOutcome, Take};
use crate::task::{Place, Stepper};

type Object = Py<PyAny>;

/// The calls of one mailbox that callers and kernel make, each of them one call from Python.
///
/// Each either does everything or nothing: nothing where somebody waits in line, where somebody
/// watches, or where the call would have to wait or to fail. What it left undone is for `waiting`,
/// which does it with all that may come of it. Belongs to the kernel's event loop.
#[pyclass(module = "pydotcompute._core", frozen)]
#[derive(Debug)]
pub(crate) struct FastPath {
    mailbox: Py<ObjectMailbox>,
    pub(super) home: Object,
    pub(super) place: Place,
    /// The calls that wait, of the same mailbox.
    pub(super) waiting: Object,
    input_space: Py<PyList>,
    input_ready: Py<PyList>,
    output_ready: Py<PyList>,
    output_space: Py<PyList>,
    callers: Py<PyDict>,
    watchers: Py<PyList>,
    pub(super) input_type: Option<Object>,
    pub(super) output_type: Option<Object>,
    stepper: GilCell<Option<Py<Stepper>>>,
    pub(super) timer: Timer,
    pub(super) wait: GilCell<Wait>,
    pub(super) is_turn_due: GilCell<bool>,
}

/// What the kernel's own task asked for, and waits for parked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wait {
    /// For a list: how many messages at most.
    pub(super) most: Option<usize>,
    pub(super) timeout: Option<f64>,
    has_yielded: bool,
}

impl Wait {
    /// Whether it ends in time; a wait before it, broken off, may have left a deadline.
    fn is_in_time(self) -> bool {
        self.timeout.is_some_and(f64::is_finite)
    }
}

impl FastPath {
    #[inline]
    pub(super) fn mailbox(&self) -> &ObjectMailbox {
        self.mailbox.get()
    }

    #[inline]
    pub(super) fn stepper(&self, py: Python<'_>) -> Option<Py<Stepper>> {
        let stepper = &self.stepper;
        stepper.with(py, |held| held.as_ref().map(|held| held.clone_ref(py)))
    }

    /// Whether a sender waits for room.
    #[inline]
    pub(super) fn has_waiting_sender(&self, py: Python<'_>) -> bool {
        !self.input_space.bind(py).is_empty()
    }

    /// Whether a task of the kernel waits in line for a message.
    #[inline]
    pub(super) fn has_waiting_taker(&self, py: Python<'_>) -> bool {
        !self.input_ready.bind(py).is_empty()
    }

    /// Whether somebody wants to know when the kernel is quiet.
    #[inline]
    pub(super) fn is_watched(&self, py: Python<'_>) -> bool {
        !self.watchers.bind(py).is_empty()
    }

    /// Whether somebody waits, or watches, to whom a reply matters.
    #[inline]
    pub(super) fn is_reply_for_others(&self, py: Python<'_>) -> bool {
        self.is_collected_in_line(py) || self.is_watched(py)
    }

    /// Whether somebody waits in line for a reply, or for the room that collecting one makes.
    #[inline]
    pub(super) fn is_collected_in_line(&self, py: Python<'_>) -> bool {
        !self.output_ready.bind(py).is_empty() || !self.output_space.bind(py).is_empty()
    }

    /// Whether a caller waits for a reply of its own.
    #[inline]
    pub(super) fn is_reply_expected(&self, py: Python<'_>) -> bool {
        !self.callers.bind(py).is_empty()
    }
}

#[pymethods]
impl FastPath {
    /// The fast path of `mailbox`. Four lines, the callers with replies of their own and the
    /// watchers are containers that are empty where nobody is in them; types of messages and
    /// replies are what isinstance() takes, None for any. `waiting` has the calls that wait;
    /// `has_loop_time`: whether `home`, the loop, keeps the time of `CLOCK_MONOTONIC`.
    #[new]
    #[pyo3(signature = (mailbox, waiting, *, home, has_loop_time, input_space, input_ready,
        output_ready, output_space, callers, watchers, input_type = None, output_type = None))]
    #[allow(
        clippy::too_many_arguments,
        reason = "keyword-only parts of one constructor"
    )]
    fn new(
        py: Python<'_>,
        mailbox: Py<ObjectMailbox>,
        waiting: Object,
        home: Object,
        has_loop_time: bool,
        input_space: Py<PyList>,
        input_ready: Py<PyList>,
        output_ready: Py<PyList>,
        output_space: Py<PyList>,
        callers: Py<PyDict>,
        watchers: Py<PyList>,
        input_type: Option<Object>,
        output_type: Option<Object>,
    ) -> Self {
        Self {
            mailbox,
            timer: Timer::new(has_loop_time.then(|| home.clone_ref(py))),
            home,
            place: Place::here(),
            waiting,
            input_space,
            input_ready,
            output_ready,
            output_space,
            callers,
            watchers,
            input_type,
            output_type,
            stepper: GilCell::new(None),
            wait: GilCell::new(Wait::default()),
            is_turn_due: GilCell::new(false),
        }
    }

    /// Let callers run the kernel's code through this stepper, until the next one; None: no more.
    #[pyo3(signature = (stepper))]
    fn bind(&self, py: Python<'_>, stepper: Option<Py<Stepper>>) {
        drop(
            self.stepper
                .with(py, |held| std::mem::replace(held, stepper)),
        );
        self.timer.stop(py);
    }

    /// Put a message into the input queue; whether it was done. Nothing where another loop runs.
    fn send(&self, message: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = message.py();
        if !self.place.is_here(py, &self.home)? {
            return Ok(false);
        }
        if !fits(message, self.input_type.as_ref())? {
            return Ok(false);
        }
        let Ok(priority) = self.mailbox().priorities.of(message) else {
            return Ok(false); // which will be said by the call that waits
        };
        if self.has_waiting_sender(py) || self.has_waiting_taker(py) {
            return Ok(false);
        }
        if let Some(stepper) = self.stepper(py) {
            stepper.get().wake(py)?; // before the message has moved: this may raise
        }
        let sent = message.clone().unbind();
        let offer = self
            .mailbox()
            .with(py, |mailbox| mailbox.offer(sent, priority, false));
        Ok(matches!(offer, Offer::Accepted(_)))
    }

    /// Put messages into the input queue, from the one at `start` on; how many. From 0 on, all are
    /// checked before the first moves. Nothing where another loop runs.
    #[pyo3(signature = (messages, start = 0))]
    fn send_batch(&self, messages: &Bound<'_, PyTuple>, start: usize) -> PyResult<usize> {
        let py = messages.py();
        if !self.place.is_here(py, &self.home)? {
            return Ok(0);
        }
        let room = self.mailbox().with(py, |mailbox| mailbox.input_room());
        self.offer_row(&rest_of(messages, start, room))
    }

    /// The oldest reply, for which the kernel may be run by the caller's task; or EMPTY, also where
    /// another loop runs.
    fn receive(&self, py: Python<'_>) -> PyResult<Object> {
        self.receive_one(py)
    }

    /// The same where that reply names no message, or this one.
    fn receive_answer(&self, message: &Bound<'_, PyAny>) -> PyResult<Object> {
        self.receive_answer_to(message)
    }

    /// A list of one to `max_messages` of the oldest replies, up to an error; else as `receive()`.
    fn receive_batch(&self, py: Python<'_>, max_messages: usize) -> PyResult<Object> {
        self.receive_row(py, max_messages)
    }

    /// The same without running the kernel.
    fn collect_batch(&self, py: Python<'_>, max_messages: usize) -> PyResult<Object> {
        self.collect_row(py, max_messages)
    }

    /// Whether the caller, who just got EMPTY, is to let the loop turn before it tries again.
    fn is_turn_due(&self, py: Python<'_>) -> bool {
        self.is_turn_due.with(py, std::mem::take)
    }

    /// The kernel's next message; asking ends the messages in flight. PARK: await this object, then
    /// ask `take_again()`. EMPTY: nothing was done that matters to the call that waits.
    fn take(slf: &Bound<'_, Self>) -> PyResult<Object> {
        Self::ask(slf, None, None)
    }

    /// The same for a kernel that waits so many seconds.
    fn take_within(slf: &Bound<'_, Self>, timeout: f64) -> PyResult<Object> {
        Self::ask(slf, None, Some(timeout))
    }

    /// A list of one to `max_messages` messages; else as `take()`.
    #[pyo3(signature = (max_messages, timeout = None))]
    fn take_batch(
        slf: &Bound<'_, Self>,
        max_messages: usize,
        timeout: Option<f64>,
    ) -> PyResult<Object> {
        Self::ask(slf, Some(max_messages), timeout)
    }

    /// What was asked for and waited for. QueueTimeoutError where it has been too long.
    fn take_again(&self, py: Python<'_>) -> PyResult<Object> {
        if self.mailbox().with(py, |mailbox| mailbox.has_message()) {
            self.wake_others(py)?; // before the message has moved: this may raise
        }
        let wait = self.wait.with(py, |wait| *wait);
        match self.try_take(py, wait.most, true)? {
            Take::Message(message) => {
                self.timer.wait_no_more(py);
                Ok(message)
            }
            Take::Empty if wait.is_in_time() && self.timer.is_over(py) => {
                self.timer.wait_no_more(py);
                Err(self.late(py, wait.timeout))
            }
            Take::Empty => self.park(py),
            Take::End => {
                self.timer.wait_no_more(py);
                message::empty(py)
            }
        }
    }

    /// Wait no more, without a message: who waits behind may get it.
    fn leave(&self, py: Python<'_>) -> PyResult<()> {
        self.timer.wait_no_more(py);
        self.wake_others(py)
    }

    fn __await__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        let wait = &slf.get().wait;
        wait.with(slf.py(), |wait| wait.has_yielded = false);
        slf
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> Option<Object> {
        let stepper = self.stepper(py)?;
        let had_yielded = self
            .wait
            .with(py, |wait| std::mem::replace(&mut wait.has_yielded, true));
        if had_yielded {
            return None;
        }
        Some(stepper.get().parking(py))
    }

    /// Put a reply into the output queue; whether it was done.
    fn reply(&self, reply: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = reply.py();
        if !fits(reply, self.output_type.as_ref())? || self.is_reply_for_others(py) {
            return Ok(false);
        }
        let sent = reply.clone().unbind();
        let outcome = self.mailbox().with(py, |mailbox| mailbox.reply(sent));
        Ok(matches!(outcome, ReplyOutcome::Sent))
    }

    /// Put replies into the output queue, from the one at `start` on; how many. From 0 on, all are
    /// checked before the first moves.
    #[pyo3(signature = (replies, start = 0))]
    fn reply_batch(&self, replies: &Bound<'_, PyTuple>, start: usize) -> PyResult<usize> {
        let room = self
            .mailbox()
            .with(replies.py(), |mailbox| mailbox.output_room());
        self.reply_row(&rest_of(replies, start, room))
    }

    /// The time that a parked kernel waits for may have come.
    fn on_time(slf: &Bound<'_, Self>) -> PyResult<()> {
        let path = slf.get();
        if path.timer.is_due(slf)?
            && let Some(stepper) = path.stepper(slf.py())
        {
            stepper.get().wake(slf.py())?;
        }
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.mailbox)?;
        visit.call(&self.home)?;
        let lines = [
            &self.input_space,
            &self.input_ready,
            &self.output_ready,
            &self.output_space,
            &self.watchers,
        ];
        for line in lines {
            visit.call(line)?;
        }
        visit.call(&self.waiting)?;
        visit.call(&self.callers)?;
        let types = [&self.input_type, &self.output_type];
        for object in types.into_iter().flatten() {
            visit.call(object)?;
        }
        if let Some(Some(stepper)) = self.stepper.look().as_deref() {
            visit.call(stepper)?;
        }
        self.timer.traverse(&visit)
    }

    fn __clear__(&self, py: Python<'_>) {
        self.bind(py, None);
    }
}

#[inline]
pub(super) fn fits(object: &Bound<'_, PyAny>, kind: Option<&Object>) -> PyResult<bool> {
    kind.map_or(Ok(true), |kind| object.is_instance(kind.bind(object.py())))
}
