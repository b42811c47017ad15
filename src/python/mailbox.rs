//! The mailbox of task and thread kernels.

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use super::clock::MockClock;
use super::ledger::open_ledger;
use super::message::{self, ACCEPTED, CLOSED, ErrorReply, FULL, Priorities};
use super::snapshot::{Snapshot, known_state};
use crate::gil::GilCell;
use crate::mailbox::{self, End, MailboxOptions, Offer, Reply, ReplyOutcome, Take};

type Object = Py<PyAny>;

/// Two bounded queues of one kernel and the record that counts what passes them.
///
/// No call waits. Every call moves and counts at once, under the interpreter lock, so that any
/// thread sees queues and counts agree. Without telemetry nothing is counted or timed.
#[pyclass(module = "pydotcompute._core", frozen, weakref)]
#[derive(Debug)]
pub(crate) struct ObjectMailbox {
    mailbox: GilCell<mailbox::ObjectMailbox<Object>>,
    pub(super) priorities: Priorities,
}

impl ObjectMailbox {
    #[inline]
    pub(super) fn with<R>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut mailbox::ObjectMailbox<Object>) -> R,
    ) -> R {
        self.mailbox.with(py, work)
    }
}

#[pymethods]
impl ObjectMailbox {
    /// A paused mailbox of a launched kernel. Sizes are at least 1 (ValueError otherwise, and where
    /// `kernel_id` is longer than `ID_BYTES` bytes of UTF-8). `latency`: waits and services are
    /// timed, where telemetry is on; `generation` decides which. `first_count`: where counts start,
    /// for tests of large ones; five times that for the messages received.
    #[new]
    #[pyo3(signature = (kernel_id, *, queue_size, output_queue_size, drop_oldest = false,
        replies = true, telemetry = true, latency = true, generation = 0, first_count = 0,
        clock = None))]
    #[allow(
        clippy::too_many_arguments,
        clippy::fn_params_excessive_bools,
        reason = "keyword-only options of one constructor"
    )]
    fn new(
        kernel_id: &str,
        queue_size: usize,
        output_queue_size: usize,
        drop_oldest: bool,
        replies: bool,
        telemetry: bool,
        latency: bool,
        generation: u64,
        first_count: u64,
        clock: Option<&Bound<'_, MockClock>>,
    ) -> PyResult<Self> {
        if queue_size == 0 || output_queue_size == 0 {
            let got = format!("{queue_size} and {output_queue_size}");
            return Err(PyValueError::new_err(format!(
                "queue sizes start at 1, got {got}"
            )));
        }
        let ledger = telemetry
            .then(|| open_ledger(kernel_id, latency, generation, first_count, clock))
            .transpose()?;
        let options = MailboxOptions {
            queue_size,
            output_queue_size,
            drop_oldest,
            replies,
        };
        Ok(Self {
            mailbox: GilCell::new(mailbox::ObjectMailbox::new(options, ledger)),
            priorities: Priorities::new(),
        })
    }

    /// Raise PriorityError where a message class's priority is not an int from 0 to 255.
    fn check_priority(&self, message: &Bound<'_, PyAny>) -> PyResult<()> {
        self.priorities.of(message).map(drop)
    }

    /// Put a message into the input queue: ACCEPTED, FULL or CLOSED. `refuse`: a full queue counts
    /// as a rejected send. PriorityError as `check_priority()`.
    #[pyo3(signature = (message, *, refuse = false))]
    fn offer(&self, message: &Bound<'_, PyAny>, refuse: bool) -> PyResult<u8> {
        let priority = self.priorities.of(message)?;
        let sent = message.clone().unbind();
        let offer = self.with(message.py(), |mailbox| {
            mailbox.offer(sent, priority, refuse)
        });
        Ok(match &offer {
            Offer::Accepted(_) => ACCEPTED,
            Offer::Full(_) => FULL,
            Offer::Closed(_) => CLOSED,
        })
    }

    /// The kernel's next message, EMPTY or END. Asking ends the messages in flight; `again` tries
    /// once more what was asked for already, and ends none.
    #[pyo3(signature = (*, again = false))]
    fn take(&self, py: Python<'_>, again: bool) -> PyResult<Object> {
        let taken = self.with(py, |mailbox| {
            if again {
                mailbox.take_again()
            } else {
                mailbox.take()
            }
        });
        match taken {
            Take::Message(taken) => Ok(taken),
            Take::Empty => message::empty(py),
            Take::End => message::end(py),
        }
    }

    /// Up to `max_messages` messages as a list of at least one, or EMPTY or END; `again` as in
    /// `take()`.
    #[pyo3(signature = (max_messages, *, again = false))]
    fn take_batch(&self, py: Python<'_>, max_messages: usize, again: bool) -> PyResult<Object> {
        match self.take_row(py, max_messages, again)? {
            Take::Message(taken) => Ok(taken),
            Take::Empty => message::empty(py),
            Take::End => message::end(py),
        }
    }

    /// Put a reply into the output queue: ACCEPTED, FULL or CLOSED.
    fn reply(&self, py: Python<'_>, message: Object) -> u8 {
        let outcome = self.with(py, |mailbox| mailbox.reply(message));
        reply_code(&outcome)
    }

    /// Put an error in the place of a reply: ACCEPTED, FULL or CLOSED. `counted`: the exception is
    /// among the errors already.
    #[pyo3(signature = (error, *, counted = false))]
    fn fail(&self, py: Python<'_>, error: Object, counted: bool) -> u8 {
        let outcome = self.with(py, |mailbox| mailbox.fail(error, counted));
        reply_code(&outcome)
    }

    /// The oldest reply, or the one at `index` from it, an ErrorReply, or EMPTY.
    #[pyo3(signature = (index = 0))]
    fn collect(&self, py: Python<'_>, index: usize) -> PyResult<Object> {
        match self.with(py, |mailbox| mailbox.collect_at(index)) {
            Some(Reply::Value(reply)) => Ok(reply),
            Some(Reply::Error(error)) => Ok(Py::new(py, ErrorReply::from(error))?.into_any()),
            None => message::empty(py),
        }
    }

    /// The oldest reply or the error in its place, left where it is, or EMPTY.
    fn peek_reply(&self, py: Python<'_>) -> PyResult<Object> {
        let reply = self.with(py, |mailbox| {
            mailbox.replies().next().map(|reply| reply.clone_ref(py))
        });
        reply.map_or_else(|| message::empty(py), Ok)
    }

    /// All replies and errors in the place of replies, oldest first, left where they are.
    fn peek_replies(&self, py: Python<'_>) -> Vec<Object> {
        self.with(py, |mailbox| {
            let replies = mailbox.replies().map(|reply| reply.clone_ref(py));
            replies.collect()
        })
    }

    /// Count an error and mark the oldest unmarked message in flight.
    fn record_error(&self, py: Python<'_>) {
        self.with(py, mailbox::ObjectMailbox::record_error);
    }

    /// The kernel returned or met the end of its input; how many messages were discarded.
    fn end_returned(&self, py: Python<'_>) -> u64 {
        self.end(py, End::Returned)
    }

    /// An exception left the kernel; how many messages were discarded. `counted`: the exception is
    /// among the errors already.
    #[pyo3(signature = (*, counted = false))]
    fn end_raised(&self, py: Python<'_>, counted: bool) -> u64 {
        self.end(py, End::Raised { counted })
    }

    /// An exception left the kernel, whose code starts again on the same queues; how many messages
    /// were discarded. `counted`: the exception is among the errors already.
    #[pyo3(signature = (*, counted = false))]
    fn restart(&self, py: Python<'_>, counted: bool) -> u64 {
        self.with(py, |mailbox| mailbox.restart(counted))
    }

    /// The kernel was cancelled; how many messages were discarded.
    fn end_cancelled(&self, py: Python<'_>) -> u64 {
        self.end(py, End::Cancelled)
    }

    /// Throw the replies nobody collected away; how many there were.
    fn discard_replies(&self, py: Python<'_>) -> usize {
        self.with(py, mailbox::ObjectMailbox::discard_replies).len()
    }

    /// Hand out no messages until `resume()`.
    fn pause(&self, py: Python<'_>) {
        self.with(py, mailbox::ObjectMailbox::pause);
    }

    /// Hand out messages.
    fn resume(&self, py: Python<'_>) {
        self.with(py, mailbox::ObjectMailbox::resume);
    }

    /// Accept no more messages; those queued are still handed out, then END.
    fn close_input(&self, py: Python<'_>) {
        self.with(py, mailbox::ObjectMailbox::close_input);
    }

    /// Accept no more replies; those made can still be collected.
    fn close_output(&self, py: Python<'_>) {
        self.with(py, mailbox::ObjectMailbox::close_output);
    }

    /// Note the kernel's state, a value of KernelState (ValueError otherwise), in the record; the
    /// first activation and the end are stamped.
    fn set_state(&self, py: Python<'_>, state: &str) -> PyResult<()> {
        let state = known_state(state)?;
        self.with(py, |mailbox| {
            if let Some(ledger) = mailbox.ledger() {
                ledger.set_state(state);
            }
        });
        Ok(())
    }

    /// Record and queues at one moment. RuntimeError where the mailbox was made without telemetry.
    fn snapshot(&self, py: Python<'_>) -> PyResult<Snapshot> {
        let snapshot = self.with(py, |mailbox| mailbox.snapshot());
        let missing = || PyRuntimeError::new_err("nothing is counted: made with telemetry=False");
        snapshot.map(Snapshot).ok_or_else(missing)
    }

    /// Messages in the input queue.
    #[getter]
    fn queue_depth(&self, py: Python<'_>) -> u64 {
        self.with(py, |mailbox| mailbox.depths().queue)
    }

    /// Messages taken and not ended.
    #[getter]
    fn in_flight(&self, py: Python<'_>) -> u64 {
        self.with(py, |mailbox| mailbox.depths().in_flight)
    }

    /// Replies and error replies in the output queue.
    #[getter]
    fn output_depth(&self, py: Python<'_>) -> u64 {
        self.with(py, |mailbox| mailbox.depths().output)
    }

    /// Whether the kernel has no work: nothing queued or in flight, and it has asked for more.
    #[getter]
    fn is_idle(&self, py: Python<'_>) -> bool {
        self.with(py, |mailbox| mailbox.is_idle())
    }

    /// Whether the oldest reply is an error.
    #[getter]
    fn is_error_next(&self, py: Python<'_>) -> bool {
        self.with(py, |mailbox| mailbox.is_error_next())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.priorities.traverse(&visit)?;
        match self.mailbox.look() {
            Some(mailbox) => mailbox.objects().try_for_each(|held| visit.call(held)),
            None => Ok(()),
        }
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.with(py, |mailbox| mailbox.end(End::Cancelled)));
        drop(self.with(py, mailbox::ObjectMailbox::discard_replies));
    }
}

impl ObjectMailbox {
    fn end(&self, py: Python<'_>, end: End) -> u64 {
        let (queued, discarded) = self.with(py, |mailbox| mailbox.end(end));
        drop(queued);
        discarded
    }
}

fn reply_code(outcome: &ReplyOutcome<Object>) -> u8 {
    match outcome {
        ReplyOutcome::Sent => ACCEPTED,
        ReplyOutcome::Full(_) => FULL,
        ReplyOutcome::Closed(_) => CLOSED,
    }
}
